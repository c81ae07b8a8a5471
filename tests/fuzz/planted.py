"""Bugs to be planted, each in a copy of the source: what the kept inputs, and a fuzzer that knows none of them, find.

A bug that nobody finds says that a target looks past it, or that its corpus has lost what showed it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import oyez

SOURCE = Path(oyez.__file__).resolve().parent


@dataclass(frozen=True)
class Plant:
    """In `file`, `right` is replaced by `wrong`, and `target` has to break."""

    name: str
    target: str
    file: str
    right: str
    wrong: str

    def put(self, folder: Path) -> Path:
        """A copy of the source with this bug in it; returns what has to be on the path."""
        shutil.copytree(SOURCE, folder / "oyez")
        file = folder / "oyez" / self.file
        text = file.read_text("utf-8")
        assert text.count(self.right) == 1, f"{self.file} has changed: plant {self.name} anew"
        file.write_text(text.replace(self.right, self.wrong), "utf-8")
        return folder


PLANTS = [
    Plant(
        "bytes that are no UTF-8 pass",
        "codec",
        "protocol/codec.py",
        "        if not line.isascii():\n            line.decode()\n",
        "",
    ),
    Plant(
        "what is no post is left out of a block",
        "codec",
        "protocol/codec.py",
        "return posts if len(posts) == len(messages) else None",
        "return posts or None",
    ),
    Plant(
        "an author forged with escapes passes",
        "activity",
        "protocol/activity.py",
        'return _FORGED in text or (b"\\\\" in text and b"\\\\u" in text)',
        "return _FORGED in text",
    ),
    Plant(
        "a forged author in a block passes",
        "activity",
        "protocol/activity.py",
        'odd = _may_forge(block) or b"\\r" in block',
        'odd = b"\\r" in block',
    ),
    Plant(
        "the last bracket counts for nothing",
        "activity",
        "protocol/activity.py",
        'level += len(brackets) - 2 * brackets.count(b"]")',
        'level += len(brackets[:-1]) - 2 * brackets.count(b"]")',
    ),
    Plant(
        "the last carriage return is kept",
        "framing",
        "protocol/framing.py",
        'return [line.removesuffix(b"\\r") for line in block[:-1].split(b"\\n")]',
        'return block[:-1].split(b"\\r\\n")',
    ),
    Plant(
        "a line may be one byte longer in a block",
        "framing",
        "protocol/framing.py",
        'end = block.rfind(b"\\n", start, start + limit + 1)',
        'end = block.rfind(b"\\n", start, start + limit + 2)',
    ),
    Plant(
        "a run of activities swallows what follows",
        "framing",
        "protocol/framing.py",
        'rb"\\n(?!" + re.escape(MESSAGE_PREFIX) + rb"|\\Z)"',
        'rb"\\n(?!" + re.escape(MESSAGE_PREFIX[:2]) + rb"|\\Z)"',
    ),
    Plant(
        "the first byte is lost",
        "beginnings",
        "net/beginnings.py",
        "self.sock.recv(1, socket.MSG_PEEK)",
        "self.sock.recv(1)",
    ),
    Plant(
        "a handshake is counted for ever",
        "beginnings",
        "net/environment.py",
        "    def _met(self, who: From, met: Secured | str) -> None:\n        self._turnstile.leaves(who)\n",
        "    def _met(self, who: From, met: Secured | str) -> None:\n",
    ),
    Plant(
        "the last line of a run is not looked at",
        "origin",
        "core/origin.py",
        " and block.startswith(start + b'%d\"' % (after + count), last):",
        ":",
    ),
    Plant(
        "a sequence may have any number of digits",
        "origin",
        "core/origin.py",
        "-([0-9]{1,%d})\"' % (_NAME, DIGITS)",
        "-([0-9]+)\"' % _NAME",
    ),
    Plant(
        "a ticket for another server is good",
        "tickets",
        "core/tickets.py",
        "if ticket.audience != audience:",
        "if not ticket.audience:",
    ),
    Plant(
        "of a signature, only what is there counts",
        "tickets",
        "core/tickets.py",
        "if not hmac.compare_digest(mac, hmac.digest(key, body, hashlib.sha256)):",
        "if not hmac.digest(key, body, hashlib.sha256).startswith(mac[:1]):",
    ),
    Plant(
        "an activity is new twice",
        "cursors",
        "core/client/seen.py",
        "if sequence <= self.origins.get(origin, 0):",
        "if sequence < self.origins.get(origin, 0):",
    ),
    Plant(
        "a number that fills a hole stays new",
        "cursors",
        "core/numbers.py",
        "parts = (range(hole.start, number), range(number + 1, hole.stop))",
        "parts = (range(hole.start, number), range(number, hole.stop))",
    ),
    Plant(
        "a post that came first from elsewhere is shown again",
        "posts",
        "core/server/posts.py",
        "                self._overtaken.add(post)\n",
        "",
    ),
    Plant(
        "the rest of a torn line has no end",
        "log",
        "log/log.py",
        'chunk.data.index(b"\\n", offset) + 1]',
        'chunk.data.index(b"\\n", offset)]',
    ),
    Plant(
        "a reader that lacks a chunk's first line gets the next chunk",
        "log",
        "log/log.py",
        "if chunk.first <= held.get(chunk.origin, 0) + 1:",
        "if chunk.first <= held.get(chunk.origin, 0) + 2:",
    ),
    Plant(
        "who waited to come in is remembered for ever",
        "hosts",
        "core/server/clients.py",
        "        self.arrivals.gone(link)\n        self.pace.gone(link)\n",
        "        self.pace.gone(link)\n",
    ),
    Plant(
        "an unfinished line outlives its link",
        "hosts",
        "host/host.py",
        "        link.closing = True\n        self._unfinished.forget(link)\n        if link.cursor is not None:",
        "        link.closing = True\n        if link.cursor is not None:",
    ),
    Plant(
        "an origin may have any name",
        "nodes",
        "core/origin.py",
        "([A-Za-z0-9_.-]{1,%d})-([0-9]{1,%d})\"' % (_NAME, DIGITS)",
        '([^"]+)-([0-9]{1,%d})"\' % DIGITS',
    ),
]
