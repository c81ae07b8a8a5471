"""The console in a browser, and what a person does there."""

from typing import TYPE_CHECKING, Any, Literal

from tests.blackbox.wire import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ViewportSize

PATIENCE = 90.0
"""Seconds for anything that is seen in a page, however busy the machine is."""

PHONE_DENSITY = 2


class Console:
    """A page of its own, that shares nothing with others. `errors` are those of its scripts and of its policy. `broken`
    is a part of it, such as a script, that does not arrive when it is asked for the first time."""

    def __init__(
        self, browser: "Browser", url: str, size: "ViewportSize | None" = None, dark: bool = False, broken: str = ""
    ) -> None:
        size = size or {"width": 1280, "height": 860}
        density = PHONE_DENSITY if size["width"] < 600 else 1
        scheme: Literal["dark", "light"] = "dark" if dark else "light"
        self._context = browser.new_context(viewport=size, color_scheme=scheme, device_scale_factor=density)
        self._context.set_default_timeout(PATIENCE * 1000)
        self.errors: list[str] = []
        self.page = self._context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self._logged(message.type, message.text))
        if broken:
            self.page.route(f"**/{broken}", lambda route: route.abort("connectionreset"), times=1)
        self.page.goto(url)

    def _logged(self, kind: str, text: str) -> None:
        if kind == "error" and "ERR_" not in text and "WebSocket connection" not in text:  # nodes that are down
            self.errors.append(text)

    def close(self) -> None:
        self._context.close()

    def wait_for(self, selector: str, state: Literal["attached", "detached", "hidden", "visible"] = "attached") -> None:
        """Until there is such an element, or none."""
        self.page.wait_for_selector(selector, state=state)

    def wait_until(self, expression: str, given: Any = None) -> None:
        """Until this is so. Asked from here: what Playwright would have the page evaluate, its policy forbids."""
        eventually(lambda: bool(self.page.evaluate(expression, given)), expression, seconds=PATIENCE)

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def nodes(self, kind: str) -> set[str]:
        """Names of the cards of this class in the picture."""
        cards = self.page.query_selector_all(f"#picture .card.{kind}")
        return {card.get_attribute("data-node") or "" for card in cards}

    def events(self) -> list[str]:
        """What is listed, the oldest first."""
        return [line.inner_text() for line in self.page.query_selector_all("#events li")][::-1]

    def register(self, username: str, secret: str) -> None:
        self.page.fill("#username", username)
        self.page.fill("#secret", secret)
        self.page.click("#register")
        self.wait_for(f"#who:has-text('{username}')")

    def post(self, text: str) -> None:
        """And see it come back."""
        self.page.fill("#text", text)
        self.page.click("#post button")
        self.wait_for(f"#feed li:has-text('{text}')")
