"""The main's side of replication: which backups hold what, and what is acknowledged (ADR 8, DESIGN section 5).

An entry is committed once it is on disk at the main and at every in-sync backup, and after that at least half of the
voters have confirmed the main's term: one batched round. Who is in sync, and who votes, changes only through
configurations that the voters have confirmed. Guarantees promises 1, 2 and 3 for what it calls committed. Timers decide
only when a round or a change is tried. Knows no clients and no disk: what is durable is told to it.
"""

from collections.abc import Callable
from dataclasses import dataclass

from oyez.core import configuration as cfg
from oyez.core import effects as fx
from oyez.core.central.entries import Entries, Entry, EntryRecord
from oyez.core.effects import Effects
from oyez.core.voter import Voter
from oyez.protocol import nodes as n
from oyez.protocol.nodes import CentralAddress, Configuration

UNSETTLED = 3.0
"""Seconds after which somebody who waits for a commit is told that it can't be had now."""

STALLED = 1.0
"""Seconds after which a backup that owes an acknowledgement is proposed to be dropped from the in-sync set."""

GRACE = 1.0
"""Seconds for which a backup that was lost stays in sync while there is nothing to commit: a link may just flap."""

WINDOW = 1000
"""Entries on their way to a backup at once."""

Settled = Callable[[float, bool], Effects]
"""What goes on when an entry is committed (True), or could not be in time (False)."""


@dataclass(slots=True)
class Follower:
    """A backup on its link. `held` is what it has on disk; None until its snapshot, or its first entry, is there.
    `sent` is the last entry on its way to it; None while it gets a snapshot.
    """

    central: CentralAddress
    link: int
    heard: float
    held: int | None = None
    sent: int | None = None
    owes_since: float | None = None


class Replication:
    """Of the main of `term`, from its election to its end."""

    def __init__(self, voter: Voter, entries: Entries, term: int, servers: Callable[[], tuple[str, ...]]) -> None:
        self.term = term
        self.followers: dict[int, Follower] = {}
        self.voters: dict[str, int] = {}  # link by voter, of those connected
        self.adopted: Configuration | None = None
        self._voter = voter
        self._entries = entries
        self._servers = servers
        self._durable = self._inherited = entries.last
        self._round = 0
        self._in_flight = False
        self._covers = 0
        self._confirmed: set[str] = set()
        self._configuring = False
        self._ended = False
        self._waiting: list[tuple[int, float, Settled]] = []
        self._missed: dict[str, float] = {}  # when each backup was lost

    @property
    def configuration(self) -> Configuration:
        """The newest one, which may not have been adopted yet."""
        assert self._voter.configuration is not None
        return self._voter.configuration

    @property
    def next_index(self) -> int:
        """Index of the entry that `append` writes next."""
        return self._entries.last + 1

    @property
    def committed(self) -> int:
        """Index of the last entry that is."""
        return self._entries.committed

    # -- entries ------------------------------------------------------------------------------------------------

    def append(self, now: float, record: EntryRecord) -> Effects:
        """Write an entry: to disk, and to the backups at the same time."""
        entry = Entry(self._entries.last + 1, self.term, record)
        self._entries.append(entry)
        return [
            fx.Then(self._feed_all),
            fx.Persist((self._entries.kept,)),
            fx.Then(lambda now: self._is_durable(now, entry.index)),
        ]

    def _feed_all(self, now: float) -> Effects:
        return [effect for follower in self.followers.values() for effect in self._feed(now, follower)]

    def _feed(self, now: float, follower: Follower) -> Effects:
        """Send what the follower has not been sent yet. Done when its turn comes, not when the entry is made: what is
        to be done about one event may wait for the disk, and be overtaken by what is done about another."""
        if follower.sent is None or self._ended or follower.link not in self.followers:
            return []
        entries = self._entries.between(follower.sent, min(self._entries.last, (follower.held or 0) + WINDOW))
        if entries is None:
            return [fx.Close(follower.link)]  # too far behind by now: it comes back for a snapshot
        if entries:
            follower.sent = entries[-1].index
            follower.owes_since = follower.owes_since or now
        return [fx.Send(follower.link, entry.message(self.term)) for entry in entries]

    def when_committed(self, now: float, index: int, then: Settled) -> Effects:
        """Go on with `then` once the entry is committed, or known not to be in time."""
        if index <= self._entries.committed:
            return then(now, True)
        self._waiting.append((index, now, then))
        return self._advance(now)

    def _is_durable(self, now: float, index: int) -> Effects:
        self._durable = max(self._durable, index)
        return self._advance(now)

    def held_by(self, now: float, link: int, index: int) -> Effects:
        """A backup has everything up to `index` on its disk."""
        follower = self.followers.get(link)
        if follower is None or index > self._entries.last:
            return []
        follower.held = max(follower.held or 0, index)
        follower.owes_since = None if follower.held == follower.sent else now
        return [*self._feed(now, follower), *self._advance(now)]

    # -- commitment ---------------------------------------------------------------------------------------------

    def _replicated(self) -> int:
        """The last entry that is on every disk it has to be on."""
        required = set(self.configuration.in_sync)
        if self.adopted is not None:
            required.update(self.adopted.in_sync)
        required.discard(self._voter.id)
        held = {follower.central.id: follower.held or 0 for follower in self.followers.values()}
        return min([self._durable, *[held.get(central, 0) for central in required]])

    def _advance(self, now: float) -> Effects:
        """Start a round if there is something to confirm; with one voter it is confirmed at once."""
        if self._configuring or self._in_flight or self._ended:
            return []
        proposed = self._propose(now)  # first: under unbroken load there is always something to commit
        if proposed:
            return proposed
        if self._replicated() <= self._entries.committed and self.adopted is self.configuration:
            return []
        self._round += 1
        self._in_flight = True
        self._covers = self._replicated()
        self._confirmed = {self._voter.id}
        question = self._question()
        asked = [fx.Send(link, question) for link in self.voters.values()]
        return [*asked, *self._close_round(now)]

    def _question(self) -> n.ConfirmTerm:
        return n.ConfirmTerm(self._round, self.term, self.configuration.version)

    def confirmed(self, now: float, voter: str, message: n.TermConfirmed) -> Effects:
        """A voter stands by this main."""
        if message.term == self.term and message.round == self._round and self._in_flight and not self._ended:
            self._confirmed.add(voter)
            return self._close_round(now)
        return []

    def _close_round(self, now: float) -> Effects:
        needed = [self.configuration] if self.adopted is None else [self.configuration, self.adopted]
        if not all(cfg.confirmed(configuration, self._confirmed) for configuration in needed):
            return []
        self._in_flight = False
        self.adopted = self.configuration
        effects: Effects = []
        if self._covers > self._entries.committed:
            self._entries.committed = self._covers
            settled = [then for index, _, then in self._waiting if index <= self._covers]
            self._waiting = [waiting for waiting in self._waiting if waiting[0] > self._covers]
            effects = [effect for then in settled for effect in then(now, True)]
        return [*effects, *self._advance(now)]

    # -- who is in sync, who votes ------------------------------------------------------------------------------

    def _propose(self, now: float) -> Effects:
        """Propose the configuration that the present calls for; only once the last one has been adopted."""
        if self._configuring or self.adopted is not self.configuration:
            return []
        old = self.configuration
        current = {
            follower.central.id: follower.central
            for follower in self.followers.values()
            if self._holds_enough(follower) and not self._stalls(now, follower)
        }
        taken = {central.address for central in current.values()}  # by a central whose disk is new
        if self._entries.last <= self._entries.committed:  # nobody waits for those that may be back in a moment
            back = {id for id, since in self._missed.items() if now - since < GRACE}
        else:
            back = set()
        known = {
            central.id: current.get(central.id, central)
            for central in old.centrals
            if central.id in current or central.address not in taken
        }
        centrals = (*known.values(), *[central for id, central in sorted(current.items()) if id not in known])
        in_sync = {self._voter.id, *current, *back.intersection(old.in_sync)}
        new = cfg.changed(old, in_sync, centrals, self._servers())
        return [] if new is None else self.configure(now, new)

    def _holds_enough(self, follower: Follower) -> bool:
        """Has it all that is committed or being confirmed? Any entry of an earlier term may have been committed by the
        main that made it, which an in-sync backup was waited for, and another was not."""
        if follower.held is None:
            return False
        safe = max(self._entries.committed, self._covers)
        if follower.central.id not in self.configuration.in_sync:
            safe = max(safe, self._inherited)
        return follower.held >= safe

    def _stalls(self, now: float, follower: Follower) -> bool:
        return follower.owes_since is not None and now - follower.owes_since >= STALLED

    def configure(self, now: float, new: Configuration) -> Effects:
        """Put a configuration on disk, tell the voters, and have it confirmed."""
        self._voter.learn(new)
        self._configuring = True

        def stored(now: float) -> Effects:
            self._configuring = False
            if self._ended:
                return []
            told = [fx.Send(link, n.Configure(new)) for link in self.voters.values()]
            names = {"term": new.term, "version": new.version, "in_sync": ", ".join(new.in_sync)}
            return [*told, fx.Report("configured", names), *self._advance(now)]

        return [fx.Persist((fx.Current(self._voter.records),)), fx.Then(stored)]

    # -- links --------------------------------------------------------------------------------------------------

    def voter_joined(self, voter: str, link: int) -> Effects:
        """A voter is connected: tell it how things stand, and ask it what is being asked."""
        self.voters[voter] = link
        if self._configuring:
            return []  # it will be told when the configuration is on disk
        effects: Effects = [fx.Send(link, n.Configure(self.configuration))]
        return [*effects, fx.Send(link, self._question())] if self._in_flight else effects

    def link_closed(self, link: int) -> None:
        """Whoever voted on it is connected no more."""
        for voter in [voter for voter, its in self.voters.items() if its == link]:
            del self.voters[voter]

    def follower_joined(self, follower: Follower) -> None:
        """A backup is connected."""
        self.followers[follower.link] = follower

    def follower_left(self, now: float, link: int) -> Effects:
        """A backup is gone: it is in sync no more, once the voters agree."""
        self._missed[self.followers.pop(link).central.id] = now
        return self._advance(now)

    def feed(self, now: float, follower: Follower, behind: int) -> Effects:
        """From now on the follower gets the entries behind this one."""
        follower.sent = behind
        return self._feed(now, follower)

    def review(self, now: float) -> Effects:
        """Something has changed in who is there: do what that calls for."""
        return self._advance(now)

    def tick(self, now: float) -> Effects:
        """Once a heartbeat: give up what waited too long, propose what has become due."""
        late = [waiting for waiting in self._waiting if now - waiting[1] >= UNSETTLED]
        self._waiting = [waiting for waiting in self._waiting if now - waiting[1] < UNSETTLED]
        effects = [effect for _, _, then in late for effect in then(now, False)]
        return [*effects, *self._advance(now)]

    def end(self, now: float) -> Effects:
        """This main is no more: whoever waits learns that it is not settled."""
        self._ended = True
        waiting, self._waiting = self._waiting, []
        return [effect for _, _, then in waiting for effect in then(now, False)]

    @property
    def known_in_sync(self) -> set[str]:
        """The centrals that could be elected if this main died now: the voters know that they are in sync, and don't
        need the consent of others in whose eyes they are not even voters yet."""
        agreed = [self.configuration] if self.adopted is None else [self.configuration, self.adopted]
        known = set(self.configuration.in_sync)
        for configuration in agreed:
            known.intersection_update(configuration.in_sync)
            if configuration.before:
                known.intersection_update(configuration.before)
        return known

    @property
    def can_acknowledge(self) -> bool:
        """Are enough voters connected to confirm the term?"""
        present = {self._voter.id, *self.voters}
        needed = [self.configuration] if self.adopted is None else [self.configuration, self.adopted]
        return all(cfg.confirmed(configuration, present) for configuration in needed)
