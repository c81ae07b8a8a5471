"""What running nodes tell over HTTP when others die; and the same over TLS."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.people import ANONYMOUS, log_in
from tests.blackbox.web import Feed, ask
from tests.blackbox.wire import Address, Peer, eventually
from tests.failover.cluster import SETTLED, Cluster
from tests.failover.test_tls import Encrypted

READY = (200, "ready")


def ready(address: Address) -> tuple[int, str]:
    answer = ask(address, "/readyz")
    return answer.status, answer.body.strip()


def test_main_and_backup_are_ready_and_a_main_without_its_voters_is_not(cluster: Cluster) -> None:
    assert cluster.main() == "c1"
    for address in cluster.centrals.values():
        eventually(lambda address=address: ready(address) == READY, f"{address} is ready", seconds=SETTLED)  # type: ignore[misc]
    cluster.kill_together(["c2", "s1", "s2"])
    why = "not ready: too few of those who decide are there to acknowledge anything"
    main = cluster.centrals["c1"]
    eventually(lambda: ready(main) == (503, why), "the main knows that it can't acknowledge", seconds=SETTLED)
    assert ask(main, "/healthz").body == "alive\n"
    assert "\noyez_is_main 1\n" in ask(main, "/metrics").body
    assert "\noyez_can_acknowledge 0\n" in ask(main, "/metrics").body


def test_a_backup_alone_is_not_ready_and_one_that_takes_over_is(cluster: Cluster) -> None:
    backup = cluster.centrals["c2"]
    cluster.kill("c1")
    cluster.wait_for_main()
    eventually(lambda: ready(backup) == READY, "the new main is ready", seconds=SETTLED)
    assert "\noyez_elections_total 1\n" in ask(backup, "/metrics").body
    cluster.start_central("c1")
    cluster.wait_until_whole()
    eventually(lambda: ready(cluster.centrals["c1"]) == READY, "the old main follows", seconds=SETTLED)
    cluster.kill_together(["c2", "s1", "s2"])
    alone = (503, "not ready: there is no main")
    eventually(lambda: ready(cluster.centrals["c1"]) == alone, "a backup alone", seconds=SETTLED)


# -- TLS ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encrypted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    with Encrypted(tmp_path_factory.mktemp("pages")) as network:
        yield network


def test_events_over_tls_go_through_the_central(encrypted: Encrypted, tmp_path: Path) -> None:
    context = encrypted.authority.client()
    central = encrypted.centrals[encrypted.wait_until_whole()]
    with Feed(central, tls=context) as feed:
        assert feed.address in encrypted.servers.values()
        sender = Peer(encrypted.servers["s1"], tls=context)
        log_in(sender, ANONYMOUS)
        for number in range(5):
            sender.send(ANONYMOUS.post({"n": number}))
        read = [feed.activity() for _ in range(3)]
        last = feed.last
    with Feed(central, last, tls=context) as feed:
        read += [feed.activity() for _ in range(2)]
    sender.close()
    assert [activity["n"] for activity in read if activity] == list(range(5))


def test_pages_over_tls_tell_when_the_certificate_ends(encrypted: Encrypted) -> None:
    context = encrypted.authority.client()
    for address in (*encrypted.centrals.values(), *encrypted.servers.values()):
        assert ask(address, "/healthz", tls=context).body == "alive\n"
        assert "\noyez_certificate_ends_seconds 1" in ask(address, "/metrics", tls=context).body
