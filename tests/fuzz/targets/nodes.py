"""A server or a central among nodes that have gone mad: whoever has the cluster's secret may spoil much, but nothing
that it sends raises, and whoever reads gets whole lines.

The input is as in `hosts`, on links of nodes, too.
"""

from __future__ import annotations

from tests.fuzz.data import Data
from tests.fuzz.stages import CentralWard, ServerWard

LONGEST, RUNS = 400, 200
WORDS: list[str] = []


def check(data: bytes) -> None:
    decisions = Data(data)
    ward = CentralWard(peers=True) if decisions.flag() else ServerWard(peers=True)
    ward.talks = [ward.comes(decisions), ward.comes(decisions)]
    while decisions.left:
        ward.suffer(decisions)
    ward.part()
