"""A voter: remembers the highest term it has promised and the newest configuration, and answers for both (ADR 8).

Every central and every server is one. Guarantees: at most one candidate gets its vote in a term; once it has promised
a term it confirms no lower one; it votes only for a candidate that the newest configuration it knows counts as in
sync. A central puts `state` on disk before any answer leaves; a server that restarts is another voter.
Knows no links and no time: that its own link to the main is alive is told to it.
"""

from dataclasses import dataclass

from oyez.core import configuration as cfg
from oyez.protocol import nodes as n
from oyez.protocol.nodes import Configuration


@dataclass(slots=True, frozen=True)
class VoterState:
    """What a voter must not forget."""

    promised: int = 0
    voted_for: str = ""
    configuration: Configuration | None = None


class Voter:
    """`id` is a central's id or a server's origin."""

    def __init__(self, id: str, state: VoterState | None = None) -> None:
        self.id = id
        self.state = state or VoterState()

    @property
    def configuration(self) -> Configuration | None:
        """The newest that is known."""
        return self.state.configuration

    @property
    def promised(self) -> int:
        """The highest term that is known."""
        return self.state.promised

    def records(self) -> tuple[VoterState]:
        """For the disk."""
        return (self.state,)

    def learn(self, configuration: Configuration | None) -> bool:
        """Keep it if it is newer; True if so. It is a fact about a main that was elected, whoever tells it."""
        if configuration is None or cfg.place(configuration) <= cfg.place(self.configuration):
            return False
        state = self.state
        if configuration.term > state.promised:
            self.state = VoterState(configuration.term, configuration.main, configuration)
        else:
            self.state = VoterState(state.promised, state.voted_for, configuration)
        return True

    def confirms(self, term: int, version: int) -> bool:
        """Is this still the highest term, and is the main's configuration the one held here?"""
        return term >= self.promised and cfg.place(self.configuration) == (term, version)

    def refusal(self) -> n.TermRefused:
        """To a main that can't be confirmed."""
        return n.TermRefused(self.promised, self.configuration)

    def consider(self, request: n.RequestVote, main_is_alive: bool) -> n.Vote:
        """The answer to a candidate; a promise given is in `state` from now on, and must be kept before it is sent."""
        info = self._objection(request, main_is_alive)
        if info:
            newer = cfg.place(self.configuration) > cfg.place(request.configuration)
            told = self.configuration if newer else None
            return n.Vote(self.id, request.term, False, request.trial, self.promised, told, info)
        if not request.trial:
            self.learn(request.configuration)
            self.state = VoterState(request.term, request.candidate, self.configuration)
        return n.Vote(self.id, request.term, True, request.trial, self.promised)

    def _objection(self, request: n.RequestVote, main_is_alive: bool) -> str:
        if main_is_alive:
            return "my link to the main is alive"
        if cfg.place(self.configuration) > cfg.place(request.configuration):
            return "there is a newer configuration"
        if request.candidate not in request.configuration.in_sync:
            return "the candidate is not in sync"
        again = request.term == self.promised and request.candidate == self.state.voted_for
        if request.term <= self.promised and not again:
            return f"term {self.promised} is promised already"
        return ""
