"""Tickets: short-lived signed permits to open a session on one given node (DESIGN sections 2 and 4).

A ticket is base64url(JSON payload) "." base64url(HMAC-SHA256). Each node checks with a key of its own, derived from
the network's: a server can check the tickets for itself, and can't make one for anybody else. Guarantees: what
`check` returns was signed with that key and has not expired. Knows no clock and no randomness: both are given.
"""

import base64
import binascii
import hashlib
import hmac

import msgspec

CENTRALS = "centrals"
"""Audience of the tickets that log in at any central."""

FOR_CENTRALS = 12 * 3600.0
"""Life of a ticket for the centrals, in seconds: a client that comes back within it needs no password hashing."""

FOR_SERVER = 60.0
"""Life of a ticket for a server, in seconds: for as long, at most, a place is kept."""

FOR_ALTERNATE = 12 * 3600.0
"""Life of a ticket for an alternate, in seconds."""


class Ticket(msgspec.Struct, array_like=True, frozen=True):
    """What a ticket says: this user, at that node, until then. `nonce` makes it one of a kind."""

    username: str
    audience: str
    expires: float
    nonce: str


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Ticket)


def derive_key(master: bytes, audience: str) -> bytes:
    """The key for one audience: a server's id behind "server:", or CENTRALS."""
    return hmac.digest(master, b"ticket key:" + audience.encode(), hashlib.sha256)


def network(master: bytes) -> str:
    """The public name of the network that has this key: cursors of another are refused."""
    return hmac.digest(master, b"network", hashlib.sha256).hex()[:16]


def sign(key: bytes, ticket: Ticket) -> str:
    """The ticket as it travels."""
    payload = _encode(ticket)
    return f"{_text(payload)}.{_text(hmac.digest(key, payload, hashlib.sha256))}"


def check(key: bytes, text: str, audience: str, now: float) -> Ticket | str:
    """The ticket, or the reason why it is refused: "ticket_forged", "ticket_expired" or "ticket_elsewhere".

    With no key yet, everything is forged; so is what is signed but not a ticket (of another version, say).
    """
    payload, _, signature = text.partition(".")
    try:
        body, mac = _bytes(payload), _bytes(signature)
    except (binascii.Error, ValueError):
        return "ticket_forged"
    if not key or not hmac.compare_digest(mac, hmac.digest(key, body, hashlib.sha256)):
        return "ticket_forged"
    try:
        ticket = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "ticket_forged"
    if ticket.audience != audience:
        return "ticket_elsewhere"
    return ticket if now < ticket.expires else "ticket_expired"


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
