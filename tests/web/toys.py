"""What stands in for a node behind its pages."""

from collections.abc import Mapping

from oyez.core.peer import HERE, From
from oyez.protocol.messages import Address


class QuietView:
    """Of a node of which there is nothing to be told."""

    def unready(self) -> str | None:
        return None

    def network(self, since: tuple[int, int]) -> Mapping[str, object]:
        return {}

    def metrics(self) -> bytes:
        return b""

    def elsewhere(self) -> Address | None:
        return None

    def console(self) -> Address | None:
        return None

    def who(self, link: int) -> From:
        return HERE
