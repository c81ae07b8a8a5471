"""Nodes for hostile peers to be let loose on, with somebody who behaves, to see that nothing happens to them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from oyez.core.peer import From
from oyez.host.unfinished import Unfinished
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol.framing import MESSAGE_PREFIX
from tests.core import centrals, servers
from tests.core.nodes import Node, Talk
from tests.fuzz.data import Data, cut
from tests.fuzz.json_like import line
from tests.fuzz.targets.origin import part

STRANGE = From.at("192.0.2.7")
UNFINISHED = 4_000
"""Bytes of all lines together that have not ended."""

FEW = 64 * 1024
"""Bytes that may wait for a stranger who reads nothing: a few answers."""

Usual = dict[str, list[Any]]


class Ward:
    """A node with one who behaves. `usual` is what gets through in lines to it."""

    usual: Usual

    def __init__(self, node: Node, comes: Callable[[Data], Talk]) -> None:
        self.node = node
        self.node.host._unfinished = Unfinished(30.0, UNFINISHED)
        self.comes = comes
        self.talks: list[Talk] = []

    def suffer(self, decisions: Data) -> None:
        """One thing that hostile peers do."""
        match decisions.below(16):
            case 0 if len(self.talks) < 5:
                self.talks.append(self.comes(decisions))
            case 1 if self.talks:
                self._leave(decisions.below(len(self.talks)))
            case 2:
                for _ in range(decisions.pick([1, 1, 3, 12])):
                    self.node.pass_time(1.0)
                    self.live()
            case 3 if self.talks:
                decisions.pick(self.talks).stops_reading(decisions.below(400))
            case 4 if self.talks:
                decisions.pick(self.talks).reads_on(decisions.pick([None, 1, 100]))
            case 5:
                self.behave()
            case 6 if self.talks:
                decisions.pick(self.talks).says(decisions.take(decisions.below(64)))
            case step if self.talks:
                talk = decisions.pick(self.talks)
                one = part if step < 9 else self._line
                said = b"".join(one(decisions) for _ in range(1 + decisions.below(3)))
                for piece in cut(said, decisions.places(2)):
                    talk.says(piece)
        self.judge()

    def _line(self, decisions: Data) -> bytes:
        return line(decisions, self.usual) + b"\n"

    def _leave(self, which: int) -> None:
        talk = self.talks.pop(which)
        if talk.link.id in self.node.host.links:
            talk.hangs_up()

    def judge(self) -> None:
        """Nobody holds more than a bounded amount."""
        links = [talk.link for talk in self.talks if not talk.link.closing]
        assert self.node.host._unfinished.total <= UNFINISHED
        for link in links:
            assert len(link.buffer.rest) <= link.buffer.limit + 1
            assert len(link.outbox) <= FEW
            assert sum(len(waiting) for waiting in link.waiting) <= FEW

    def part(self) -> None:
        """All hostile ones leave, and leave nothing behind."""
        while self.talks:
            self._leave(0)
        assert self.node.host._unfinished.total == 0
        assert len(self.node.host._unfinished) == 0

    def live(self) -> None:
        """Who behaves shows life."""

    def behave(self) -> None:
        """Who behaves does something, and sees what comes of it."""
        raise NotImplementedError


class ServerWard(Ward):
    """A server that serves; bob is there, and sees all that is posted."""

    def __init__(self, peers: bool = False) -> None:
        self.server, self.central = servers.ready()
        super().__init__(self.server, self._comes)
        self.peers = peers
        self.bob = self.server.logs_in("bob", nonce="of bob")
        self.posted = self.seen = 0
        self._comers = 0
        nonces = [f"nonce {number}" for number in range(6)]
        self.usual = {
            "secret": [servers.CLUSTER, "a secret", ""] if peers else ["a secret", "", None],
            "username": ["eve", "anonymous", "eve", "bob"],
            "ticket": [servers.permit("eve", nonce) for nonce in nonces],
            "session": ["x" * 16, "y" * 16],
            "network": [servers.NETWORK, "", "another"],
            "origin": ["m.1", "a.1", "b.1"],
            "origins": [{}, {"m.1": 0}, {"m.1": 2, "a.1": 1}, {"a.1": 9}, {"gone.1": 5}],
            "last": [[], ["a.1"], ["m.1"]],
            "activity": [{}, {"content": "x"}, {"authenticated_user": "bob", "content": "post 1"}, [], {"\n": "\n"}],
            "id": [1, 2, 3, "a", "b", None],
        }

    def _comes(self, decisions: Data) -> Talk:
        """Somebody who says nothing, or eve, with a cursor or without."""
        self._comers += 1
        if self.peers and self._comers == 1:
            return self.central
        if self.peers and self._comers == 2:
            return self.server.linked_from("a")
        stranger, how = self.server.connect(STRANGE), decisions.below(4)
        if not how:
            return stranger
        origins, last = decisions.pick(self.usual["origins"]), decisions.pick(self.usual["last"])
        resume = m.Resume(servers.NETWORK, origins, last) if how == 1 else None
        return stranger.says(servers.login("eve", f"of eve {self._comers}", "x" * 16 if how < 3 else None, resume))

    def live(self) -> None:
        if not self.peers:
            self.central.says(n.Heartbeat())
            self.central.lines()

    def behave(self) -> None:
        self.posted += 1
        self.bob.says(servers.post("bob", f"post {self.posted}"))
        self.watch()
        assert self.peers or self.seen == self.posted, "a post is held up"

    def watch(self) -> None:
        """What bob reads is whole and by whom it says; what is his he has posted, in that order."""
        for read in self.bob.lines():
            if self.peers and not read.startswith(MESSAGE_PREFIX + b'"id":"m.1-'):
                continue  # another server's line leaves as it has come
            message = json.loads(read)
            assert message["command"] == "ACTIVITY_BROADCAST"
            author = message["activity"]["authenticated_user"]
            assert self.peers or author in ("bob", "eve", "anonymous")
            if author == "bob":
                self.seen += 1
                assert message["activity"] == {"authenticated_user": "bob", "content": f"post {self.seen}"}
        assert self.peers or not self.bob.ended

    def part(self) -> None:
        super().part()
        self.watch()
        if not self.peers:
            assert len(self.server.host.links) == 2
            assert self.server.role.sessions.links == [self.bob.link.id]
            assert not self.server.role.clients.arrivals
            assert len(self.server.role.door) == 1
            assert self.server.role.door._strangers == {}


class CentralWard(Ward):
    """A central with a server; bob, who is registered, can always log in, and is sent there."""

    def __init__(self, peers: bool = False) -> None:
        self.centre = centrals.Centre("bob eve")
        super().__init__(self.centre, self._comes)
        self.peers = peers
        (self.server,) = self.centre.ready("a")
        self.links = len(self.centre.host.links)
        self._comers = 0
        self.usual = {
            "secret": ["secret of eve", "another", *([centrals.CLUSTER] * 2 if peers else [])],
            "new_secret": ["secret of eve", "new"],
            "username": ["eve", "anonymous", "mallory"] + ["bob"] * peers,
            "session": ["x" * 16],
            "id": ["a", "b", "c-home", "c"],
            "hostname": ["host"],
            "port": [4001, 4002],
            "term": [1, 0, 2],
            "index": [0, 1, 2, 9],
            "incarnation": [1, 2],
        }

    def _comes(self, decisions: Data) -> Talk:
        self._comers += 1
        if self.peers and self._comers == 1:
            return self.server
        if self.peers and self._comers == 2:
            return self.centre.joins("b")
        return self.centre.connect(STRANGE)

    def live(self) -> None:
        if not self.peers:
            self.server.says(n.Heartbeat())
            self.server.lines()

    def behave(self) -> None:
        talk = self.centre.connect().says(m.Login("bob", "secret of bob"))
        heard = talk.hears()
        if not self.peers:
            success, redirect = heard
            assert isinstance(success, m.LoginSuccess), success
            assert isinstance(redirect, m.Redirect), redirect
            assert redirect.port == 4001

    def part(self) -> None:
        super().part()
        if not self.peers:
            assert len(self.centre.host.links) == self.links
            assert not self.server.ended
        self.behave()
