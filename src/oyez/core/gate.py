"""Who may be heard as a node: what it has to show, on every link on which somebody says that they are one.

Over TLS that is a certificate of the cluster's own authority, and always the cluster's secret. Guarantees: whoever has
no certificate does not learn whether the secret was right; secrets are compared in constant time. Must not know: how a
certificate is checked, and what a node says after that.
"""

import hmac

from oyez.core.peer import From
from oyez.protocol.messages import Refusal

NO_CERTIFICATE = (
    "a node has to show a certificate of this network's own authority here: give it --tls-cert, --tls-key and --tls-ca"
)


class Gate:
    """One node's. `secret` is the cluster's."""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        self._uncertified: set[int] = set()

    def opened(self, link: int, who: From) -> None:
        """Somebody has connected."""
        if not who.verified:
            self._uncertified.add(link)

    def closed(self, link: int) -> None:
        """The link is gone."""
        self._uncertified.discard(link)

    def certified(self, link: int) -> bool:
        """May a node be at the other end, as far as the link tells? Whom this node has dialed, it has checked."""
        return link not in self._uncertified

    def knows_secret(self, secret: str) -> bool:
        """Is it the cluster's?"""
        return hmac.compare_digest(secret.encode(), self._secret)

    def objection(self, link: int, secret: str) -> Refusal | None:
        """Why whoever says this secret on this link is not to be heard as a node."""
        if not self.certified(link):
            return Refusal(NO_CERTIFICATE, "no_certificate")
        if not self.knows_secret(secret):
            return Refusal("the cluster secret is wrong", "wrong_secret")
        return None
