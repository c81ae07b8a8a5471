"""Failures that the simulator found, each as the smallest test that shows it."""

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from oyez.core.central.central import Central
from oyez.core.central.placement import Placement, Reservation
from oyez.core.central.replication import Replication
from oyez.core.central.stored import Stored
from oyez.core.client.client import Client
from oyez.core.effects import Close, Dial, Effects, HashSecret, Send, SetTimer, Then
from oyez.core.origin import Origin, beginning
from oyez.core.peer import HERE
from oyez.core.server.broadcast import Broadcast
from oyez.core.server.mesh import Mesh
from oyez.core.server.server import Server
from oyez.core.uplink import Uplink
from oyez.core.voter import VoterState
from oyez.log import Chunk, Log
from oyez.protocol.messages import Address, Login, LoginSuccess, Redirect, Refusal, Register, StatusReport
from oyez.protocol.nodes import (
    Authenticate,
    AuthenticateSuccess,
    BackupAuthenticate,
    CentralAddress,
    Configuration,
    Configure,
    Heartbeat,
    NotMain,
    RequestVote,
    ServerAddress,
    SynchronisedNewServer,
    Vote,
)
from oyez.protocol.peers import ServerHello, ServerPosition
from oyez.sim import prospects
from oyez.sim.checkers import bounded
from oyez.sim.history import Began, Entered, Fault, Phase, Posted, Promoted, Saw
from oyez.sim.plan import FaultPlan, Plan
from oyez.sim.scenario import Scenario
from oyez.sim.verdict import judge


class Reader:
    """A link that takes `room` bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.got = b""

    def __call__(self, data: bytes) -> int:
        taken = min(self.room, len(data))
        self.room -= taken
        self.got += data[:taken]
        return taken


def line(number: int, length: int = 20) -> bytes:
    return f"{number} ".encode().ljust(length - 1, b".") + b"\n"


def test_a_reader_torn_in_the_last_line_of_what_is_forgotten_still_gets_the_rest_of_it() -> None:
    """Seed 42: the rest of a long line was skipped when the reader came back just in time for the next one."""
    log = Log(retention=30)
    reader = Reader(room=10)
    cursor = log.cursor(0, 1, reader)
    assert cursor.pump()
    log.publish([Chunk("o", 1, 1, line(1))])
    log.publish([Chunk("o", 2, 1, line(2))])
    assert log.fallen_out() == []
    reader.room = 5  # not even the rest of the first line
    assert not cursor.pump()
    assert cursor.blocked
    reader.room = 100
    assert cursor.pump()
    assert reader.got == line(1) + line(2)


def test_a_reader_that_falls_out_in_the_very_turn_that_tore_its_line_can_be_told_so() -> None:
    """One turn may bring more than is retained: what a reader has begun must still be ended before the last word."""
    log = Log(retention=30)
    reader = Reader(room=10)
    cursor = log.cursor(0, 1, reader)
    assert cursor.pump()
    log.publish([Chunk("o", 1, 1, line(1)), Chunk("o", 2, 1, line(2)), Chunk("o", 3, 1, line(3))])
    assert log.fallen_out() == [cursor]
    assert reader.got + cursor.finish_line() == line(1)


def mesh_of(id: str) -> Mesh:
    return Mesh(id, 1, "secret", Broadcast(Origin(id, 1, 1 << 20), 1 << 20, None, 2), Random(1))


def block(first: int, last: int) -> bytes:
    """Activities of s1, in its first lifetime."""
    lines = [beginning("s1.1") + b'%d","activity":{}}\n' % number for number in range(first, last + 1)]
    return b"".join(lines)


def numbers(received: tuple[list[Chunk], bool]) -> list[tuple[int, int]]:
    chunks, in_order = received
    assert in_order
    return [(chunk.first, chunk.last) for chunk in chunks]


def test_what_a_second_link_repeats_is_not_taken_twice() -> None:
    """Seed 381: two links to a peer were greeted with the same cursor, and both brought what came behind it."""
    mesh = mesh_of("s2")
    mesh.greeted(0.0, 1, ServerHello("secret", "s1", 1))
    mesh.position(1, ServerPosition("s1.1", 0))
    assert numbers(mesh.receive(0.0, 1, block(1, 3))) == [(1, 3)]
    mesh.greeted(0.0, 2, ServerHello("secret", "s1", 1))
    mesh.position(2, ServerPosition("s1.1", 0))
    assert numbers(mesh.receive(0.0, 2, block(1, 2))) == []
    assert numbers(mesh.receive(0.0, 2, block(3, 5))) == [(4, 5)]


def test_a_greeting_from_before_a_restart_does_not_bring_the_old_lifetime_back() -> None:
    mesh = mesh_of("s2")
    mesh.greeted(0.0, 1, ServerHello("secret", "s1", 2))
    effects = mesh.greeted(0.0, 2, ServerHello("secret", "s1", 1))
    assert mesh.holds(2) is None
    said = [effect.message for effect in effects if isinstance(effect, Send)]
    assert [message.reason for message in said if isinstance(message, Refusal)] == ["superseded"]


def test_a_link_to_a_lifetime_that_is_over_does_not_delay_the_next() -> None:
    """Seed 406709: for five seconds a server tried to say a last word to a machine that had lost its power."""
    mesh = mesh_of("s0")
    mesh.greeted(0.0, 1, ServerHello("secret", "s1", 1))
    assert mesh.listed(SynchronisedNewServer("s1", "s1", 4000, 2)) == [Close(1, at_once=True)]


def test_how_far_a_removed_peer_was_read_is_kept_for_its_return() -> None:
    """A server that was cut off for longer than it is dialed still has the same log when it comes back."""
    mesh = mesh_of("s0")
    mesh.listed(ServerAddress("s1", "s1", 4000))
    mesh.greeted(0.0, 1, ServerHello("secret", "s1", 1))
    mesh.position(1, ServerPosition("s1.1", 0))
    mesh.receive(0.0, 1, block(1, 3))
    mesh.removed(1.0, "s1")
    mesh.lost(100.0, 1)
    mesh.redial(200.0, "s1")
    mesh.listed(ServerAddress("s1", "s1", 4000))
    assert mesh.hello(300.0, "s1").cursor == 3


def test_a_gap_is_reported_though_nothing_had_come_before_it() -> None:
    """Seed 15875: a cursor at the very beginning of a log was taken for none at all."""
    mesh = mesh_of("s2")
    mesh.greeted(0.0, 1, ServerHello("secret", "s1", 1))
    mesh.position(1, ServerPosition("s1.1", 0))
    mesh.lost(1.0, 1)
    mesh.greeted(2.0, 2, ServerHello("secret", "s1", 1))
    assert mesh.position(2, ServerPosition("s1.1", 4))[1] == [("s1.1", 1, 4)]


def test_a_link_that_broke_before_its_first_position_does_not_ask_for_everything() -> None:
    mesh = mesh_of("s2")
    mesh.greeted(0.0, 1, ServerHello("secret", "s1", 1))
    assert mesh.hello(1.0, "s1").cursor is None


def test_a_place_is_kept_until_the_server_counts_who_came_without_a_ticket_and_no_longer() -> None:
    """Seed 16: a place taken by secret was free for a moment, one that was taken anonymously was kept for a minute."""
    placement = Placement(Random(1))
    for nonce, username in [("a", "anonymous"), ("b", "bob"), ("c", "bob"), ("d", "anonymous")]:
        placement.reserve(nonce, Reservation("s1", username, 60.0))
    placement.arrived("s1", ["bob", "anonymous", "bob"], ["c"])
    assert placement.reserved("s1") == 1  # the later anonymous
    placement.arrived("s1", ["eve", "bob"], [])
    placement.arrived("s2", ["anonymous"], [])
    assert placement.reserved("s1") == 1
    placement.expire(60.0)
    assert placement.reserved("s1") == 0


def test_a_session_that_is_sent_to_the_central_is_not_live_before_it_has_a_server_again() -> None:
    """The central's LOGIN_SUCCESS, behind the REDIRECT of a server that stops, was taken for a server's."""
    central = Address("central", 3780)
    client = Client([central], "bob", "secret", Random(1))
    client.on_start(0.0)
    client.on_dialed(0.0, 1, "central")
    client.on_message(0.0, 1, LoginSuccess("logged in as user bob", ticket="ticket", centrals=[central]))
    client.on_message(0.0, 1, Redirect("s1", 4000, "permit"))
    client.on_dialed(0.0, 2, "server")
    client.on_message(0.0, 2, LoginSuccess("logged in as user bob", server="s1"))
    assert client.live
    effects = client.on_message(0.0, 2, Redirect(central.hostname, central.port))
    assert central in dialed(effects)
    client.on_dialed(1.0, 3, "central")
    client.on_message(1.0, 3, LoginSuccess("logged in as user bob", ticket="ticket", centrals=[central]))
    assert not client.live


def dialed(effects: Effects) -> list[Address]:
    return [effect.address for effect in effects if isinstance(effect, Dial)]


def test_a_server_that_stops_sends_its_sessions_to_the_central() -> None:
    """Seed 4: they were cut off without a word."""
    server = Server("s1", Address("s1", 4000), [Address("central", 3780)], "secret", 1, Random(1))
    server.on_dialed(0.0, 1, "central")
    server.on_message(0.0, 1, AuthenticateSuccess("welcome", centrals=[Address("central", 3780)]))
    for link in (2, 3):
        server.on_open(0.0, link, HERE)
    server.on_message(0.0, 3, Login("anonymous"))
    assert server.on_stop(1.0) == [Send(3, Redirect("central", 3780))]


# -- elections -------------------------------------------------------------------------------------------------------

CENTRALS = tuple(CentralAddress(id, id, 3780) for id in ("c1", "c2", "c3"))
SERVERS = ("s1.1", "s2.1")
SERVER = Authenticate("secret", "s1", "s1", 4000, 1)


def candidate(version: int = 1) -> Central:
    """The second of three centrals, whose main is away; it has been started."""
    configuration = Configuration(1, version, "c1", ("c1", "c2", "c3"), CENTRALS, SERVERS)
    stored = Stored(bytes(32), "c2", voter=VoterState(1, "c1", configuration))
    central = Central(CENTRALS[1].address, "secret", stored, Random(1), tuple(c.address for c in CENTRALS))
    central.on_start(0.0)
    return central


def test_candidates_leave_each_other_more_and_more_time() -> None:
    """Seeds 33 and 40: two stood against each other for ever, in hundreds of terms."""
    central = candidate()
    waits = []
    for _ in range(6):
        timers = [effect for effect in central.on_timer(1.0, "campaign") if isinstance(effect, SetTimer)]
        waits += [timer.after for timer in timers if timer.key == "campaign"]
    assert len(waits) == 6
    assert waits[-1] > 8 * min(waits)


def test_who_waits_is_sent_away_when_a_candidate_learns_that_it_can_not_be_elected() -> None:
    """Seed 1287: it kept a server whose vote the only possible main needed."""
    central = candidate()
    central.on_open(1.0, 9, HERE)
    central.on_message(1.0, 9, SERVER)
    newer = Configuration(1, 2, "c1", ("c1", "c3"), CENTRALS, SERVERS)
    effects = central.on_message(1.1, 9, Vote("s1.1", 2, False, True, 1, newer, "there is a newer configuration"))
    said = [effect.message for effect in effects if isinstance(effect, Send)]
    assert [type(message) for message in said] == [NotMain]
    assert Close(9) in effects


def test_a_candidate_that_waits_for_another_finds_the_main_all_the_same() -> None:
    """Seed 100: two candidates waited for each other, and never looked at the third, which was main."""
    central = candidate()
    central.on_dialed(0.1, 1, "central")  # c1
    central.on_message(0.2, 1, NotMain("not the main", "not_main"))
    central.on_close(0.2, 1)
    central.on_timer(0.3, "central")
    central.on_dialed(0.3, 2, "central")  # c3, which waits as well
    dials = [effect for effect in central.on_timer(0.5, "tick") if isinstance(effect, Dial)]
    assert dials == [Dial(CENTRALS[0].address, "probe:c1")]
    central.on_dialed(0.6, 3, "probe:c1")
    effects = central.on_message(0.7, 3, StatusReport(2, 0, [], [], "main"))
    assert Close(2) in effects
    central.on_close(0.7, 2)
    assert CENTRALS[0].address in dialed(central.on_timer(0.8, "central"))


def test_voters_that_wait_at_several_candidates_are_brought_together() -> None:
    """Seed 1001873: two candidates had one server each, and needed both."""
    central = candidate()
    for link, message in ((8, BackupAuthenticate("secret", "c1", "c1", 3780)), (9, SERVER)):
        central.on_open(1.0, link, HERE)
        central.on_message(1.0, link, message)
    assert not any(isinstance(effect, Close) for effect in central.on_timer(1.5, "tick"))
    effects = central.on_timer(3.5, "tick")
    said = [effect.message for effect in effects if isinstance(effect, Send) and effect.link == 9]
    assert [message.main for message in said if isinstance(message, NotMain)] == [CENTRALS[0].address]
    assert Close(9) in effects
    assert Close(8) not in effects
    central.on_close(3.6, 9)
    central.on_open(9.0, 10, HERE)  # it could not reach the other
    central.on_message(9.0, 10, SERVER)
    later = [*central.on_timer(9.5, "tick"), *central.on_timer(12.0, "tick")]
    assert Close(10) not in later


def test_a_central_that_is_behind_learns_from_the_voters_that_it_may_be_elected() -> None:
    """Seed 1005295: the main died when only the servers had heard that the backup was in sync again."""
    left_out = Configuration(1, 1, "c1", ("c1",), CENTRALS[:2], SERVERS)
    stored = Stored(bytes(32), "c2", voter=VoterState(1, "c1", left_out))
    central = Central(CENTRALS[1].address, "secret", stored, Random(1), (CENTRALS[0].address,))
    central.on_start(0.0)
    central.on_open(1.0, 9, HERE)
    assert Close(9) in central.on_message(1.0, 9, SERVER)
    central.on_close(1.1, 9)
    newer = Configuration(1, 2, "c1", ("c1", "c2"), CENTRALS[:2], SERVERS)
    central.on_open(2.0, 10, HERE)
    effects = central.on_message(2.0, 10, Authenticate("secret", "s1", "s1", 4000, 1, configuration=newer))
    assert Close(10) not in effects
    assert any(isinstance(effect, SetTimer) and effect.key == "campaign" for effect in effects)


def uplink(*hosts: str) -> Uplink:
    return Uplink([Address(host, 3780) for host in hosts], Random(1), lambda: Authenticate("secret", "s1", "s1", 4000))


def test_who_waits_does_not_leave_for_centrals_that_it_could_not_reach() -> None:
    """Seed 23290: while one server tried two dead machines, the other waited for it, and so in turn."""
    link = uplink("c1", "c2")
    link.watch(100.0, slept=False)
    link.dial()
    link.failed()
    link.dial()
    link.dialed(105.0, 1)  # c2
    link.heard(110.0)
    assert link.watch(111.5, slept=False) == []
    link.heard(140.0)
    assert link.watch(140.0, slept=False) == [Close(1)]


def test_a_central_that_fell_silent_is_tried_again_though_the_others_are_slow_to_refuse() -> None:
    """Seed 1708: it was passed over for a number of turns, each of which took as long as a dead machine takes."""
    link = uplink("c1", "c2")
    link.watch(0.0, slept=False)
    link.dial()
    link.dialed(0.0, 1)
    link.welcomed(link.centrals)
    assert link.watch(3.5, slept=False)[-1] == Close(1, at_once=True)
    link.lost()
    assert dialed(link.dial()) == [Address("c2", 3780)]
    link.watch(8.5, slept=False)
    link.failed()
    assert dialed(link.dial()) == [Address("c1", 3780)]


def test_the_main_that_was_named_during_a_dial_in_vain_is_tried_next() -> None:
    """Seed 391: it was forgotten when the dial failed, and the next one went to the same dead machine."""
    link = uplink("c1", "c3")
    link.dial()
    link.not_main(Address("c3", 3780))
    link.failed()
    assert dialed(link.dial()) == [Address("c3", 3780)]


def test_a_hash_that_comes_back_in_another_reign_registers_nobody() -> None:
    """Somebody else may have registered the name meanwhile, at the main in between."""
    stored = Stored(bytes(32), "c1")
    central = Central(Address("c1", 3780), "secret", stored, Random(1))
    performed(central.on_start(0.5))
    effects = central.on_message(1.0, 5, Register("bob", "one"))
    token = next(effect.token for effect in effects if isinstance(effect, HashSecret))
    central.office.step_down(1.1, 7)
    performed(central.office.promote(1.2))
    assert central.office.is_main
    central.directory.users["bob"] = "the hash of another secret"
    central.on_hashed(1.3, token, "a hash")
    assert central.directory.users["bob"] == "the hash of another secret"


def performed(effects: Effects) -> None:
    """With a disk that is done at once."""
    while effects:
        effect = effects.pop(0)
        if isinstance(effect, Then):
            effects = [*effect.call(0.5), *effects]


def test_a_candidate_that_learns_of_a_newer_configuration_in_its_trial_asks_for_no_votes() -> None:
    """Seed 3010264: it could not vote for itself any more, and counted its own vote all the same."""
    c1, c2 = CentralAddress("c1", "c1", 3780), CentralAddress("c2", "c2", 3780)
    old = Configuration(1, 1, "c2", ("c1", "c2"), (c1, c2), ("s1.1",))
    stored = Stored(bytes(32), "c1", voter=VoterState(1, "c2", old))
    central = Central(Address("c1", 3780), "secret", stored, Random(1))
    performed(central.on_start(0.5))
    performed(central.office.wait(7, Authenticate("secret", "s1", "s1", 4000, 1)))
    performed(central.office.campaign(1.0))
    performed(central.office.configured(Configure(Configuration(2, 1, "c2", ("c1", "c2"), (c1, c2), ("s1.1",)))))
    effects = central.office.voted(1.1, Vote("s1.1", 2, True, trial=True))
    assert not effects
    assert central.office.voter.state.voted_for == "c2"


def test_who_waits_and_falls_silent_is_not_taken_in_later() -> None:
    """Seed 3015450: a machine had lost its power; half a minute later the central at which it had waited was promoted,
    took it in, made it a voter, and could never again acknowledge anything."""
    central = candidate()
    for link, id in ((8, "s1"), (9, "s2")):
        central.on_open(0.5, link, HERE)
        central.on_message(0.5, link, Authenticate("secret", id, id, 4000, 1))
    for beat in range(2, 8):
        assert Close(8, at_once=True) not in central.on_timer(beat / 2, "tick")
        central.on_message(beat / 2, 9, Heartbeat())
    assert Close(8, at_once=True) in central.on_timer(4.0, "tick")
    assert list(central.office.waiting) == [9]


def test_who_waits_is_not_silent_because_the_central_slept() -> None:
    central = candidate()
    central.on_open(1.0, 9, HERE)
    central.on_message(1.0, 9, SERVER)
    central.on_timer(1.5, "tick")
    assert Close(9, at_once=True) not in central.on_timer(60.0, "tick")
    assert Close(9, at_once=True) not in central.on_timer(62.5, "tick")
    assert Close(9, at_once=True) in central.on_timer(63.0, "tick")


def test_a_server_that_serves_shows_life_where_it_waits() -> None:
    """Seed 3015450: else it would be taken for gone."""
    server = Server("s1", Address("s1", 4000), [Address("c1", 3780)], "secret", 1, Random(1))
    server.on_start(0.0)
    performed(server.on_dialed(0.1, 1, "central"))
    server.on_message(0.1, 1, AuthenticateSuccess("welcome", 1))
    assert Send(1, Heartbeat(0)) not in server.on_timer(0.5, "tick")
    server.on_close(0.6, 1)
    server.on_timer(0.7, "central")
    performed(server.on_dialed(0.7, 2, "central"))
    assert Send(2, Heartbeat(0)) in server.on_timer(1.0, "tick")


def test_what_comes_late_while_a_server_looks_for_a_promoted_main_in_vain_breaks_no_promise() -> None:
    """Seed 3015061: it had just dialed the other central, which was dead for good, when the operator came."""
    began = Began(0.0, 1, 2, 2, 2, 1 << 20, 1 << 20, 30.0, ("retire central",))
    inside = [Entered(1.0, f"c{n}.1", f"c{n}", "bob", f"s{n}", n, True) for n in (1, 2)]
    dead = Fault(2.0, "stop", "central2", 2.0)

    def late(at: float) -> list[str]:
        seen = [Posted(at, "c1.1", 1), Saw(at + 1.4, "c2.1", "c1.1", 1, "bob", "s1.1-1")]
        return bounded.check([began, *inside, dead, Promoted(40.0, "central", True), *seen])

    assert late(45.0) == []
    assert len(late(39.0 - 5.0)) == len(late(59.0)) == 1


def test_a_main_that_needs_the_dead_is_past_hope_though_the_living_would_elect_it_again() -> None:
    """Seed 7400722: two backups stopped while the voters changed. The old voters' consent can't be had any more; the
    new ones would do for an election, but nobody stands, or votes, while the main is there."""
    before = ("c1", "c2", "c3", "s1.1", "s2.1")
    changing = Configuration(2, 4, "c1", ("c1", "c2", "c3"), CENTRALS, ("s1.1", "s2.2"), before)
    changed = Configuration(2, 5, "c1", ("c1", "c2", "c3"), CENTRALS, ("s1.1", "s2.2"))
    main = Central(
        CENTRALS[0].address, "secret", Stored(bytes(32), "c1", voter=VoterState(2, "c1", changed)), Random(1)
    )
    reign = Replication(main.office.voter, main.entries, 2, lambda: changed.servers)
    main.office.replication, reign.adopted = reign, changing
    s1 = Server("s1", Address("s1", 4000), [], "secret", 1, Random(1))
    s2 = Server("s2", Address("s2", 4000), [], "secret", 2, Random(1))
    nodes: Any = [SimpleNamespace(process=SimpleNamespace(host=SimpleNamespace(role=role))) for role in (main, s1, s2)]
    assert prospects.hopeless(nodes) == ""  # the servers are not with it: they would vote
    reign.voters.update({"s1.1": 1, "s2.2": 2})
    assert prospects.hopeless(nodes)
    reign.adopted = changed
    assert prospects.hopeless(nodes) == ""


def test_a_central_that_votes_learns_where_the_centrals_are_that_it_votes_for() -> None:
    """Seed 50156: it went on dialing the one that it had been given, which could not be elected."""
    c1, c2, c3 = (CentralAddress(f"c{number}", f"c{number}", 3780) for number in (1, 2, 3))
    old = Configuration(1, 1, "c2", ("c1", "c2"), (c1, c2))
    central = Central(Address("c1", 3780), "secret", Stored(bytes(32), "c1", voter=VoterState(1, "c2", old)), Random(1))
    performed(central.on_start(0.5))
    newer = Configuration(2, 3, "c3", ("c3",), (c1, c2, c3))
    performed(central.office.considered(7, RequestVote(3, "c3", newer)))
    assert c3.address in central.uplink.centrals


@pytest.mark.parametrize("seed", range(6))
def test_nothing_is_killed_once_all_is_healed(seed: int) -> None:
    """Seed 11017677: servers die within a moment of each other, and the moment came too late for a fresh client."""
    plan = Plan(seed, 3, rough=3.0, faults=(FaultPlan("kill servers", 2.9999, 11 + seed, 1.0),))
    history = Scenario(plan).run()
    (healed,) = [entry.at for entry in history if isinstance(entry, Phase) and entry.name == "healed"]
    assert not [entry for entry in history if isinstance(entry, Fault) and entry.at > healed]


def test_a_world_is_not_whole_while_a_server_is_about_to_leave() -> None:
    """Seed 12007154: it was drained as the last fault, and left when it was expected to be there."""
    plan = Plan(0, 3, rough=3.0, faults=(FaultPlan("drain server", 2.95, 1, 0.4),))
    assert judge(plan).ok
    scenario = Scenario(plan)
    scenario.run()
    nodes = list(scenario.world.nodes.values())
    assert prospects.whole(nodes)
    (one, *_) = prospects.servers(nodes)
    one.membership.leaving.begin(scenario.world.clock.now)
    assert not prospects.whole(nodes)
