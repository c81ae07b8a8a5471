"""What a server asks the main about, and who waits for the answer: whether a client's credentials are right.

Guarantees: everyone who asks gets one answer, be it that the central is away. Knows nothing of sessions.
"""

from collections.abc import Callable

from oyez.core import effects as fx
from oyez.core.effects import Effects
from oyez.core.uplink import Uplink
from oyez.protocol import nodes as n
from oyez.protocol.messages import Refusal

_CENTRAL_AWAY = Refusal("the central can't be asked now, try again later", "central_away")

Verified = Callable[[float, Refusal | None, int], Effects]
"""What goes on when the central has answered: with its refusal, or None and the entry that set the user's secret."""


class Inquiry:
    """The questions that are open on one uplink."""

    def __init__(self, uplink: Uplink) -> None:
        self._uplink = uplink
        self._asking: dict[int, Verified] = {}
        self._last = 0

    def verify(self, now: float, username: str, secret: str, then: Verified, address: str | None = None) -> Effects:
        """Ask whether these credentials are right, which came from `address`."""
        if self._uplink.link is None or not self._uplink.joined:
            return then(now, _CENTRAL_AWAY, 0)
        self._last += 1
        self._asking[self._last] = then
        return [fx.Send(self._uplink.link, n.VerifyLogin(self._last, username, secret, address))]

    def answered(self, now: float, message: n.VerifyLoginSuccess | n.VerifyLoginFailed) -> Effects:
        """The answer."""
        then = self._asking.pop(message.request, None)
        if then is None:
            return []
        if isinstance(message, n.VerifyLoginFailed):
            return then(now, message, 0)
        return then(now, None, message.since)

    def abandon(self, now: float) -> Effects:
        """The link is gone: whoever waits for an answer gets one."""
        asking, self._asking = self._asking, {}
        return [effect for then in asking.values() for effect in then(now, _CENTRAL_AWAY, 0)]
