"""Links: floods of connections, links that say nothing or half a line, links that are half closed."""

import pytest

from tests.blackbox.people import ANONYMOUS
from tests.blackbox.processes import Network
from tests.blackbox.wire import Address, eventually
from tests.hostile.strangers import Attacker, Honest, answer, attack, enters, fate, logged

MANY = 900


def target(network: Network, node: str) -> Address:
    return network.central if node == "central" else network.servers[node]


@pytest.mark.parametrize(("node", "host"), [("central", "127.0.7.1"), ("s1", "127.0.7.2")])
def test_a_flood_of_connections_that_say_nothing(network: Network, honest: Honest, node: str, host: str) -> None:
    with attack(host) as attacker:
        for _ in range(MANY):
            attacker.connects(target(network, node))
        honest.go_on()
        honest.come()
        reasons = [fate(link) for link in attacker.links]
    assert set(reasons) == {"too_many_links", "too_many_connects", "too_late"}
    assert reasons.count("too_late") >= 60, "as many as may be there at once; they have their time"
    honest.come()


def test_those_who_hold_links_silently_from_everywhere_keep_nobody_out(network: Network, honest: Honest) -> None:
    attackers = [Attacker(f"127.0.8.{number}") for number in range(1, 11)]
    try:
        for _ in range(50):
            for attacker in attackers:
                attacker.connects(network.central)
        honest.come()
        honest.go_on()
        reasons = [fate(link) for attacker in attackers for link in attacker.links]
    finally:
        for attacker in attackers:
            attacker.over()
    assert {"crowded", "too_late"} <= set(reasons)


def test_a_line_that_does_not_end(network: Network, honest: Honest) -> None:
    with attack("127.0.7.3") as attacker:
        session = attacker.connects(network.servers["s1"])
        assert enters(session) == "LOGIN_SUCCESS"
        strangers = [attacker.connects(network.central) for _ in range(5)]

        while not session.has_heard(0.05):
            for link in (*strangers, session):
                link.send_while_open(b" ")
        honest.go_on()
        assert {fate(link) for link in strangers} <= {"too_slow", "too_late"}
        assert fate(session) == "too_slow"


def test_half_lines_on_many_links(network: Network, honest: Honest) -> None:
    """Each holds nearly as much as one may; together it is more than a server holds."""
    with attack("127.0.7.4") as attacker:
        for _ in range(30):
            for link in attacker.connects_everywhere(network):
                assert enters(link) == "LOGIN_SUCCESS"
                link.send_while_open(b'{"command":"' + b"x" * 60_000)
        honest.go_on()
        reasons = [fate(link) for link in attacker.links]
    assert set(reasons) - {"REDIRECT"} == {"too_much", "too_slow"}, "some may have had to move meanwhile"
    assert reasons[:2] == ["too_much"] * 2, "the oldest had to go first"


def test_links_that_are_half_closed_are_gone(network: Network, honest: Honest) -> None:
    with attack("127.0.7.5") as attacker:
        for _ in range(10):
            for link in attacker.connects_everywhere(network):
                assert enters(link) == "LOGIN_SUCCESS"
                link.send_while_open(b'{"command":"ACTIV')
                link.finish_sending()
        for link in attacker.links:
            assert fate(link) in ("", "ACTIVITY_BROADCAST")
        network.wait_for_loads(2)
        honest.go_on()


def test_questions_without_end(network: Network, honest: Honest) -> None:
    with attack("127.0.7.6") as attacker:
        link = attacker.connects(network.central)
        link.send_while_open(b'{"command":"STATUS"}\n' * 3000)
        honest.come()
        assert answer(link) == "STATUS_REPORT"
        eventually(lambda: logged(network, "central", "slowed"), "the flood is held back")
        honest.come()


def test_sessions_of_one_user(network: Network, honest: Honest) -> None:
    person = honest.come()
    with attack("127.0.7.7") as attacker:
        found = []
        while "too_many_sessions" not in found:
            found += [enters(link, person) for link in attacker.connects_everywhere(network)]
        assert found[:200] == ["LOGIN_SUCCESS"] * 200, "at each server"
        assert enters(attacker.connects(network.servers["s1"]), ANONYMOUS) == "LOGIN_SUCCESS"
        honest.go_on()
