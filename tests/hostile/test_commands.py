"""Every command of nodes and operators, from those who are neither: at a central, at a server, and in a session."""

from collections.abc import Callable
from itertools import count

import pytest

from tests.blackbox.people import somebody
from tests.blackbox.processes import CLUSTER_SECRET, Network
from tests.blackbox.wire import Message, Peer, encode
from tests.docs.wire_page import SECTIONS
from tests.hostile import samples
from tests.hostile.strangers import Attacker, Honest, answer, enters, said

NO_ONES = CLUSTER_SECRET[:-1] + "2"
"""A guess at the cluster's secret that is nearly right."""


def a_stranger_at_the_central(network: Network, attacker: Attacker) -> Peer:
    return attacker.connects(network.central)


def a_user_at_the_central(network: Network, attacker: Attacker) -> Peer:
    link = attacker.connects(network.central)
    link.send(somebody().registration())
    assert answer(link) == "REGISTER_SUCCESS"
    return link


def a_stranger_at_a_server(network: Network, attacker: Attacker) -> Peer:
    return attacker.connects(network.servers["s1"])


def a_session(network: Network, attacker: Attacker) -> Peer:
    link = attacker.connects(network.servers["s1"])
    assert enters(link) == "LOGIN_SUCCESS"
    return link


Place = Callable[[Network, Attacker], Peer]
AT_THE_CENTRAL = ("central", "before AUTHENTICATE or BACKUP_AUTHENTICATE")
AT_A_SERVER = ("server", "before LOGIN or SERVER_HELLO")
PLACES: dict[Place, tuple[str, str]] = {
    a_stranger_at_the_central: AT_THE_CENTRAL,
    a_user_at_the_central: AT_THE_CENTRAL,
    a_stranger_at_a_server: AT_A_SERVER,
    a_session: ("server", "a session's"),
}
"""With the row of the protocol's table that says what is taken there."""


def taken(node: str, link: str) -> set[str]:
    [[_, *rows]] = SECTIONS["Who takes what"].tables
    [commands] = [commands for *place, commands in rows if place == [node, link]]
    return set(commands.split(", "))


def state(network: Network) -> Message:
    """What no stranger may change."""
    status = network.status()
    servers = sorted((one["id"], one["port"], one.get("leaving", False)) for one in status["servers"])
    return {"servers": servers, **{name: status.get(name) for name in ("term", "centrals", "voters", "acknowledging")}}


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place.__name__)
def test_every_command_of_nodes_is_refused(network: Network, honest: Honest, place: Place) -> None:
    """Those that show the cluster's secret are heard, and are refused for a wrong one; all others, with the right one,
    are not allowed."""
    before, allowed, found, expected = state(network), taken(*PLACES[place]), {}, {}
    for number, command in zip(count(1), samples.KINDS, strict=False):
        if command in allowed and command in samples.OF_CLIENTS:
            continue
        if place is a_user_at_the_central and number % 4 and command not in allowed:
            continue  # it is the same link as a stranger's, and each user costs a hash
        line = samples.line(command, NO_ONES if command in allowed else CLUSTER_SECRET)
        samples.check(line)
        attacker = Attacker(f"127.0.15.{number}")  # each from elsewhere: no limit is to answer first
        link = place(network, attacker)
        link.send_raw(encode(line) + encode({"command": "STATUS"}))
        message = said(link) or {}
        found[command] = message.get("reason", message)
        expected[command] = "wrong_secret" if command in allowed else "not_allowed"
        assert said(link) is None, "nothing after it is taken"
        attacker.over()
    assert found == expected
    assert len(found) > (15 if place is a_user_at_the_central else 40)
    assert state(network) == before
    honest.come()


GUESSES = {
    "nothing": ("", "malformed"),
    "another": ("a guess", "wrong_secret"),
    "a blank too much": (CLUSTER_SECRET + " ", "wrong_secret"),
    "a letter too few": (CLUSTER_SECRET[:-1], "wrong_secret"),
    "in capitals": (CLUSTER_SECRET.upper(), "wrong_secret"),
    "in other letters": ("ж" * 1024, "wrong_secret"),
    "with a NUL behind": (CLUSTER_SECRET + "\0", "wrong_secret"),
    "too long": ("x" * 1025, "malformed"),
    "a number": (4711, "malformed"),
    "nothing at all": (None, "malformed"),
    "a list": ([CLUSTER_SECRET], "malformed"),
}


@pytest.mark.parametrize("guess", GUESSES)
def test_the_clusters_secret_is_not_guessed(network: Network, honest: Honest, guess: str) -> None:
    secret, reason = GUESSES[guess]
    attacker = Attacker(f"127.0.16.{len(guess)}")
    for address, place in ((network.central, AT_THE_CENTRAL), (network.servers["s1"], AT_A_SERVER)):
        for command in sorted(taken(*place) - samples.OF_CLIENTS):
            peer = attacker.connects(address)
            peer.send(samples.line(command, CLUSTER_SECRET) | {"secret": secret})
            assert (said(peer) or {}).get("reason") == reason, command
            peer.expect_close()
    attacker.over()
