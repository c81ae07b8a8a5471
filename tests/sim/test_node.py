"""A simulated process runs the real host, can be stopped anywhere, and leaves nothing behind but its disk."""

import json

from oyez.core.effects import UserRecord
from oyez.host import PIECE
from oyez.protocol.messages import Address
from oyez.sim.history import Died, Reported
from oyez.sim.node import Node
from oyez.sim.process import Process
from oyez.sim.wire import Conditions
from oyez.sim.world import World
from tests.sim.toys import Echo, Owner


class Stage:
    """One echo, and somebody who asks it."""

    def __init__(self, seed: int = 1, conditions: Conditions | None = None, rate: float = 1.0) -> None:
        self.world = World(seed, conditions)
        self.node: Node = self.world.node("echo", lambda stored, incarnation, entropy: Echo(), rate=rate)
        self.node.start()
        self.asker = self.connect()

    def connect(self) -> Owner:
        owners: list[Owner] = []
        self.world.network.dial("asker", Address("echo", 3780), lambda end: owners.append(Owner(end)), print)
        self.world.run(0.1)
        return owners[0]

    @property
    def process(self) -> Process:
        assert self.node.process is not None
        return self.node.process

    def ask(self, *names: str) -> None:
        lines = [json.dumps({"command": "WHO", "username": name}) + "\n" for name in names]
        self.asker.end.out.send("".join(lines).encode())

    def answers(self) -> list[str]:
        return [json.loads(line)["users"][0]["username"] for line in self.asker.got.splitlines()]

    def reported(self, event: str) -> list[dict[str, object]]:
        return [dict(e.fields) for e in self.world.history if isinstance(e, Reported) and e.event == event]


def test_a_role_answers_over_a_simulated_link() -> None:
    stage = Stage()
    stage.ask("alice", "bob")
    stage.world.run(0.1)
    assert stage.answers() == ["alice", "bob"]


def test_bytes_may_come_in_crumbs() -> None:
    stage = Stage(conditions=Conditions(crumbs=1.0))
    stage.ask("alice", "bob")
    stage.world.run(0.5)
    assert stage.answers() == ["alice", "bob"]


def test_a_flood_of_answers_comes_whole_and_in_order_once_its_reader_reads() -> None:
    """More than a window; and who takes no answers is not heard on, so that few of them wait."""
    stage = Stage(conditions=Conditions(window=(60_000, 60_000)))
    stage.asker.reads = False
    names = [f"somebody number {number}" for number in range(1000)]
    for at in range(0, len(names), 500):
        stage.ask(*names[at : at + 500])
        stage.world.run(0.1)
    waiting = max(len(link.outbox) for link in stage.process.host.links.values())
    assert 0 < waiting < PIECE
    stage.asker.reads = True
    stage.asker.readable()
    stage.world.run(2.0)
    assert stage.answers() == names


def test_a_paused_process_does_everything_when_it_is_resumed() -> None:
    stage = Stage()
    stage.node.pause()
    stage.ask("alice")
    stage.world.run(5.0)
    assert stage.answers() == []
    stage.node.resume()
    stage.world.run(0.1)
    assert stage.answers() == ["alice"]
    assert len(stage.reported("ticked")) == 1  # a timer that ran out meanwhile rings once


def test_a_fast_clock_rings_its_timers_early() -> None:
    fast = Stage(rate=1.05)
    fast.world.run(19.5)
    assert len(fast.reported("ticked")) == 20


def test_the_dead_do_not_answer_and_their_links_break() -> None:
    stage = Stage()
    stage.node.crash()
    stage.ask("alice")
    stage.world.run(1.0)
    assert stage.answers() == []
    assert stage.asker.why or stage.asker.finished
    assert stage.reported("ticked") == []


def test_a_crash_between_two_effects_leaves_what_came_before_it() -> None:
    """The effects of a question are: persist, send, (report)."""
    outcomes = set()
    for effects in range(1, 4):
        stage = Stage()
        stage.node.crash_within(effects)
        stage.ask("alice")
        stage.world.run(0.5)
        outcomes.add((bool(stage.node.disk.stored().users), stage.answers() == ["alice"]))
        assert any(isinstance(entry, Died) for entry in stage.world.history) == (effects < 3)
    assert outcomes == {(False, False), (True, False), (True, True)}


def test_a_restart_is_a_new_incarnation_that_finds_its_disk() -> None:
    stage = Stage()
    stage.ask("alice")
    stage.world.run(0.1)
    stage.node.crash(power=True)
    stage.world.run(1.0)
    stage.node.start()
    assert stage.node.incarnation == 2
    assert stage.node.disk.stored().users == {"alice": "hash"}
    stage.asker = stage.connect()
    stage.ask("bob")
    stage.world.run(0.1)
    assert stage.answers() == ["bob"]


def test_what_waits_for_the_disk_shares_its_next_write_and_is_lost_with_the_power() -> None:
    stage = Stage()
    disk = stage.node.disk
    disk.latency = (1.0, 1.0)
    done: list[str] = []
    disk.persist((UserRecord("a", "h"),), lambda: done.append("a"))
    disk.persist((UserRecord("b", "h"),), lambda: done.append("b"))
    disk.persist((UserRecord("c", "h"),), lambda: done.append("c"))
    stage.world.run(1.5)
    assert done == ["a"]
    stage.world.run(1.0)
    assert done == ["a", "b", "c"]
    disk.persist((UserRecord("d", "h"),), lambda: done.append("d"))
    disk.persist((UserRecord("e", "h"),), lambda: done.append("e"))
    stage.node.crash()
    stage.world.run(2.0)
    assert done == ["a", "b", "c"]
    assert list(disk.stored().users) in (["a", "b", "c"], ["a", "b", "c", "d"])


def test_a_node_that_is_stopped_closes_its_links_and_ends() -> None:
    stage = Stage()
    stage.node.stop()
    stage.world.run(5.0)
    assert stage.asker.finished == "closed"
    stage.asker.end.leave()
    stage.world.run(5.0)
    assert not stage.node.running
