"""What a central makes of a server's announcements, whoever comes and goes meanwhile: the sessions that there are."""

from collections import Counter

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from oyez.core.central.directory import Server as Record
from oyez.core.server.clients import ANNOUNCE
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from tests.core.nodes import Talk
from tests.core.servers import ID, Serving, post, welcome


class CountingMachine(RuleBasedStateMachine):
    """Clients of three names come and go; so does the central, which forgets everything each time."""

    def __init__(self) -> None:
        super().__init__()
        self.server = Serving()
        self.central: Talk | None = self.server.joins()
        self.welcome = True
        self.record = Record(ID, self.server.role.address, 1)
        self.clients: list[tuple[str, Talk]] = []
        self._central_listens()

    @rule(name=st.sampled_from(["anonymous", "bob", "eve"]))
    def come(self, name: str) -> None:
        self.clients.append((name, self.server.logs_in(name)))

    @precondition(lambda self: self.clients)
    @rule(which=st.integers(0, 100), way=st.sampled_from(["vanish", "log out", "offend"]))
    def go(self, which: int, way: str) -> None:
        _, talk = self.clients.pop(which % len(self.clients))
        if way == "vanish":
            talk.hangs_up()
        else:
            talk.says(m.Logout() if way == "log out" else post("mallory"))

    @precondition(lambda self: self.central is not None)
    @rule()
    def lose_the_central(self) -> None:
        assert self.central is not None
        self.central.hangs_up()
        self.central, self.welcome = None, False

    @precondition(lambda self: self.central is None)
    @rule()
    def meet_the_central(self) -> None:
        while not self.server.dialing():
            self.server.pass_time(0.5)
        self.central = self.server.meets_central()

    @precondition(lambda self: self.central is not None and not self.welcome)
    @rule()
    def be_welcome(self) -> None:
        assert self.central is not None
        self._central_listens()
        self.central.says(welcome())
        self.welcome = True

    @rule(seconds=st.sampled_from([0.03, ANNOUNCE, 1.0]))
    def pass_time(self, seconds: float) -> None:
        if self.central is not None:
            self.central.says(n.Heartbeat())
        self.server.pass_time(seconds)

    def _central_listens(self) -> None:
        assert self.central is not None
        for message in self.central.hears():
            if isinstance(message, n.Authenticate):
                self.record = Record(ID, self.server.role.address, 1)
                self.record.load = message.load
            elif isinstance(message, n.ServerAnnounce):
                self.record.announced(1.0, message)
            elif isinstance(message, n.DeLoad):
                self.record.left(message.username)

    @invariant()
    def the_server_itself_counts_right(self) -> None:
        assert len(self.server.role.sessions) == len(self.clients)

    @precondition(lambda self: self.welcome)
    @rule()
    def the_central_counts_right_once_it_has_been_told(self) -> None:
        self.pass_time(ANNOUNCE)
        self._central_listens()
        assert self.record.load == len(self.clients)
        assert self.record.sessions == Counter(name for name, _ in self.clients)


TestCounting = CountingMachine.TestCase
TestCounting.settings = settings(max_examples=60, stateful_step_count=30)
