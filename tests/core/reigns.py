"""A main's reign without its links and disk: what it sends, writes and says is kept until the test answers."""

from collections import defaultdict

from oyez.core import configuration as cfg
from oyez.core import effects as fx
from oyez.core.central.entries import Entries, Entry
from oyez.core.central.replication import Follower, Replication
from oyez.core.effects import Effects
from oyez.core.voter import Voter, VoterState
from oyez.protocol import nodes as n
from oyez.protocol.messages import Message

TERM = 5
SERVERS = ("s.1", "t.1", "u.1")
LINKS = {"m": 0, "b": 11, "c": 12, "d": 13, "s.1": 21, "t.1": 22, "u.1": 23}


def central(name: str) -> n.CentralAddress:
    return n.CentralAddress(name, "central", 3780 + ord(name[0]) - ord("a"))


class Reign:
    """Main m, elected in TERM from a configuration of these centrals, of which `in_sync` were, and these servers.

    `log` is how many entries of the last term it has.
    """

    def __init__(
        self, centrals: str = "m", in_sync: str | None = None, servers: tuple[str, ...] = (), log: int = 0
    ) -> None:
        members = tuple(central(name) for name in centrals)
        old = n.Configuration(TERM - 1, 7, "m", tuple(in_sync or centrals), members, servers)
        self.now = 100.0
        self.servers = servers
        self.voter = Voter("m", VoterState(TERM, "m", old))
        self.entries = Entries(fx.Position(0, 0, 0))
        for index in range(1, log + 1):
            self.entries.append(Entry(index, TERM - 1, fx.UserRecord(f"old {index}", "hash", index)))
        self.main = Replication(self.voter, self.entries, TERM, lambda: self.servers)
        self.sent: dict[int, list[Message]] = defaultdict(list)
        self.disk: list[tuple[tuple[fx.Record, ...], Effects]] = []
        self.reports: list[tuple[str, dict[str, object]]] = []
        self.others: Effects = []  # what has nothing to do with disks and messages
        self.settled: list[tuple[str, bool]] = []
        self.disk_works = True
        self.do(self.main.configure(self.now, cfg.taken_over(old, central("m"), TERM)))

    # -- the host ---------------------------------------------------------------------------------------------------

    def do(self, effects: Effects) -> None:
        for index, effect in enumerate(effects):
            match effect:
                case fx.Persist():
                    self.disk.append((effect.taken(), effects[index + 1 :]))
                    break
                case fx.Then(call):
                    self.do(call(self.now))
                case fx.Send(link, message):
                    self.sent[link].append(message)
                case fx.Report(event, fields):
                    self.reports.append((event, dict(fields)))
                case _:
                    self.others.append(effect)
        while self.disk and self.disk_works:
            self.do(self.disk.pop(0)[1])

    def stops_disk(self) -> None:
        self.disk_works = False

    def disk_goes_on(self) -> None:
        self.disk_works = True
        self.do([])

    def tick(self, seconds: float = 0.0) -> None:
        self.now += seconds
        self.do(self.main.tick(self.now))

    # -- the others -------------------------------------------------------------------------------------------------

    def hears(self, who: str) -> list[Message]:
        """What was sent there since the last time."""
        return self.sent.pop(LINKS[who], [])

    def asked(self, who: str) -> n.ConfirmTerm | None:
        """The last question that was sent there since the last time."""
        questions = [message for message in self.hears(who) if isinstance(message, n.ConfirmTerm)]
        return questions[-1] if questions else None

    def joins(self, *voters: str) -> None:
        """These servers are connected."""
        for voter in voters:
            self.do(self.main.voter_joined(voter, LINKS[voter]))

    def follows(self, name: str, held: int | None = 0) -> Follower:
        """This backup is connected; it gets entries if it holds what is `held`, else it gets a snapshot first."""
        follower = Follower(central(name), LINKS[name], self.now)
        self.main.follower_joined(follower)
        follower.held = held
        self.do(self.main.voter_joined(name, LINKS[name]))
        if held is not None:
            assert any(self.entries.knows(held, term) for term in (0, TERM - 1, TERM))
            self.do(self.main.feed(self.now, follower, held))
            self.do(self.main.review(self.now))
        return follower

    def confirms(self, *voters: str) -> None:
        """These answer what they were asked last, if they were."""
        for voter in voters:
            question = self.asked(voter)
            if question is not None:
                answer = n.TermConfirmed(question.round, question.term, question.version)
                self.do(self.main.confirmed(self.now, voter, answer))

    def settles(self, *voters: str) -> None:
        """Rounds go on with these until nothing is asked any more."""
        while any(isinstance(message, n.ConfirmTerm) for voter in voters for message in self.sent[LINKS[voter]]):
            self.confirms(*voters)

    def holds(self, name: str, index: int | None = None) -> None:
        """This backup has everything up to there, or all, on its disk."""
        held = self.entries.last if index is None else index
        self.do(self.main.held_by(self.now, LINKS[name], held))

    def leaves(self, name: str) -> None:
        """The link of this node is closed."""
        self.main.link_closed(LINKS[name])
        if LINKS[name] in self.main.followers:
            self.do(self.main.follower_left(self.now, LINKS[name]))

    # -- registrations ----------------------------------------------------------------------------------------------

    def registers(self, name: str) -> int:
        """An entry is written, and its commit waited for; returns its index."""
        index = self.main.next_index

        def settled(now: float, committed: bool) -> Effects:
            self.settled.append((name, committed))
            return []

        self.do(self.main.append(self.now, fx.UserRecord(name, "hash", index)))
        self.do(self.main.when_committed(self.now, index, settled))
        return index

    @property
    def in_sync(self) -> set[str]:
        return set(self.main.configuration.in_sync)

    @property
    def adopted(self) -> bool:
        return self.main.adopted is self.main.configuration


def paired() -> Reign:
    """Main m and backup b, both in sync, and three servers; everything is adopted."""
    reign = Reign("mb", servers=SERVERS)
    reign.joins(*SERVERS)
    reign.follows("b")
    reign.settles("b", *SERVERS)
    assert reign.in_sync == {"m", "b"}
    assert reign.adopted
    return reign
