"""Which of the centrals is main: one central's part in it (ADR 8, DESIGN section 5.3).

A central is main while it has a `replication`; else it looks for the main, follows it, and stands for election when
there is none. Guarantees: it reigns only in a term that it was elected to, or promoted to by the operator, with that
on disk; whatever tells it of a higher term makes it step down. Knows no clients.
"""

from typing import TYPE_CHECKING

from oyez.core import configuration as cfg
from oyez.core import effects as fx
from oyez.core.central.election import Candidacy
from oyez.core.central.entries import Entries
from oyez.core.central.gathering import Gathering
from oyez.core.central.probes import Probes
from oyez.core.central.replication import Replication
from oyez.core.effects import Effects
from oyez.core.uplink import Uplink
from oyez.core.voter import Voter, VoterState
from oyez.protocol import nodes as n
from oyez.protocol.messages import Address, CentralStatus, ServerStatus, StatusReport
from oyez.protocol.nodes import CentralAddress, Configuration

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

CAMPAIGN = (0.02, 0.12)
"""Seconds, at random, after which a backup that has lost its main stands; and again, after twice as long, and so on."""

PROMOTION = 1000
"""Terms that a promotion skips: in one of the next, another may have reigned that nobody here knows of."""

LONGEST = 32
"""Most by which that time is multiplied."""

STANDING = 1.0
"""Seconds for which a candidate waits for its disk and for the votes that bind, before it begins anew."""
Waiting = n.Authenticate | n.BackupAuthenticate


class Office:
    """`took_office` and `left_office` do what the rest of the central has to do about it."""

    def __init__(
        self,
        me: CentralAddress,
        voter: Voter,
        entries: Entries,
        uplink: Uplink,
        entropy: "Random",
        servers: "Callable[[], tuple[str, ...]]",
        took_office: "Callable[[float], Effects]",
        left_office: "Callable[[float], Effects]",
    ) -> None:
        self.me = me
        self.voter = voter
        self.replication: Replication | None = None
        self.waiting: dict[int, Waiting] = {}  # nodes that look for a main, and may vote for this one
        self.probes = Probes()
        self._entries = entries
        self._uplink = uplink
        self._entropy = entropy
        self._servers = servers
        self._took_office = took_office
        self._left_office = left_office
        self._candidacy: Candidacy | None = None
        self._campaigns = 0  # since there was a main
        self._stood = 0.0  # when it won its trial
        self._seen = 0  # the highest term heard of
        self._durable = voter.state
        self._gathering = Gathering()

    # -- standing -----------------------------------------------------------------------------------------------

    @property
    def is_main(self) -> bool:
        """Is this central the main, as far as it knows?"""
        return self.replication is not None

    @property
    def term(self) -> int:
        """Of this main, or of the last one heard of."""
        return self.voter.configuration.term if self.voter.configuration else 0

    @property
    def eligible(self) -> bool:
        """May it be elected, as far as it knows?"""
        configuration = self.voter.configuration
        return configuration is not None and self.me.id in configuration.in_sync

    @property
    def centrals(self) -> list[Address]:
        """All centrals, those that may be main first."""
        configuration = self.voter.configuration
        if configuration is None:
            return [self.me.address]
        order = sorted(
            configuration.centrals,
            key=lambda central: (central.id != configuration.main, central.id not in configuration.in_sync, central.id),
        )
        return [central.address for central in order]

    def begin(self, now: float, alone: bool) -> Effects:
        """The process is up. `alone`: there is no main to look for, unless the configuration knows one."""
        if self.voter.configuration is None:
            if not alone:
                return self._uplink.dial()
            return self._reign(now, cfg.first(self.me, max(self.voter.promised, self._seen) + 1), install=True)
        self._uplink.learn(self.centrals)
        return [*self._uplink.dial(), *self.campaign(now)]

    def soon(self) -> Effects:
        """Stand, unless a main is found first."""
        if self.is_main:
            return []
        patience = min(2**self._campaigns, LONGEST)
        return [fx.SetTimer("campaign", patience * self._entropy.uniform(*CAMPAIGN))]

    def campaign(self, now: float) -> Effects:
        """Ask everyone who is connected whether they would have this central as main."""
        if self.is_main or self._uplink.joined or not self.eligible:
            return []
        if self._candidacy is not None and not self._candidacy.trial and now - self._stood < STANDING:
            return self.soon()  # else nobody is ever elected where a disk or a voter takes longer than a campaign
        self._campaigns += 1
        self._candidacy = Candidacy(self.voter, self._seen)
        return [*self._ask(), *self.soon(), *self._progress(now)]

    def _ask(self) -> Effects:
        if self._candidacy is None or not self._candidacy.asking:
            return []
        links = [*self.waiting, *([self._uplink.link] if self._uplink.link and self._uplink.introduced else [])]
        return [fx.Send(link, self._candidacy.request) for link in links]

    def ask_uplink(self) -> Effects:
        """Another central has been reached: it may vote, too."""
        if self._candidacy is None or not self._candidacy.asking:
            return []
        return self._uplink.send(self._candidacy.request)

    def wait(self, link: int, message: Waiting) -> Effects:
        """A node looks for a main: send it there, or keep it as a voter for this one."""
        learned = self._learn(message.configuration)
        if learned:  # perhaps from a main that this central had never heard of
            learned += self._uplink.dial()
        if self._uplink.joined or not self.eligible:
            main = self._uplink.central if self._uplink.joined else None
            info = "this central is not the main"
            return [fx.Send(link, n.NotMain(info, "not_main", main, self.centrals)), fx.Close(link), *learned]
        self._seen = max(self._seen, message.term if isinstance(message, n.Authenticate) else message.promised)
        self.waiting[link] = message
        effects: Effects = [fx.Trust(link), fx.Send(link, n.Heartbeat(self.term)), *learned]
        if self._candidacy is None:
            return [*effects, fx.SetTimer("campaign", self._entropy.uniform(*CAMPAIGN))]
        return [*effects, fx.Send(link, self._candidacy.request)] if self._candidacy.asking else effects

    def voted(self, now: float, message: n.Vote) -> Effects:
        """An answer to this candidate."""
        self._seen = max(self._seen, message.promised)
        learned = self._learn(message.configuration)
        if self._candidacy is None:
            return learned
        self._candidacy.counted(message)
        if self._candidacy.over:
            self._candidacy = None
            return learned
        return [*learned, *self._progress(now)]

    def _progress(self, now: float) -> Effects:
        candidacy = self._candidacy
        if candidacy is None or not candidacy.won or self._uplink.joined:
            return []
        if not candidacy.trial:
            self._candidacy = None
            return self._reign(now, cfg.taken_over(candidacy.configuration, self.me, candidacy.term))
        candidacy.stand()
        self._stood = now

        def stood(now: float) -> Effects:
            if self._candidacy is not candidacy:
                return []
            candidacy.asking = True
            return [*self._ask(), *self._progress(now)]

        return [*self._keep(), fx.Then(stood)]

    # -- voting -------------------------------------------------------------------------------------------------

    def considered(self, link: int, message: n.RequestVote) -> Effects:
        """Another central stands."""
        vote = self.voter.consider(message, self.is_main or self._uplink.joined)
        if vote.granted and not vote.trial:
            self._candidacy = None
        return [*self._keep(), fx.Send(link, vote), *self._dismiss()]

    def not_main(self, message: n.NotMain) -> Effects:
        """The central that was reached is not the main, and may know more."""
        if message.centrals and self.voter.configuration is None:
            self._uplink.learn(message.centrals)
        return self._uplink.not_main(message.main)

    def configured(self, message: n.Configure) -> Effects:
        """The main says how things are decided."""
        return self._learn(message.configuration)

    def asked_to_confirm(self, link: int, message: n.ConfirmTerm) -> Effects:
        """The main asks whether it still is."""
        if not self.voter.confirms(message.term, message.version):
            return [fx.Send(link, self.voter.refusal())]
        return [*self._keep(), fx.Send(link, n.TermConfirmed(message.round, message.term, message.version))]

    def _learn(self, configuration: Configuration | None) -> Effects:
        if not self.voter.learn(configuration):
            return []
        self._candidacy = None  # it was for an older one: this central could not even vote for itself
        return [*self._keep(), *self._dismiss()]

    def _dismiss(self) -> Effects:
        """Who waits here for a main waits in vain, if this central can't be it: let them look elsewhere."""
        if self.eligible or self._uplink.joined:
            return []
        return self._send_away(None)

    def _send_away(self, main: Address | None) -> Effects:
        waiting, self.waiting = self.waiting, {}
        answer = n.NotMain("this central is not the main", "not_main", main, self.centrals)
        return [effect for link in waiting for effect in (fx.Send(link, answer), fx.Close(link))]

    def _keep(self) -> Effects:
        """Put the voter's state on disk, before what follows is done."""
        state = self.voter.state
        if state is self._durable:
            return []
        self._uplink.learn(self.centrals)  # a vote may have brought a newer configuration along

        def kept(now: float) -> Effects:
            self._durable = state
            return []

        return [fx.Persist((fx.Current(self.voter.records),)), fx.Then(kept)]

    # -- office -------------------------------------------------------------------------------------------------

    def _reign(self, now: float, configuration: Configuration, install: bool = False) -> Effects:
        """Be main from now on. `install`: this term was not won by votes, so it has to be on disk first."""
        if install:
            self.voter.state = VoterState(configuration.term, self.me.id, self.voter.configuration)

            def installed(now: float) -> Effects:
                if self.is_main:
                    return []
                if self.voter.promised == configuration.term:
                    return self._reign(now, configuration)
                # It voted while it wrote: for itself, in a later install, or for another, whom this is to overrule.
                return [] if self.voter.state.voted_for == self.me.id else self.promote(now)

            return [*self._keep(), fx.Then(installed)]
        self._candidacy, self._campaigns = None, 0
        self.replication = Replication(self.voter, self._entries, configuration.term, self._servers)
        return [
            fx.CancelTimer("campaign"),
            *self._uplink.give_up(),
            fx.Report("elected", {"term": configuration.term, "central": self.me.id}),
            *self.replication.configure(now, configuration),
            *self._took_office(now),
        ]

    def promote(self, now: float) -> Effects:
        """The operator makes this central main, without votes; it is the only voter until others join it."""
        stepped_down = self.step_down(now, self.term)
        term = max(self.voter.promised, self._seen) + PROMOTION
        self._candidacy = None
        return [*stepped_down, *self._reign(now, cfg.first(self.me, term), install=True)]

    def step_down(self, now: float, term: int) -> Effects:
        """There is, or may be, a main of a higher term: look for it."""
        self._seen = max(self._seen, term)
        replication, self.replication = self.replication, None
        if replication is None:
            return []
        effects = replication.end(now)
        for link in replication.followers:
            effects += [fx.Send(link, n.NotMain("this central is main no more", "not_main")), fx.Close(link)]
        self._uplink.learn(self.centrals)
        return [
            fx.Report("stepped_down", {"term": replication.term, "for": term}),
            *effects,
            *self._left_office(now),
            *[fx.Close(link) for link in self.probes.links],
            *self._uplink.dial(),
            *self.soon(),
        ]

    def joined(self) -> Effects:
        """A main has been found: whoever waits here is sent there."""
        self._candidacy, self._campaigns = None, 0
        return [fx.CancelTimer("campaign"), *self._send_away(self._uplink.central)]

    # -- telling ------------------------------------------------------------------------------------------------

    def status(self, users: int, servers: list[ServerStatus]) -> StatusReport:
        """How this central sees the network."""
        configuration, replication = self.voter.configuration, self.replication
        if configuration is None:
            return StatusReport(0, users, [], servers, "backup", [], False)
        held = {f.central.id: f.held for f in replication.followers.values()} if replication is not None else {}
        main = self.me.id if replication is not None else configuration.main if self._uplink.joined else ""
        centrals = [self._central_status(configuration, central, main, held) for central in configuration.centrals]
        role = "main" if replication is not None else "backup" if self._uplink.joined else "candidate"
        voters = list(cfg.voters(configuration))
        able = replication is not None and replication.can_acknowledge
        changing = bool(configuration.before) or (replication is not None and replication.adopted is not configuration)
        return StatusReport(configuration.term, users, centrals, servers, role, voters, able, changing)

    def _central_status(
        self, configuration: Configuration, central: CentralAddress, main: str, held: dict[str, int | None]
    ) -> CentralStatus:
        known = self.replication.known_in_sync if self.replication is not None else configuration.in_sync
        in_sync = central.id in known
        if central.id == main:
            return CentralStatus(central.hostname, central.port, "main", central.id, in_sync)
        here = central.id in held
        if not self.is_main:  # a backup knows only what it was told, a candidate whom it has found
            here = in_sync if self._uplink.joined else central.address not in self.missing
        lag = self._entries.last - (held.get(central.id) or 0) if central.id in held else 0
        return CentralStatus(central.hostname, central.port, "backup" if here else "away", central.id, in_sync, lag)

    @property
    def missing(self) -> list[Address]:
        """The other centrals that may have a vote, and that a candidate has no link with."""
        return [central.address for central in self._missing()]

    def _missing(self) -> list[CentralAddress]:
        configuration = self.voter.configuration
        if configuration is None or self.is_main or self._uplink.joined:
            return []
        waiting = {message.id for message in self.waiting.values() if isinstance(message, n.BackupAuthenticate)}
        here = {self.me.id} | waiting
        reached = None if self._uplink.link is None else self._uplink.central
        return [c for c in configuration.centrals if c.id not in here and c.address != reached]

    def heard(self, now: float, link: int) -> bool:
        """Does a node wait on this link? Then it has just shown life."""
        if link not in self.waiting:
            return False
        self._gathering.heard(now, link)
        return True

    def gather(self, now: float) -> Effects:
        """Once a heartbeat: part with who fell silent, and send on who has waited long, if there is a candidate that
        comes before this one."""
        silent = self._gathering.silent(now, self.waiting)
        for link in silent:
            del self.waiting[link]
        closed: Effects = [fx.Close(link, at_once=True) for link in silent]
        configuration = self.voter.configuration
        if configuration is None or self.is_main or self._uplink.joined:
            return closed
        missing = self._missing()
        before = [c for c in configuration.centrals if c.id in configuration.in_sync and c.id < self.me.id]
        here = [central for central in before if central not in missing]
        if not here:
            return closed
        answer = n.NotMain("another candidate may have the votes", "not_main", here[0].address, self.centrals)
        links = self._gathering.due(now, self.waiting)
        for link in links:
            del self.waiting[link]
        return [*closed, *[effect for link in links for effect in (fx.Send(link, answer), fx.Close(link))]]

    # -- looking for a main -------------------------------------------------------------------------------------

    def probe(self, now: float) -> Effects:
        """A main, or a candidate, looks after the centrals that it misses: one of them may reign in a higher term."""
        missing = self._missing()
        if self.replication is not None:
            present = {follower.central.id for follower in self.replication.followers.values()}
            centrals = self.replication.configuration.centrals
            missing = [c for c in centrals if c.id not in present and c.id != self.me.id]
        return self.probes.due(now, missing)

    def probed(self, now: float, link: int, message: StatusReport) -> Effects:
        """How it sees the network."""
        effects: Effects = [fx.Close(link)]
        if self.replication is not None:
            if message.term > self.replication.term:
                return [*effects, *self.step_down(now, message.term)]
            if message.term < self.replication.term:  # it may know no central that is left, and not where this one is
                return [fx.Send(link, self._uplink.greeting), *effects]
            return effects
        if message.role != "main" or message.term < self.term or self._uplink.joined:
            return effects
        named = [c.address for c in self._missing() if c.id == self.probes.links.get(link)]
        return [*effects, *self._uplink.not_main(named[0])] if named else effects

    def link_closed(self, link: int) -> None:
        """A link that waited, or probed, is gone."""
        self.waiting.pop(link, None)
        self.probes.closed(link)
