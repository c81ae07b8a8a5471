"""The main's servers as a part: what goes to the log, to the others, and when nobody is counted any more."""

from random import Random

import pytest

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.central.directory import Directory
from oyez.core.central.placement import Placement, Reservation
from oyez.core.central.registry import Registry
from oyez.core.effects import Effects
from oyez.protocol import nodes as n
from tests.core.centrals import announce, authenticate
from tests.core.sides import closed, reports, sent

TERM = 5


class Books:
    """A registry, and the log that it writes."""

    def __init__(self, servers: str = "") -> None:
        self.written: list[fx.Record] = []
        self.directory = Directory({}, {}, [fx.ServerRecord(id, "host", 4001, 1) for id in servers])
        self.placement = Placement(Random(1))
        self.registry = Registry(self.directory, self.placement, self._append)

    def _append(self, now: float, record: fx.Record) -> Effects:
        self.written.append(record)
        return [fx.Report("written", {"record": type(record).__name__})]

    def joins(self, id: str, link: int, incarnation: int = 1, now: float = 0.0) -> Effects:
        welcome = n.AuthenticateSuccess("welcome", TERM)
        return self.registry.join(now, link, authenticate(id, incarnation), welcome)


@pytest.fixture
def books() -> Books:
    return Books()


def test_a_server_is_written_before_it_and_the_others_hear_of_it(books: Books) -> None:
    books.joins("a", 1)
    effects = books.joins("b", 2)
    assert [type(effect) for effect in effects] == [fx.Report, fx.Send, fx.Send, fx.Report]
    assert reports(effects, "written") == [{"record": "ServerRecord"}]
    (welcome,) = sent(effects, n.AuthenticateSuccess)
    assert isinstance(welcome, n.AuthenticateSuccess)
    assert [server.id for server in welcome.servers] == ["a"]
    assert fx.Send(1, n.SynchronisedNewServer("b", "host", 4002, 1, TERM)) in effects


def test_a_server_that_is_known_as_it_is_is_not_written_again(books: Books) -> None:
    """After a failover all of them come back at once; there is nothing new in that."""
    books.joins("a", 1)
    books.registry.lost(1.0, 1, TERM)
    books.joins("a", 2)
    assert books.written == [fx.ServerRecord("a", "host", 4001, 1)]
    books.joins("a", 3, incarnation=2)
    assert books.written[1:] == [fx.ServerRecord("a", "host", 4001, 2)]


def test_a_removal_is_written_before_the_others_hear_of_it(books: Books) -> None:
    books.joins("a", 1)
    books.joins("b", 2)
    books.registry.lost(1.0, 1, TERM)
    books.registry.links[2].heard = 1.0 + timing.SUSPICION - 0.1
    effects = books.registry.beat(1.0 + timing.SUSPICION, TERM)
    written = effects.index(fx.Report("written", {"record": "ServerGone"}))
    assert written < effects.index(fx.Send(2, n.RemoveServer("a", TERM)))
    assert effects.index(fx.Send(2, n.Heartbeat(TERM))) < written  # life does not wait for the disk
    assert books.written[-1] == fx.ServerGone("a")


def test_voters_are_the_servers_of_the_directory_by_their_lifetimes(books: Books) -> None:
    books.joins("b", 1, incarnation=7)
    books.joins("a", 2)
    assert books.registry.voters == ("a.1", "b.7")
    books.registry.lost(0.0, 1, TERM)
    assert books.registry.voters == ("a.1", "b.7")  # it may come back
    books.joins("b", 3, incarnation=8)
    assert books.registry.voters == ("a.1", "b.8")
    books.registry.links[2].heard = 99.0
    books.registry.beat(100.0, TERM)
    assert list(books.registry.voters) == ["a.1"]


def test_loads_are_of_all_servers(books: Books) -> None:
    books.joins("a", 1)
    books.joins("b", 2)
    books.registry.announced(0.0, books.registry.links[2], announce("b", 5))
    assert books.registry.loads == {"a": 0, "b": 5}


def test_a_new_main_gives_every_server_that_it_knows_the_time_of_suspicion() -> None:
    books = Books("ab")
    books.registry.expect(100.0)
    assert books.registry.beat(100.0 + timing.SUSPICION - 0.1, TERM) == []
    books.joins("a", 1, now=102.0)
    books.registry.beat(100.0 + timing.SUSPICION, TERM)
    assert list(books.directory.servers) == ["a"]


def test_a_main_that_was_replaced_gives_up_its_links_and_keeps_its_records(books: Books) -> None:
    books.joins("a", 1)
    books.joins("b", 2)
    books.registry.announced(0.0, books.registry.links[1], announce("a", 5))
    assert sorted(books.registry.abandon()) == [1, 2]
    assert books.registry.links == {}
    assert books.directory.open_servers() == {}
    assert list(books.directory.servers) == ["a", "b"]
    assert all(server.link is None for server in books.directory.servers.values())
    assert books.registry.lost(1.0, 1, TERM) == []  # its closing is no news
    assert closed(books.joins("a", 3)) == []


def test_the_closing_of_an_old_link_says_nothing_of_the_new_one(books: Books) -> None:
    books.joins("a", 1)
    assert closed(books.joins("a", 2)) == [1]
    books.registry.announced(0.0, books.registry.links[2], announce("a"))
    assert books.registry.lost(1.0, 1, TERM) == []
    assert books.directory.open_servers() == {"a": 0}


def test_places_on_a_server_that_is_lost_or_removed_are_free(books: Books) -> None:
    books.joins("a", 1)
    books.placement.reserve("nonce", Reservation("a", "bob", 60.0))
    books.registry.lost(0.0, 1, TERM)
    assert books.placement.reserved("a") == 0
    books.placement.reserve("nonce", Reservation("a", "bob", 60.0))
    books.registry.beat(timing.SUSPICION, TERM)
    assert books.placement.reserved("a") == 0
