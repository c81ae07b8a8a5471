"""People who register, log in and talk while nodes die, and what has to be true of what they were told.

Each name is wanted by two of them, with different secrets. Whoever gets no answer, or is asked to try again, tries
again; what an answer says is written down.
"""

import itertools
import random
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Self

from tests.blackbox.people import Conversation, Person
from tests.blackbox.wire import Address, Message, Moved, Peer
from tests.failover.line import PATIENCE, Line, Lost

REDIRECTS = 4
PAUSE = 0.15
"""Seconds between two registrations of one person: the machine has others to serve."""

MOVES = 5
"""Most often that who talks is asked to move, in a test."""

PASSING = {"no_main", "unsettled", "no_server", "central_away"}
"""Reasons of a refusal that ask to try again."""


class Load:
    """Use as a context manager: begins on entry, ends on exit, and raises what went wrong in between.

    `centrals` may grow meanwhile. One person talks at each server. With visitors there, loads may differ by two for a
    moment, and a talker may be asked to move: then all of them begin anew.
    """

    def __init__(
        self, centrals: Mapping[str, Address], servers: Mapping[str, Address], *, pairs: int = 2, visitors: int = 2
    ) -> None:
        self.registered: dict[str, list[Person]] = {}
        """Whom a central has told that the name is theirs, by name."""
        self.visits = self.moves = 0
        self._centrals = centrals
        self._token = uuid.uuid4().hex[:8]
        self._stop = threading.Event()
        self._failures: list[BaseException] = []
        self._conversation = Conversation()
        self._talkers = [
            (server, Person(f"talker-{self._token}-{i}", "secret")) for i, server in enumerate(servers.values())
        ]
        self._threads = [threading.Thread(target=self._guarded, args=(self._talk,))]
        self._threads += [
            threading.Thread(target=self._guarded, args=(self._register_people, pair, rival))
            for pair in range(pairs)
            for rival in "ab"
        ]
        self._threads += [threading.Thread(target=self._guarded, args=(self._visit,)) for _ in range(visitors)]

    def __enter__(self) -> Self:
        self._settle(Person(f"first-{self._token}", "secret"))
        for _, person in self._talkers:
            self._settle(person)
        self._converse()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        try:
            if kind is None:
                with suppress(Moved):
                    self._conversation.leave()
        finally:
            self._part()
        if kind is None:
            self.check()

    def check(self) -> None:
        """Raise what has gone wrong so far; no name was given twice."""
        if self._failures:
            raise self._failures[0]
        twice = {name: people for name, people in list(self.registered.items()) if len({p.secret for p in people}) > 1}
        assert not twice, f"given twice: {twice}"

    def wait_for_more(self, count: int = 10) -> None:
        """Until so many more registrations have been acknowledged, and logins have been made."""
        names, visits = len(self.registered) + count, self.visits + count
        waiting = threading.Event()
        for _ in range(1200):
            self.check()
            if len(self.registered) >= names and self.visits >= visits:
                return
            waiting.wait(0.05)
        raise AssertionError(f"the network does not go on: {len(self.registered)} names, {self.visits} visits")

    def everybody_can_log_in(self) -> None:
        """Everyone who was told that the name is theirs."""
        people = [people[0] for people in list(self.registered.values())]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(self._until_let_in, people))
        refused = [(p.username, answer) for p, answer in zip(people, answers, strict=True) if answer]
        assert not refused, f"{len(refused)} of {len(people)} can't log in, {refused[:3]}"

    # -- what they do ---------------------------------------------------------------------------------------------

    def _guarded(self, what: Callable[..., None], *arguments: object) -> None:
        try:
            what(*arguments)
        except BaseException as error:  # noqa: BLE001 - a thread's failure is the test's
            self._failures.append(error)

    def _talk(self) -> None:
        while not self._stop.is_set():
            try:
                self._conversation.say(3)
                self._conversation.check()
            except Moved:
                self.moves += 1
                assert self.moves <= MOVES, "who talks is sent to and fro"
                self._part()
                self._converse()

    def _converse(self) -> None:
        self._conversation = Conversation()
        for server, person in self._talkers:
            while (peer := self._let_in(server, person)) is None:
                self._stop.wait(PAUSE)
            self._conversation.join(peer, person)

    @staticmethod
    def _let_in(server: Address, person: Person) -> Peer | None:
        """None: there is no main that the server could ask."""
        peer = Peer(server)
        peer.send(person.login())
        answer = peer.receive()
        if answer is not None and answer["command"] == "LOGIN_SUCCESS":
            return peer
        assert answer is None or answer["reason"] in PASSING, answer
        peer.close()
        return None

    def _part(self) -> None:
        for speaker in self._conversation.speakers:
            speaker.peer.close()

    def _register_people(self, pair: int, rival: str) -> None:
        for number in itertools.count():
            person = Person(f"{self._token}-{pair}-{number}", f"secret of {rival}")
            if not self._settle(person) or self._stop.wait(PAUSE):
                return

    def _settle(self, person: Person) -> bool:
        """Register until the answer is final. False where the test ended before."""
        while True:
            central = random.choice(list(self._centrals.values()))
            answer = attempt(central, person.registration())
            if answer is not None and answer["command"] == "REGISTER_SUCCESS":
                self.registered.setdefault(person.username, []).append(person)
                return True
            if answer is not None and answer["reason"] not in PASSING:
                assert answer["reason"] == "already_registered", answer
                return True
            if self._stop.wait(PAUSE):
                return False

    def _visit(self) -> None:
        while not self._stop.is_set():
            person = random.choice(list(self.registered.values()))[0]
            refusal = self._until_let_in(person)
            assert refusal is None, f"{person.username} was acknowledged, and is refused: {refusal}"
            self.visits += 1
            self._stop.wait(PAUSE)

    def _until_let_in(self, person: Person) -> Message | None:
        """Log in and go on to the server; the refusal if it is final."""
        while True:
            answer = attempt(random.choice(list(self._centrals.values())), person.login())
            if answer is None or (answer["command"] == "LOGIN_FAILED" and answer["reason"] in PASSING):
                if self._stop.wait(PAUSE) and threading.current_thread() in self._threads:
                    return None
                continue
            if answer["command"] != "REDIRECT":
                return answer
            try:
                with Line(Address(answer["hostname"], answer["port"])) as line:
                    line.send({"command": "LOGIN", "username": person.username, "ticket": answer["ticket"]})
                    while (admitted := line.receive())["command"] == "ACTIVITY_BROADCAST":
                        pass
                    line.send({"command": "LOGOUT"})
            except Lost:
                continue
            if admitted["command"] == "LOGIN_SUCCESS":
                return None


def attempt(central: Address, question: Message, patience: float = PATIENCE) -> Message | None:
    """What the main answers, wherever the asking began: the last message; None where there was no answer."""
    try:
        for _ in range(REDIRECTS):
            with Line(central, patience) as line:
                line.send(question)
                answer = line.receive()
                if answer["command"] == "LOGIN_SUCCESS":
                    return line.receive()
            if answer["command"] != "REDIRECT":
                return answer
            central = Address(answer["hostname"], answer["port"])
    except Lost:
        pass
    return None
