"""Lines that have begun and not ended: for how long, and how much of them a node holds in all (ADR 11).

A peer that sends a byte a minute holds a link and a piece of memory; a thousand that each send most of a line hold all
of it. Guarantees: both are bounded; those who began longest ago go first. Knows neither lines nor roles.
"""

from oyez.host.link import Link

PATIENCE = 30.0
"""Seconds that a line may take from its first byte to its last. 0: any time."""

SLEPT = 3.0
"""Seconds without a look after which it was this process that did not listen."""

TOTAL = 64 * 1024 * 1024
"""Most bytes of such lines on all links together. 0: any number."""


class Unfinished:
    """Of all links to one node but those that are trusted."""

    def __init__(self, patience: float = PATIENCE, most: int = TOTAL) -> None:
        self.patience = patience
        self.most = most
        self.total = 0
        self._since: dict[Link, float] = {}  # when the line began, the oldest first
        self._size: dict[Link, int] = {}
        self._looked = 0.0

    def __len__(self) -> int:
        return len(self._since)

    def changed(self, now: float, link: Link, size: int, begun: bool) -> None:
        """So much of a line has come on this link, 0: it has ended. `begun`: the line began just now."""
        self.total += size - self._size.pop(link, 0)
        if not size:
            self._since.pop(link, None)
            return
        self._size[link] = size
        if begun or link not in self._since:
            self._since.pop(link, None)
            self._since[link] = now

    def forget(self, link: Link) -> None:
        """The link is gone, or trusted."""
        self._since.pop(link, None)
        self.total -= self._size.pop(link, 0)

    def overdue(self, now: float) -> list[Link]:
        """Those that have taken too long. Who is held is not being read, and can't help it; nor can anybody while this
        process sleeps."""
        if now - self._looked > SLEPT:
            self._since = dict.fromkeys(self._since, now)
        self._looked = now
        found: list[Link] = []
        held: list[Link] = []
        for link, since in self._since.items():
            if not self.patience or now - since < self.patience:
                break
            (held if link.held else found).append(link)
        for link in held:
            del self._since[link]
            self._since[link] = now
        return found

    def surplus(self) -> list[Link]:
        """Those to be closed so that what is left fits, the oldest first."""
        if not self.most or self.total <= self.most:
            return []
        found: list[Link] = []
        over = self.total - self.most
        for link in self._since:
            if over <= 0:
                break
            if not link.held:
                found.append(link)
                over -= self._size[link]
        return found
