"""/healthz: the process answers. /readyz: it can do its job. In each state that a role can be in."""

from oyez.protocol import nodes as n
from tests.core.council import Council, founded
from tests.core.servers import Serving, hello, listing, ready
from tests.web.pages import READY, Pages

# -- servers --------------------------------------------------------------------------------------------------------


def why(pages: Pages) -> str:
    """Why it is not ready; it is alive all the same."""
    status, body = pages.ready
    assert status == 503
    assert pages.get("/healthz") == (200, "alive\n")
    return body.removeprefix("not ready: ")


def test_a_server_is_not_ready_before_the_main_has_taken_it_in() -> None:
    server = Serving()
    assert why(Pages(server)) == "it is not linked with all other servers yet"
    server.meets_central()
    assert why(Pages(server)) == "it is not linked with all other servers yet"


def test_a_server_that_is_alone_is_ready() -> None:
    server, _ = ready()
    assert Pages(server).ready == READY


def test_a_server_is_ready_once_it_is_linked_with_every_other() -> None:
    server = Serving()
    server.joins(listing("a"), listing("b"))
    pages = Pages(server)
    server.linked_from("a")
    assert why(pages) == "it is not linked with all other servers yet"
    server.linked_from("b")
    assert pages.ready == READY


def test_a_server_that_serves_and_has_lost_links_says_which() -> None:
    server = Serving()
    central = server.joins(listing("a"), listing("b"))
    pages, one, other = Pages(server), server.linked_from("a"), server.linked_from("b")
    one.hangs_up()
    assert why(pages) == "it has no link with a"
    other.hangs_up()
    assert why(pages) == "it has no link with a, b"
    central.says(n.RemoveServer("a", 1))  # it is no part of the network any more
    assert why(pages) == "it has no link with b"
    back = server.connect().says(hello("b"))
    assert why(pages) == "it has no link with b"  # nobody has said yet where the log goes on
    back.hangs_up()
    server.linked_from("b")
    assert pages.ready == READY


def test_a_server_needs_no_central_once_it_serves() -> None:
    server, central = ready()
    central.hangs_up()
    assert Pages(server).ready == READY


def test_a_server_that_is_about_to_leave_is_not_ready() -> None:
    server, central = ready()
    server.logs_in("bob")
    central.says(n.Drain())
    assert why(Pages(server)) == "it is about to leave"


# -- centrals -------------------------------------------------------------------------------------------------------

UNSURE = "too few of those who decide are there to acknowledge anything"


def test_a_main_that_is_alone_can_acknowledge() -> None:
    assert Pages(founded().members["m"]).ready == READY


def test_main_and_backup_are_ready() -> None:
    both = founded("b")
    assert [Pages(both.members[name]).ready for name in "mb"] == [READY, READY]


def test_a_main_without_its_voters_is_not() -> None:
    """As long as it looks like a failure of its own: more than half of the voters went at once."""
    all = founded("b", "st")
    assert Pages(all.members["m"]).ready == READY
    all.kill("b", "s", "t")
    assert why(Pages(all.members["m"])) == UNSURE


def test_a_backup_that_has_lost_its_main_and_cannot_be_elected_is_not_ready() -> None:
    both = founded("b")
    both.kill("m")
    assert why(Pages(both.members["b"])) == "there is no main"


def test_a_backup_that_takes_over_is_ready_as_the_main() -> None:
    all = founded("b", "s")
    all.kill("m")
    assert why(Pages(all.members["b"])) == "there is no main"
    all.until(lambda: all.members["b"].central.office.is_main)
    all.until(lambda: Pages(all.members["b"]).ready == READY)


def test_a_backup_that_does_not_hold_everything_yet_is_not_ready() -> None:
    """Who restarts centrals one after the other waits for this before the next one."""
    new = Council()
    main = new.central("m")
    main.stops("disk")  # so that it can't take anybody in
    backup = new.central("b", "m")
    new.until(lambda: backup.central.uplink.joined)
    assert why(Pages(backup)) == "it does not hold all that the main has acknowledged yet"
    main.goes_on("disk")
    new.until(lambda: Pages(backup).ready == READY)
