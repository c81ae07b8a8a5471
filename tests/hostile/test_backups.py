"""Fake backups: whoever is taken for one is given the hashes of all secrets, and the network's key."""

from pathlib import Path

from tests.blackbox.commands import oyez
from tests.blackbox.processes import CLUSTER_SECRET, LOOPBACK, Network
from tests.blackbox.wire import Message
from tests.hostile.forger import meta
from tests.hostile.strangers import Honest, attack, said


def introduction(network: Network, secret: str = CLUSTER_SECRET, **more: object) -> Message:
    place = {"id": "c-false", "hostname": LOOPBACK, "port": 9}
    return {"command": "BACKUP_AUTHENTICATE", "secret": secret, **place, **more}


def test_a_backup_with_a_wrong_secret_is_told_nothing(network: Network, honest: Honest) -> None:
    before = network.status()
    with attack("127.0.19.1") as attacker:
        for more in (
            {},
            {"cursor": 2**53, "term": 2**53},
            {"promised": 2**53},
            {"id": meta(network.data, "id").decode()},
        ):
            link = attacker.connects(network.central)
            link.send(introduction(network, "a guess", **more))
            refusal = said(link) or {}
            assert (refusal["command"], refusal["reason"]) == ("BACKUP_AUTHENTICATION_FAIL", "wrong_secret")
            assert set(refusal) == {"command", "info", "reason"}
            assert said(link) is None
    after = network.status()
    assert (after["term"], after["centrals"]) == (before["term"], before["centrals"]), "nobody stepped down"
    honest.come()


def test_a_backup_process_with_a_wrong_secret_ends_and_says_why(
    network: Network, honest: Honest, tmp_path: Path
) -> None:
    arguments = ["central", "--port", "0", "--data", str(tmp_path / "data"), "--backup-of", str(network.central)]
    ended = oyez(*arguments, variables={"OYEZ_SECRET": "a guess"}, folder=tmp_path)
    assert ended.code == 1
    assert "the cluster secret is wrong" in ended.errors
    assert ended.output == ""
    assert meta(tmp_path / "data", "key") != meta(network.data, "key")


def test_a_backup_with_the_ids_or_the_address_of_the_main_is_refused(network: Network, honest: Honest) -> None:
    """Even with the secret: it would be a copy of the main's own folder, or stand in its way."""
    with attack("127.0.19.2") as attacker:
        for more, reason in (
            ({"id": meta(network.data, "id").decode()}, "id_in_use"),
            ({"hostname": network.central.hostname, "port": network.central.port}, "address_in_use"),
        ):
            link = attacker.connects(network.central)
            link.send(introduction(network, **more))
            assert (said(link) or {})["reason"] == reason
            assert said(link) is None
    honest.come()
