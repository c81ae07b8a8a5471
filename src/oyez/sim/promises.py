"""Reads along what a process promises as a voter, and writes it down: its votes, and its confirmations of a main.

Knows the lines, not the roles: a promise counts from the moment in which it leaves the node. Nothing is judged here.
"""

import re
from typing import TYPE_CHECKING

import msgspec

from oyez.core import configuration as cfg
from oyez.protocol.nodes import RequestVote, TermConfirmed, Vote
from oyez.sim.history import Confirmed, Voted, is_central

if TYPE_CHECKING:
    from oyez.sim.node import Node

_PROMISES = re.compile(rb'^\{"command":"(?:TERM_CONFIRMED|VOTE|REQUEST_VOTE)".*\}$', re.MULTILINE)
_decode = msgspec.json.Decoder(TermConfirmed | Vote | RequestVote).decode


class Promises:
    """Of one process of `node`."""

    def __init__(self, node: "Node") -> None:
        self._node = node
        self._central = is_central(node.name)
        self._voter = node.name if self._central else f"{node.name}.{node.incarnation}"
        self._said: set[bytes] = set()

    def said(self, data: bytes, to: str) -> None:
        """These bytes are being sent to a machine; some of them perhaps for the second time, when there is room."""
        for line in _PROMISES.findall(data):
            if line not in self._said:
                self._said.add(line)
                self._promised(_decode(line), to)

    def _promised(self, message: TermConfirmed | Vote | RequestVote, to: str) -> None:
        world, term = self._node.world, message.term
        now, state = world.clock.now, self._node.disk.stored().voter
        if isinstance(message, TermConfirmed):
            kept = cfg.place(state.configuration) >= (term, message.version)
            world.record(Confirmed(now, self._voter, term, kept or not self._central))
        elif not message.trial and (isinstance(message, RequestVote) or message.granted):
            candidate = self._node.name if isinstance(message, RequestVote) else to
            kept = state.promised >= term and (state.promised > term or state.voted_for == candidate)
            world.record(Voted(now, self._voter, term, candidate, kept or not self._central))
