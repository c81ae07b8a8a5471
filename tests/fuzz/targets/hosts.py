"""A server or a central among hostile clients: nothing that they send raises, reaches another's link, or stays behind.

The input is what they do: come, go, read nothing, wait, send lines that are right, nearly right, forged, cut, or none.
"""

from __future__ import annotations

from tests.fuzz.data import Data
from tests.fuzz.stages import CentralWard, ServerWard

LONGEST, RUNS = 400, 200
WORDS: list[str] = []


def check(data: bytes) -> None:
    decisions = Data(data)
    ward = CentralWard() if decisions.flag() else ServerWard()
    while decisions.left:
        ward.suffer(decisions)
    ward.behave()
    ward.part()
    ward.behave()
