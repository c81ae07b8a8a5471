"""Who knows how tickets are made: with a network's key, read from its store, or with another. Written from ADR 5 and
the protocol alone, so a mistake of the product can't hide behind the same mistake here.
"""

import base64
import hashlib
import hmac
import json
import secrets
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CENTRALS = "centrals"


@dataclass(frozen=True)
class Forger:
    """Makes tickets with this key of a network, in this term."""

    key: bytes
    term: int

    @classmethod
    def with_store(cls, data: Path, term: int) -> "Forger":
        """One who has read the disk of a central."""
        return cls(meta(data, "key"), term)

    def ticket(
        self,
        username: str,
        audience: str,
        *,
        since: int = 0,
        lasts: float = 30.0,
        nonce: str | None = None,
        lasting: bool = False,
        signed_for: str | None = None,
    ) -> str:
        """A ticket that `lasts` so many seconds; `signed_for`: with the key of another audience than it names."""
        fields = [username, audience, time.time() + lasts, nonce or secrets.token_hex(12), lasting, since]
        return self.sealed(json.dumps(fields).encode(), signed_for or audience)

    def sealed(self, payload: bytes, audience: str, digest: str = "sha256") -> str:
        """This payload, signed as tickets for that audience are."""
        key = hmac.digest(self.key, b"ticket key:%d:%b" % (self.term, audience.encode()), hashlib.sha256)
        return f"{self.term}.{text(payload)}.{text(hmac.digest(key, payload, digest))}"


def text(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def altered(ticket: str, place: int, value: Any) -> str:
    """The same ticket and signature, with one field of the payload changed."""
    term, payload, signature = ticket.split(".")
    fields = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    fields[place] = value
    return f"{term}.{text(json.dumps(fields).encode())}.{signature}"


def meta(data: Path, name: str) -> bytes:
    """What a central's store has under this name."""
    return bytes(_asked(data, "SELECT value FROM meta WHERE name = ?", name))


def since(data: Path, username: str) -> int:
    """The entry that set this user's secret."""
    return int(_asked(data, "SELECT since FROM users WHERE username = ?", username))


def _asked(data: Path, question: str, argument: str) -> Any:
    store = sqlite3.connect(f"file:{data / 'central.sqlite'}?mode=ro", uri=True)
    try:
        [found] = store.execute(question, (argument,)).fetchone()
        return found
    finally:
        store.close()
