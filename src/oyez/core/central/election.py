"""A candidacy: from the loss of a main to the votes that make a new one (ADR 8).

First a trial, which binds nobody: a candidate that would not win changes nothing. Then the vote, whose promises are on
disk before they are answered. Guarantees: wins only with votes of its own term, that suffice for the newest
configuration that any voter has told it. Knows no links: voters are named by id or origin.
"""

from oyez.core import configuration as cfg
from oyez.core.voter import Voter
from oyez.protocol import nodes as n


class Candidacy:
    """One attempt of `voter` (a central) to become main."""

    def __init__(self, voter: Voter, above: int = 0) -> None:
        assert voter.configuration is not None
        self.configuration = voter.configuration
        self.term = max(voter.promised, above) + 1
        self.trial = True
        self.over = False
        self.asking = True  # false while the own vote is on its way to the disk
        self._voter = voter
        self._votes: set[str] = {voter.id}

    @property
    def request(self) -> n.RequestVote:
        """What to ask every voter now."""
        return n.RequestVote(self.term, self._voter.id, self.configuration, self.trial)

    @property
    def won(self) -> bool:
        """Do the votes of this phase suffice?"""
        return self.asking and not self.over and cfg.elected(self.configuration, self._votes)

    def stand(self) -> None:
        """The trial is won: vote for itself (to be put on disk first), and ask for the votes that bind."""
        own = self._voter.consider(n.RequestVote(self.term, self._voter.id, self.configuration), main_is_alive=False)
        assert own.granted, own.info
        self.trial = self.asking = False
        self._votes = {self._voter.id}

    def counted(self, vote: n.Vote) -> None:
        """An answer has come."""
        if vote.granted and vote.term == self.term and vote.trial == self.trial:
            self._votes.add(vote.voter)
        elif not vote.granted and (vote.configuration is not None or vote.promised >= self.term):
            self.over = True  # behind: try again, knowing more
