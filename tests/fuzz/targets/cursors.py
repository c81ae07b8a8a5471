"""Cursors that programs keep, and the ids that move them: any text is a cursor or refused; no id or post is new twice.

The input is a text, or ids and posts as a server may write them.
"""

from __future__ import annotations

import base64

from oyez.client import cursors
from oyez.core.client.seen import Seen
from oyez.core.numbers import HOLES, Numbers
from tests.fuzz.data import Data

LONGEST, RUNS = 512, 2_000
WORDS = ["WzEsIm4iLHsiYS4xIjo1fV0", '[1,"n",{"a.1":5}]', "9" * 60, "a.1-", "tag-", "٣", "²"]
ORIGINS = ["a.1", "b.1", "", "a-1.1"]
NUMBERS = ["0", "1", "2", "3", "4", "5", "9", "99", "٣", "²", "", "-1", "1" * 5000, "x", str(2**53)]


def check(data: bytes) -> None:
    decisions = Data(data)
    match decisions.below(4):
        case 0:
            _text(decisions.rest().decode("utf-8", "replace"))
        case 1:
            _text(base64.urlsafe_b64encode(decisions.rest()).decode().rstrip("="))
        case 2:
            _seen(decisions)
        case _:
            _numbers(decisions)


def _text(text: str) -> None:
    try:
        resume = cursors.decode(text)
    except ValueError as error:
        assert "is not a cursor" in str(error)
        return
    kept = cursors.encode(resume.network, resume.origins)
    assert cursors.decode(kept) == resume


def _seen(decisions: Data) -> None:
    seen = Seen()
    ids: dict[str, int] = {}
    shown: set[str] = set()
    while decisions.left:
        origin, number = decisions.pick(ORIGINS), decisions.pick(NUMBERS)
        post = decisions.pick([None, "tag-1", "tag-2", "tag-" + "9" * 5000, "x", "tag-٣"])
        new = seen.is_new(f"{origin}-{number}", post)
        if number.isascii() and number.isdecimal() and len(number) < 17:
            assert not (new and int(number) <= ids.get(origin, 0))
            ids[origin] = max(ids.get(origin, 0), int(number))
            assert seen.origins.get(origin, 0) >= ids[origin]
        if post in ("tag-1", "tag-2"):
            assert not (new and post in shown)
            shown |= {post} if new else set()
    assert all(0 <= sequence <= 2**53 for sequence in seen.origins.values())
    cursors.before(seen.origins, [f"{origin}-{decisions.pick(NUMBERS)}" for origin in ORIGINS])


def _numbers(decisions: Data) -> None:
    """Against a set that forgets nothing: what it has had is never new, and what is new is, but behind many holes."""
    numbers: Numbers[int] = Numbers(3)
    had: dict[int, set[int]] = {}
    while decisions.left:
        series, number = decisions.below(3), 1 + decisions.below(64)
        known = had.setdefault(series, set())
        new = numbers.add(series, number)
        assert not (new and number in known)
        missing = set(range(1, max(known, default=0))) - known
        if not new and number not in known:
            holes = sum(one + 1 not in missing for one in missing)
            assert holes >= HOLES
        known.add(number)
