"""Tickets: any text is a ticket that was signed here, or is refused by a name; nobody can make or alter one.

The input is what is done to signed tickets, or a text, or what somebody signs who has the key.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

import msgspec

from oyez.core import tickets
from tests.fuzz.data import Data

LONGEST, RUNS = 512, 20_000
NOW, AUDIENCE = 1000.0, "server:m"
MASTER = b"k" * 32
KEYS = tickets.keys(MASTER, AUDIENCE, 7)
GOOD = tickets.Ticket("bob", AUDIENCE, 2000.0, "nonce")
ELSEWHERE = tickets.Ticket("bob", "server:n", 2000.0, "nonce")
LATE = tickets.Ticket("bob", AUDIENCE, 1000.0, "nonce")
TEXTS = [tickets.sign(KEYS[term], term, ticket) for term in (7, 5) for ticket in (GOOD, ELSEWHERE, LATE)]
TEXTS.append(tickets.sign(tickets.derive_key(MASTER, "server:n", 7), 7, GOOD))
TEXTS.append(tickets.sign(tickets.derive_key(MASTER, AUDIENCE, 2), 2, GOOD))
SIGNED = {"ticket_elsewhere": [ELSEWHERE], "ticket_expired": [LATE]}
REASONS = {"ticket_forged", "ticket_expired", "ticket_elsewhere"}
WORDS = [*TEXTS[:3], ".", "7.", "-1.", "=", "==", '["bob","server:m",2000.0,"nonce"]', "٧", "9999999999999999."]


def check(data: bytes) -> None:
    decisions = Data(data)
    match decisions.below(4):
        case 0:
            _any(decisions.rest().decode("utf-8", "surrogateescape"))
        case 1:
            _any(_altered(decisions))
        case 2:
            _signed(decisions)
        case _:
            _nearly_signed(decisions)


def _altered(decisions: Data) -> str:
    """Parts of several, pieces put in and taken out."""
    term, payload, signature = (decisions.pick(TEXTS).split(".")[part] for part in range(3))
    text = f"{term}.{payload}.{signature}"
    for _ in range(decisions.below(4)):
        at = decisions.below(len(text) + 1)
        text = text[:at] + decisions.text(4) + text[at + decisions.below(4) :]
    return text


def _any(text: str) -> None:
    found = tickets.check(KEYS, text, AUDIENCE, NOW)
    if isinstance(found, str):
        assert found in REASONS
        assert found == "ticket_forged" or text not in TEXTS[:1]
    else:
        assert found == GOOD
        assert text.partition(".")[0].strip() in ("7", "5", "07", "05", "007", "005"), text


def _mac(body: bytes) -> bytes:
    return hmac.digest(KEYS[7], body, hashlib.sha256)


def _checked(body: bytes, mac: bytes) -> tickets.Ticket | str:
    payload, signature = (base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (body, mac))
    return tickets.check(KEYS, f"7.{payload}.{signature}", AUDIENCE, NOW)


def _nearly_signed(decisions: Data) -> None:
    """A ticket as somebody would like to have it, under a signature of which some bytes are right."""
    ticket = tickets.Ticket(decisions.pick(["bob", "eve", ""]), AUDIENCE, 5000.0, "n", decisions.flag())
    body = msgspec.json.encode(ticket)
    right = _mac(body)
    mac = bytearray(right)
    for _ in range(decisions.below(3)):
        mac[decisions.below(len(mac))] ^= decisions.byte()
    mac = mac[: len(mac) - decisions.below(len(mac) + 1)] + decisions.rest()
    assert _checked(body, bytes(mac)) == (ticket if mac == right else "ticket_forged")


def _signed(decisions: Data) -> None:
    body = decisions.take(decisions.below(64))
    if decisions.flag():
        body = b'["bob","server:m",2000.0,"nonce",false,0,' + body * decisions.below(200) + b"]"
    found = _checked(body, _mac(body))
    if isinstance(found, str):
        assert found in REASONS
    else:
        assert found.audience == AUDIENCE
        assert found.expires > NOW
