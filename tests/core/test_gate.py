"""Who is heard as a node: with a certificate, where the link can carry one, and with the cluster's secret."""

import pytest

from oyez.core.gate import NO_CERTIFICATE, Gate
from oyez.core.peer import HERE, From
from oyez.protocol import messages as m
from oyez.protocol import nodes as n
from oyez.protocol import peers as p
from oyez.protocol.messages import Refusal
from tests.core.centrals import CLUSTER, Centre, authenticate
from tests.core.servers import Serving, hello, login

STRANGER = From("192.0.2.7", loopback=False, verified=False)
COLLEAGUE = From("192.0.2.7", loopback=False, verified=True)


@pytest.mark.parametrize("who", [HERE, COLLEAGUE])
def test_a_certificate_alone_is_not_enough(who: From) -> None:
    gate = Gate("hush")
    gate.opened(1, who)
    assert gate.objection(1, "hush") is None
    objection = gate.objection(1, "loud")
    assert objection is not None
    assert objection.reason == "wrong_secret"


def test_whoever_has_no_certificate_does_not_learn_whether_the_secret_is_right() -> None:
    gate = Gate("hush")
    gate.opened(1, STRANGER)
    assert gate.objection(1, "hush") == gate.objection(1, "loud") == Refusal(NO_CERTIFICATE, "no_certificate")


def test_what_one_link_lacks_is_nothing_to_the_next_or_to_those_that_were_dialed() -> None:
    gate = Gate("hush")
    gate.opened(1, STRANGER)
    assert gate.objection(2, "hush") is None
    gate.closed(1)
    assert gate.objection(1, "hush") is None


def test_a_central_refuses_nodes_without_a_certificate() -> None:
    central = Centre()
    server, backup = central.connect(STRANGER), central.connect(STRANGER)
    refused = server.says(authenticate("a")).hears_one()
    assert refused == m.AuthenticationFail(NO_CERTIFICATE, "no_certificate")
    assert server.ended
    joining = n.BackupAuthenticate(CLUSTER, "c2", "host", 3781, 0, 0, 0)
    assert backup.says(joining).hears_one() == n.BackupAuthenticationFail(NO_CERTIFICATE, "no_certificate")
    assert backup.ended
    assert central.status().servers == []


def test_a_central_takes_nodes_with_one() -> None:
    welcome = Centre().connect(COLLEAGUE).says(authenticate("a")).hears()[0]
    assert isinstance(welcome, n.AuthenticateSuccess)


def test_a_server_refuses_another_without_a_certificate() -> None:
    server = Serving()
    peer = server.connect(STRANGER).says(hello("a"))
    assert peer.hears_one() == m.AuthenticationFail(NO_CERTIFICATE, "no_certificate")
    assert peer.ended
    assert isinstance(server.connect(COLLEAGUE).says(hello("a")).hears()[0], p.ServerHello)


def test_clients_need_none() -> None:
    server = Serving()
    server.joins()
    assert isinstance(server.connect(STRANGER).says(login("anonymous")).hears()[0], m.LoginSuccess | m.LoginFailed)
