"""Tickets: short-lived signed permits to open a session on one given node (DESIGN sections 2 and 4, ADR 9.7).

A ticket is the term in which it was signed "." base64url(JSON payload) "." base64url(HMAC-SHA256). Each node checks
with keys of its own, one a term, derived from the network's: a server can check the tickets for itself, and can't make
one for anybody else. Guarantees: what `check` returns was signed with one of the keys given and has not expired. Knows
no clock and no randomness: both are given.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping

import msgspec

CENTRALS = "centrals"
"""Audience of the tickets that log in at any central."""

FOR_CENTRALS = 12 * 3600.0
"""Life of a ticket for the centrals, in seconds: a client that comes back within it needs no password hashing."""

FOR_SERVER = 60.0
"""Life of a ticket for a server, in seconds: for as long, at most, a place is kept."""

FOR_ALTERNATE = 12 * 3600.0
"""Life of a ticket for an alternate, and of one that a server makes for itself, in seconds."""

KEPT_TERMS = 4
"""Terms before the present one whose tickets are still good: a failover, or a few, void nobody's."""

_TERM = re.compile(r"[1-9][0-9]{0,15}")


class Ticket(msgspec.Struct, array_like=True, frozen=True):
    """What a ticket says: this user, at that node, until then. `nonce` makes it one of a kind. A `lasting` one is not
    for now but for when its node is needed: an alternate's, or one of a server for itself. `since` is the entry that
    had set the user's secret when it was given (ADR 12)."""

    username: str
    audience: str
    expires: float
    nonce: str
    lasting: bool = False
    since: int = 0


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Ticket)


def derive_key(master: bytes, audience: str, term: int) -> bytes:
    """The key for one audience, a server's id behind "server:" or CENTRALS, in one term."""
    return hmac.digest(master, b"ticket key:%d:" % term + audience.encode(), hashlib.sha256)


def keys(master: bytes, audience: str, term: int) -> dict[int, bytes]:
    """The keys for one audience that are good in `term`, by term: its own, and those of the KEPT_TERMS before."""
    return {kept: derive_key(master, audience, kept) for kept in range(max(1, term - KEPT_TERMS), term + 1)}


def network(master: bytes) -> str:
    """The public name of the network that has this key: cursors of another are refused."""
    return hmac.digest(master, b"network", hashlib.sha256).hex()[:16]


def sign(key: bytes, term: int, ticket: Ticket) -> str:
    """The ticket as it travels; `key` is its audience's of this term."""
    payload = _encode(ticket)
    return f"{term}.{_text(payload)}.{_text(hmac.digest(key, payload, hashlib.sha256))}"


def check(keys: Mapping[int, bytes], text: str, audience: str, now: float) -> Ticket | str:
    """The ticket, or the reason why it is refused: "ticket_forged", "ticket_expired" or "ticket_elsewhere".

    `keys` by term: one of a term that has none is "ticket_expired". What is signed but no ticket is forged.
    """
    term, _, rest = text.partition(".")
    payload, _, signature = rest.partition(".")
    if not (_TERM.fullmatch(term) and signature):
        return "ticket_forged"
    try:
        body, mac = _bytes(payload), _bytes(signature)
    except ValueError:
        return "ticket_forged"
    key = keys.get(int(term))
    if key is None:
        return "ticket_expired"
    if not hmac.compare_digest(mac, hmac.digest(key, body, hashlib.sha256)):
        return "ticket_forged"
    try:
        ticket = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "ticket_forged"
    if ticket.audience != audience:
        return "ticket_elsewhere"
    return ticket if now < ticket.expires else "ticket_expired"


def login(nonce: str | None) -> str:
    """What a login is called in the logs of all nodes that it meets: nothing secret. Empty without a ticket."""
    return "" if nonce is None else nonce[:8]


def login_of(text: str | None) -> str:
    """The same, of a ticket that is not one's own to check."""
    try:
        return login(_decoder.decode(_bytes((text or "").split(".")[1])).nonce)
    except (IndexError, ValueError, msgspec.DecodeError):
        return ""


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    """Raises ValueError where `_text` would not have written it so: a ticket has one spelling."""
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if _text(data) != text:
        raise ValueError
    return data
