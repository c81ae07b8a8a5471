"""Tickets: forged, altered, cut, used twice, at the wrong node, too late, with an old key, of users who are gone."""

import base64
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.blackbox.commands import oyez
from tests.blackbox.conftest import registered
from tests.blackbox.people import ANONYMOUS, Person, redirect, register, somebody
from tests.blackbox.processes import CLUSTER_SECRET, Network, free_port
from tests.blackbox.wire import Address, Message, Peer, eventually
from tests.hostile.forger import CENTRALS, Forger, altered, since, text
from tests.hostile.strangers import Attacker, Honest, answer, attack, ordered

JWT = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0"  # {"alg":"none","typ":"JWT"}
LATER = 4_000_000_000


def by_ticket(attacker: Attacker, address: Address, username: str, ticket: str) -> str:
    """LOGIN: the reason, or what came."""
    link = attacker.connects(address)
    link.send({"command": "LOGIN", "username": username, "ticket": ticket})
    found = answer(link)
    if found not in ("LOGIN_SUCCESS", "REDIRECT"):
        link.expect_close()
    link.close()
    return found


@pytest.fixture
def forger(network: Network) -> Forger:
    return Forger.with_store(network.data, network.status()["term"])


@pytest.fixture
def granted(network: Network, people: list[Person]) -> Message:
    """What alice is given: the LOGIN_SUCCESS of the central, with the REDIRECT's ticket for a server in it."""
    return admitted(network, people[0])


def admitted(network: Network, person: Person) -> Message:
    peer = Peer(network.central)
    try:
        peer.send(person.login())
        success, there = peer.expect("LOGIN_SUCCESS"), peer.expect("REDIRECT")
    finally:
        peer.close()
    return success | {"there": Address(there["hostname"], there["port"]), "for_server": there["ticket"]}


def at(network: Network, granted: Message) -> str:
    """The server to which the REDIRECT leads."""
    return next(name for name, address in network.servers.items() if address == granted["there"])


# -- forged ---------------------------------------------------------------------------------------------------------


def test_who_has_the_key_can_make_tickets(
    network: Network, honest: Honest, people: list[Person], forger: Forger
) -> None:
    """Which is why the key is worth stealing; and it shows that the forger knows how."""
    alice = people[0]
    with attack("127.0.12.1") as attacker:
        entry = since(network.data, alice.username)
        for address, audience in ((network.central, CENTRALS), (network.servers["s1"], "server:s1")):
            good = forger.ticket(alice.username, audience, since=entry)
            assert by_ticket(attacker, address, alice.username, good) == "LOGIN_SUCCESS"


def forged(forger: Forger, name: str, audience: str, other: str) -> dict[str, str]:
    """Tickets for somebody that this network has not made."""
    good = forger.ticket(name, audience, lasts=3600)
    payload = good.split(".")[1]
    return {
        "with another key": Forger(b"\0" * 32, forger.term).ticket(name, audience),
        "with the key of another audience": forger.ticket(name, audience, signed_for=other),
        "for another audience": forger.ticket(name, other),
        "with the key of another term": Forger(forger.key, 77).ticket(name, audience).replace("77.", f"{forger.term}."),
        "of another user": altered(forger.ticket("anonymous", audience), 0, name),
        "to another audience": altered(forger.ticket(name, other), 1, audience),
        "for longer": altered(good, 2, LATER),
        "with another nonce": altered(good, 3, "0" * 24),
        "that lasts": altered(good, 4, True),
        "of a later secret": altered(good, 5, 1_000_000),
        "by SHA-1": forger.sealed(b"[]", audience, "sha1"),
        "by SHA-512": forger.sealed(base64.urlsafe_b64decode(payload + "=="), audience, "sha512"),
        "without a signature": f"{forger.term}.{payload}.",
        "of two parts": f"{forger.term}.{payload}",
        "of four parts": f"{good}.{text(b'more')}",
        "a JWT without an algorithm": f"{JWT}.{payload}.",
        "a JWT with one": f"eyJhbGciOiJIUzI1NiJ9.{payload}.{good.split('.')[2]}",
        "of no term": f".{payload}.{good.split('.')[2]}",
        "of a negative term": f"-{good}",
        "of a term in other digits": good.replace(f"{forger.term}.", "१.", 1),
        "of a term without end": f"{'9' * 5000}.{payload}.x",
        "with a signature that is no base64": f"{forger.term}.{payload}.x",
        "in other letters": f"{forger.term}.ж.ж",
        "with a NUL": f"{good}\0.",
        "signed, and empty": forger.sealed(b"", audience),
        "signed, and no ticket": forger.sealed(b'{"username":"x"}', audience),
        "signed, with a number for a name": forger.sealed(b"[1,2,3,4]", audience),
        "signed, and no UTF-8": forger.sealed(b'["\xff","a",1,"b"]', audience),
        "signed, for ever": forger.sealed(f'["{name}","{audience}",1e999,"b"]'.encode(), audience),
        "signed, until no number": forger.sealed(f'["{name}","{audience}",NaN,"b"]'.encode(), audience),
    }


PLACES = {"central": (CENTRALS, "server:s1"), "s1": ("server:s1", "server:s2")}


@pytest.mark.parametrize("place", PLACES)
def test_forged_tickets_open_nothing(
    network: Network, honest: Honest, people: list[Person], forger: Forger, place: str
) -> None:
    address = network.central if place == "central" else network.servers[place]
    with attack("127.0.12.2" if place == "central" else "127.0.12.3") as attacker:
        name = people[0].username
        found = {
            kind: by_ticket(attacker, address, name, ticket)
            for kind, ticket in forged(forger, name, *PLACES[place]).items()
        }
    assert {kind: reason for kind, reason in found.items() if reason != "ticket_forged"} == {}


def test_altered_and_cut_tickets_open_nothing(network: Network, honest: Honest, granted: Message) -> None:
    """A real one, with a letter changed anywhere, or cut anywhere."""
    ticket, name = granted["for_server"], granted["info"].rpartition(" ")[2]
    with attack("127.0.12.4") as attacker:
        for place in range(len(ticket) - 1, 0, -11):
            cut = by_ticket(attacker, granted["there"], name, ticket[:place])
            other = "B" if ticket[place] == "A" else "A"
            changed = by_ticket(attacker, granted["there"], name, f"{ticket[:place]}{other}{ticket[place + 1 :]}")
            assert (cut, changed) == ("ticket_forged", "ticket_forged"), place
        assert by_ticket(attacker, granted["there"], name, ticket) == "LOGIN_SUCCESS"


def test_a_ticket_of_somebody_else_opens_nothing(
    network: Network, honest: Honest, people: list[Person], granted: Message
) -> None:
    with attack("127.0.12.5") as attacker:
        for name in (people[1].username, "anonymous", people[0].username.upper()):
            assert by_ticket(attacker, granted["there"], name, granted["for_server"]) == "ticket_of_another"
        assert by_ticket(attacker, network.central, people[1].username, granted["ticket"]) == "ticket_of_another"
        assert by_ticket(attacker, granted["there"], people[0].username, granted["for_server"]) == "LOGIN_SUCCESS"


# -- repeated -------------------------------------------------------------------------------------------------------


def spellings(ticket: str) -> Iterator[str]:
    """Other texts that some would read as the same ticket."""
    term, payload, signature = ticket.split(".")
    yield ticket
    yield f"0{ticket}"
    yield f"{ticket}="
    yield f"{term}.{payload}==.{signature}"
    yield f"{term}. {payload}.{signature}"
    yield f"{term}.{payload}.{signature}\n"
    yield f"{term}.{payload[:4]}!{payload[4:]}.{signature}"
    yield f"{ticket}\0."
    if (plain := ticket.replace("-", "+").replace("_", "/")) != ticket:
        yield plain
    yield f"{ticket[:-1]}{chr(ord(ticket[-1]) + 1)}"  # the last letter has bits that mean nothing


def test_a_ticket_opens_one_session(network: Network, honest: Honest, people: list[Person]) -> None:
    alice = people[0]
    granted = admitted(network, alice)
    [alternate] = granted["alternates"]
    elsewhere = Address(alternate["hostname"], alternate["port"])
    with attack("127.0.12.6") as attacker:
        for address, ticket in ((granted["there"], granted["for_server"]), (elsewhere, alternate["ticket"])):
            session = attacker.connects(address)
            session.send({"command": "LOGIN", "username": alice.username, "ticket": ticket})
            assert answer(session) == "LOGIN_SUCCESS"
            for text in spellings(ticket):  # while the session is there
                expected = "ticket_used" if text == ticket else "ticket_forged"
                assert by_ticket(attacker, address, alice.username, text) == expected, text
            session.log_out()
            assert by_ticket(attacker, address, alice.username, ticket) == "ticket_used"


def test_a_ticket_that_many_use_at_once_opens_one_session(
    network: Network, honest: Honest, people: list[Person], granted: Message
) -> None:
    with attack("127.0.12.7") as attacker:
        links = [attacker.connects(granted["there"]) for _ in range(20)]
        start = threading.Barrier(len(links))
        found: list[str] = []

        def use(link: Peer) -> None:
            start.wait()
            link.send({"command": "LOGIN", "username": people[0].username, "ticket": granted["for_server"]})
            found.append(answer(link))

        threads = [threading.Thread(target=use, args=[link]) for link in links]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(found) == ["LOGIN_SUCCESS", *["ticket_used"] * 19]


# -- elsewhere, too late --------------------------------------------------------------------------------------------


def test_a_ticket_is_good_at_its_own_node_alone(
    network: Network, honest: Honest, people: list[Person], granted: Message, forger: Forger
) -> None:
    alice, here = people[0].username, at(network, granted)
    other = next(address for address in network.servers.values() if address != granted["there"])
    with attack("127.0.12.8") as attacker:
        assert by_ticket(attacker, other, alice, granted["for_server"]) == "ticket_forged"
        assert by_ticket(attacker, network.central, alice, granted["for_server"]) == "ticket_forged"
        for address in network.servers.values():
            assert by_ticket(attacker, address, alice, granted["ticket"]) == "ticket_forged", "the one for centrals"
        misled = forger.ticket(alice, "server:s9", signed_for=f"server:{here}")
        assert by_ticket(attacker, granted["there"], alice, misled) == "ticket_elsewhere"
        assert by_ticket(attacker, granted["there"], alice, granted["for_server"]) == "LOGIN_SUCCESS"


def test_a_ticket_is_good_until_it_ends(network: Network, honest: Honest, people: list[Person], forger: Forger) -> None:
    alice = people[0].username
    with attack("127.0.12.9") as attacker:
        for address, audience in ((network.central, CENTRALS), (network.servers["s1"], "server:s1")):
            for over in (0.0, 1.0, 60.0, 1e9):
                late = forger.ticket(alice, audience, since=since(network.data, alice), lasts=-over)
                assert by_ticket(attacker, address, alice, late) == "ticket_expired"
            ends = forger.ticket(alice, audience, since=since(network.data, alice), lasts=0.5, lasting=True)

            def is_over(address: Address = address, ticket: str = ends) -> bool:
                return by_ticket(attacker, address, alice, ticket) == "ticket_expired"

            eventually(is_over, "its time is over")


# -- users who are gone ---------------------------------------------------------------------------------------------


def changed(network: Network, person: Person) -> Person:
    """They change their secret themselves."""
    new = str(somebody().secret)
    said = ordered(network.central, {"command": "CHANGE_SECRET", **person.credentials(), "new_secret": new})
    assert said["command"] == "CHANGE_SECRET_SUCCESS", said
    return Person(person.username, new)


def set_anew(network: Network, person: Person) -> Person:
    """An operator gives them another."""
    new = str(somebody().secret)
    order = {"command": "SET_SECRET", "secret": CLUSTER_SECRET, "username": person.username, "new_secret": new}
    assert ordered(network.central, order)["command"] == "CHANGE_SECRET_SUCCESS"
    return Person(person.username, new)


def removed(network: Network, person: Person) -> None:
    """An operator removes them."""
    order = {"command": "REMOVE_USER", "secret": CLUSTER_SECRET, "username": person.username}
    assert ordered(network.central, order)["command"] == "REMOVE_USER_SUCCESS"


def replaced(network: Network, person: Person) -> Person:
    """An operator removes them, and somebody else takes the name."""
    removed(network, person)
    other = Person(person.username, somebody().secret)
    peer = Peer(network.central)
    register(peer, other)
    peer.close()
    return other


@pytest.mark.parametrize("what", [changed, set_anew, removed, replaced], ids=lambda what: what.__name__)
def test_what_was_given_before_is_void(
    network: Network, honest: Honest, what: Callable[[Network, Person], Person | None]
) -> None:
    person = honest.come()
    granted, another = admitted(network, person), admitted(network, person)
    there: Address = granted["there"]
    with attack(f"127.0.13.{len(what.__name__)}") as attacker:
        session = attacker.connects(there)
        session.send({"command": "LOGIN", "username": person.username, "ticket": granted["for_server"]})
        assert answer(session) == "LOGIN_SUCCESS"
        now = what(network, person)
        assert session.expect_refusal("AUTHENTICATION_FAIL")["reason"] == "revoked"
        for one in (granted, another):
            assert by_ticket(attacker, network.central, person.username, one["ticket"]) == "ticket_revoked"
            for alternate in one["alternates"]:
                elsewhere = Address(alternate["hostname"], alternate["port"])
                assert by_ticket(attacker, elsewhere, person.username, alternate["ticket"]) == "ticket_revoked"
        assert by_ticket(attacker, another["there"], person.username, another["for_server"]) == "ticket_revoked"
        old = attacker.connects(network.central)
        old.send(person.login())
        assert answer(old) == "wrong_credentials"
        if now is not None:
            peer = Peer(network.central)
            honest.enter(now, redirect(peer, now))
            peer.close()


def test_tickets_of_anonymous_end_where_that_is_switched_off(tmp_path: Path) -> None:
    """They last for up to 12 h; the operator's word counts at once."""
    with Network(tmp_path, servers=1, port=free_port()) as network:
        granted = admitted(network, ANONYMOUS)
        aware = Peer(network.servers["s1"])
        aware.send(ANONYMOUS.login() | {"resume": {}})
        lasting = aware.expect("LOGIN_SUCCESS")["ticket"]
        aware.close()
        network.stop("central")
        network.central_options = ("--no-anonymous",)
        network.start_central()
        eventually(lambda: network.loads() == {"s1": 0}, "the server is back")
        with attack("127.0.12.10") as attacker:
            for ticket in (granted["for_server"], lasting):
                assert by_ticket(attacker, network.servers["s1"], "anonymous", ticket) == "anonymous_off"
            assert by_ticket(attacker, network.central, "anonymous", granted["ticket"]) == "anonymous_off"


# -- another key ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stolen:
    """A backup of a network that has ended, and what whoever reads it can make of it."""

    backup: Path
    alice: Person
    since: int
    forger: Forger

    def begun_anew(self, folder: Path, *options: str, servers: int = 0) -> Network:
        """The network that begins anew with it."""
        network = Network(folder, servers=servers)
        made = oyez("restore", str(self.backup), "--data", str(network.data), "--yes", *options)
        assert made.code == 0, made
        return network


@pytest.fixture(scope="module")
def stolen(tmp_path_factory: pytest.TempPathFactory) -> Stolen:
    folder = tmp_path_factory.mktemp("stolen")
    with Network(folder, servers=0) as network:
        alice, term = registered(network, "alice"), network.status()["term"]
    made = oyez("backup", str(folder / "stolen.backup"), "--data", str(network.data))
    assert made.code == 0, made
    forger = Forger.with_store(network.data, term)
    return Stolen(folder / "stolen.backup", alice, since(network.data, alice.username), forger)


def test_a_stolen_key_is_worth_nothing_after_another_was_given(stolen: Stolen, tmp_path: Path) -> None:
    name = stolen.alice.username
    with stolen.begun_anew(tmp_path, "--new-key", servers=1) as network, attack("127.0.12.11") as attacker:
        term, key = network.status()["term"], Forger.with_store(network.data, 0).key
        assert key != stolen.forger.key
        for audience, address in ((CENTRALS, network.central), ("server:s1", network.servers["s1"])):

            def comes(forger: Forger, address: Address = address, audience: str = audience) -> str:
                ticket = forger.ticket(name, audience, since=stolen.since)
                return by_ticket(attacker, address, name, ticket)

            assert comes(stolen.forger) == "ticket_expired", "what was given before"
            assert comes(Forger(stolen.forger.key, term)) == "ticket_forged", "what the thief makes now"
            assert comes(Forger(key, term)) == comes(Forger(key, term - 4)) == "LOGIN_SUCCESS"
            for other in (term - 5, 1, term + 1):
                assert comes(Forger(key, other)) == "ticket_expired", f"term {other} of {term}"
        peer = Peer(network.central)
        assert redirect(peer, stolen.alice)["ticket"], "who has a secret goes on"
        peer.close()


def test_a_stolen_key_is_worth_everything_without_another(stolen: Stolen, tmp_path: Path) -> None:
    """So a network that begins anew because its store was stolen has to be given another key, as SECURITY.md says."""
    name = stolen.alice.username
    with stolen.begun_anew(tmp_path) as network, attack("127.0.12.12") as attacker:
        made = Forger(stolen.forger.key, network.status()["term"]).ticket(name, CENTRALS, since=stolen.since)
        assert by_ticket(attacker, network.central, name, made) == "no_server", "it was good: there is no server"
        old = stolen.forger.ticket(name, CENTRALS, since=stolen.since)
        assert by_ticket(attacker, network.central, name, old) == "ticket_expired", "its term is long past"


def test_a_server_that_was_started_again_does_not_know_which_tickets_were_used(tmp_path: Path) -> None:
    """Not prevented, and SECURITY.md says so: what was used is remembered by the process."""
    with Network(tmp_path, servers=1) as network:
        granted = admitted(network, ANONYMOUS)
        with attack("127.0.12.13") as attacker:
            assert by_ticket(attacker, granted["there"], "anonymous", granted["for_server"]) == "LOGIN_SUCCESS"
            assert by_ticket(attacker, granted["there"], "anonymous", granted["for_server"]) == "ticket_used"
            network.kill("s1")
            there = network.start_server("s1")
            assert by_ticket(attacker, there, "anonymous", granted["for_server"]) == "LOGIN_SUCCESS"
