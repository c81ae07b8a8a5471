"""The table "Who takes what" of docs/protocol.md is what the roles do: each command is tried on each kind of link."""

import json
from collections.abc import Callable

import pytest

from oyez.host import Link
from tests.docs import hosted
from tests.docs.hosted import Desk, Wire
from tests.docs.wire_page import COMMANDS, SECTIONS

Place = tuple[Desk, Link, Wire]

AUTHENTICATE = '{"command":"AUTHENTICATE","secret":"red anchor","id":"s1","hostname":"127.0.0.1","port":3781}'
WELCOME = '{"command":"AUTHENTICATE_SUCCESS","info":"welcome","term":1,"ticket_keys":{"1":"AAAA"}}'
BACKUP = '{"command":"BACKUP_AUTHENTICATE","secret":"red anchor","id":"c2","hostname":"127.0.0.1","port":3790}'
HELLO = '{"command":"SERVER_HELLO","secret":"red anchor","id":"s1","incarnation":7}'
ANONYMOUS = '{"command":"LOGIN","username":"anonymous"}'


def at_the_central() -> Place:
    desk = hosted.central()
    return desk, *desk.accept()


def at_the_central_as_a_server() -> Place:
    desk, link, wire = at_the_central()
    desk.hear(link, AUTHENTICATE)
    return desk, link, wire


def at_the_central_as_a_backup() -> Place:
    desk, link, wire = at_the_central()
    desk.hear(link, BACKUP)
    return desk, link, wire


def waiting_at_a_central() -> Place:
    desk = hosted.candidate()
    link, wire = desk.accept()
    desk.hear(link, AUTHENTICATE)
    return desk, link, wire


def from_another_central() -> Place:
    desk = hosted.candidate()
    return desk, *desk.dialed("central")


def from_the_main() -> Place:
    desk, link, wire = from_another_central()
    desk.hear(link, example_of("BACKUP_AUTHENTICATION_SUCCESS"))
    return desk, link, wire


def from_a_central_that_is_missed() -> Place:
    desk = hosted.central()
    return desk, *desk.dialed("probe:c2")


def at_a_server() -> Place:
    desk, _, _ = from_the_central()
    return desk, *desk.accept()


def in_a_session() -> Place:
    desk, link, wire = at_a_server()
    desk.hear(link, ANONYMOUS)
    return desk, link, wire


def from_a_central() -> Place:
    desk = hosted.server()
    return desk, *desk.dialed("central")


def from_the_central() -> Place:
    desk, link, wire = from_a_central()
    desk.hear(link, WELCOME)
    return desk, link, wire


def from_another_server() -> Place:
    desk, link, wire = at_a_server()
    desk.hear(link, HELLO)
    return desk, link, wire


PLACES: dict[tuple[str, str], Callable[[], Place]] = {
    ("central", "before AUTHENTICATE or BACKUP_AUTHENTICATE"): at_the_central,
    ("central", "from a server"): at_the_central_as_a_server,
    ("central", "from a backup"): at_the_central_as_a_backup,
    ("central", "from a node that waits for a main"): waiting_at_a_central,
    ("central", "to another, before its welcome"): from_another_central,
    ("central", "to the main"): from_the_main,
    ("central", "to one that it misses"): from_a_central_that_is_missed,
    ("server", "before LOGIN or SERVER_HELLO"): at_a_server,
    ("server", "a session's"): in_a_session,
    ("server", "to a central, before its welcome"): from_a_central,
    ("server", "to the main"): from_the_central,
    ("server", "of the mesh"): from_another_server,
}


def example_of(command: str) -> str:
    return SECTIONS[command].blocks[0][1].splitlines()[0]


def takes(place: Callable[[], Place], command: str) -> bool:
    desk, link, wire = place()
    assert not wire.closed, "the place itself could not be reached"
    before = len(wire.sent)
    desk.hear(link, example_of(command))
    answers = [json.loads(line) for line in wire.sent[before:].splitlines()]
    refused = [answer for answer in answers if answer.get("reason") == "not_allowed"]
    assert not refused or wire.closed
    return not refused


@pytest.mark.parametrize("place", PLACES, ids=": ".join)
def test_a_link_takes_what_the_table_says(place: tuple[str, str]) -> None:
    [[heading, *rows]] = SECTIONS["Who takes what"].tables
    assert heading == ["node", "link", "takes"]
    table = {(node, link): set(commands.split(", ")) for node, link, commands in rows}
    assert set(table) == set(PLACES)
    assert {command for command in COMMANDS if takes(PLACES[place], command)} == table[place]
