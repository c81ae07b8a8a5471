"""A network with certificates: those who have none, or those of others, or speak plainly, or half of TLS."""

import contextlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.blackbox.commands import oyez
from tests.blackbox.conftest import registered
from tests.blackbox.people import ANONYMOUS, Person
from tests.blackbox.processes import CLUSTER_SECRET, LOOPBACK, Network, Process
from tests.blackbox.wire import DEADLINE, Address, Message, Peer, encode, eventually
from tests.certificates import Authority, options_of
from tests.hostile import samples
from tests.hostile.strangers import Attacker, Honest, answer, logged, said
from tests.hostile.test_commands import AT_A_SERVER, AT_THE_CENTRAL, taken


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority") / "ca")


@pytest.fixture(scope="module")
def network(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """All of it shows one certificate. Links from this machine may be plain, and those of the tests' helpers are."""
    options = (*options_of(authority.issue()), "--login-patience", "2")
    folder = tmp_path_factory.mktemp("encrypted")
    with Network(folder, central_options=options, server_options=options) as network:
        yield network


@pytest.fixture(scope="module")
def people(network: Network) -> list[Person]:
    return [registered(network, "alice"), registered(network, "bob")]


def shows(
    authority: Authority, name: str | None = None, of: Authority | None = None, days: float = 30
) -> ssl.SSLContext:
    """One who believes this authority, and shows a certificate of it, or of another."""
    context = authority.client()
    if name is not None:
        identity = (of or authority).issue(name, days=days)
        context.load_cert_chain(identity.certificate, identity.key)
    return context


NODES = ("AUTHENTICATE", "BACKUP_AUTHENTICATE")


def test_the_secret_without_a_certificate_makes_no_node(network: Network, honest: Honest, authority: Authority) -> None:
    """And does not tell whether it was right."""
    for secret in (CLUSTER_SECRET, "a guess"):
        for address, command in (
            *((network.central, command) for command in NODES),
            (network.servers["s1"], "SERVER_HELLO"),
        ):
            link = Peer(address, tls=shows(authority))
            link.send(samples.line(command, secret))
            assert (said(link) or {})["reason"] == "no_certificate"
            assert said(link) is None
            link.close()


def test_a_certificate_without_the_secret_makes_no_node(network: Network, honest: Honest, authority: Authority) -> None:
    """As that of a user may be, where an operator gives them some."""
    for place, address in ((AT_THE_CENTRAL, network.central), (AT_A_SERVER, network.servers["s1"])):
        for command in sorted(taken(*place) - samples.OF_CLIENTS):
            link = Peer(address, tls=shows(authority, "a-user"))
            link.send(samples.line(command, "a guess"))
            assert (said(link) or {})["reason"] == "wrong_secret", command
            link.close()


def test_a_certificate_opens_no_session_and_gives_no_name(
    network: Network, honest: Honest, authority: Authority, people: list[Person]
) -> None:
    """Users are known by their secrets, whatever they show."""
    context = shows(authority, people[0].username)
    for address in (network.central, network.servers["s1"]):
        link = Peer(address, tls=context)
        link.send({"command": "LOGIN", "username": people[0].username})
        assert answer(link) == "no_secret"
        link.close()
    link = Peer(network.servers["s1"], tls=context)
    link.send(ANONYMOUS.login())
    assert answer(link) == "LOGIN_SUCCESS"
    link.send(people[0].post({"forged": 1}))
    assert link.expect_refusal("AUTHENTICATION_FAIL")["reason"] == "not_your_session"
    link.close()


@pytest.mark.parametrize("kind", ["another authority", "itself", "the past"])
def test_a_certificate_of_others_ends_in_the_handshake(
    network: Network, honest: Honest, authority: Authority, tmp_path: Path, kind: str
) -> None:
    context = shows(authority)
    if kind == "itself":
        key, certificate = tmp_path / "self.key", tmp_path / "self.pem"
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        if shutil.which("openssl") is None:
            pytest.skip("there is no openssl to make such a certificate with")
        made = [*command, "-subj", "/CN=Oyez authority", "-keyout", str(key), "-out", str(certificate)]
        subprocess.run(made, check=True, capture_output=True)
        context.load_cert_chain(certificate, key)
    else:
        of = Authority(tmp_path / "other") if kind == "another authority" else authority
        identity = of.issue("stranger", days=30 if kind == "another authority" else -1)
        context.load_cert_chain(identity.certificate, identity.key)
    for address in (network.central, network.servers["s1"]):
        with (
            contextlib.suppress(ssl.SSLError, OSError),
            socket.create_connection(address, DEADLINE) as plain,
            context.wrap_socket(plain, server_hostname=LOOPBACK) as link,
        ):
            link.sendall(encode(samples.line("AUTHENTICATE", CLUSTER_SECRET)))
            assert link.recv(1) == b"", "not a word"
    eventually(
        lambda: logged(network, "central", "tls_refused") and logged(network, "s1", "tls_refused"), "both say so"
    )
    assert sorted(network.loads()) == ["s1", "s2"]


def test_a_backup_of_another_authority_joins_nothing_and_says_no_secret(
    network: Network, honest: Honest, tmp_path: Path
) -> None:
    options = options_of(Authority(tmp_path / "other").issue("c9"))
    arguments = ["central", "--port", "0", "--data", str(tmp_path / "data"), "--backup-of", str(network.central)]
    process = Process("c9", [*arguments, *options], tmp_path, {"OYEZ_SECRET": CLUSTER_SECRET})
    try:
        eventually(lambda: '"cannot_dial"' in process.log(), "it says that it can't", seconds=60)
        assert "an authority that is not known here" in process.log()
        assert len(network.status()["centrals"]) == 1
    finally:
        process.kill()


def test_a_client_that_believes_another_authority_says_no_secret(
    network: Network, honest: Honest, tmp_path: Path
) -> None:
    strange = Authority(tmp_path / "other").file
    arguments = ["--central", str(network.central), "--tls-ca", str(strange), "--user", "alice"]
    outcome = oyez("post", *arguments, "hear ye", variables={"OYEZ_USER_SECRET": "a secret"})
    assert outcome.code == 1
    assert "an authority that is not known here" in outcome.sentence


def test_handshakes_that_are_none_hurt_only_themselves(network: Network, honest: Honest) -> None:
    """Begun and left, begun and broken, of old versions, and a plain line behind the first byte."""
    hello = bytes.fromhex("16030100050100000100")
    garbage = {
        "one byte": b"\x16",
        "half a hello": hello,
        "a record that is too long": b"\x16\x03\x01\xff\xff" + b"\0" * 70_000,
        "an alert": bytes.fromhex("15030100020100"),
        "a line behind it": b"\x16" + encode(ANONYMOUS.login()),
        "SSL 2": bytes.fromhex("802e0100020015000000100100800200800300800400800500800600800700c0"),
        "SSL 3": bytes.fromhex("1603000005010000010000"),
        "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    }
    attacker = Attacker("127.0.20.1")
    for address in (network.central, *network.servers.values()):
        for data in garbage.values():
            attacker.connects(address).send_while_open(data)
    honest.go_on()
    honest.come()
    for link in attacker.links:
        with contextlib.suppress(AssertionError):  # an alert is no line
            if link.has_heard(0.0):  # else its time is not over yet
                assert answer(link) in ("", "not_json")
        link.reset()


def test_old_versions_of_tls_are_refused(network: Network, honest: Honest, authority: Authority) -> None:
    context = shows(authority)
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    for address in (network.central, network.servers["s1"]):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            Peer(address, tls=context)


def test_tls_to_a_plain_node_is_refused_as_no_json(honest: Honest, tmp_path: Path, authority: Authority) -> None:
    """A node without a certificate takes the handshake for a line; whoever wanted TLS says nothing more."""
    process = Process(
        "plain", ["central", "--port", "0", "--data", str(tmp_path / "data")], tmp_path, {"OYEZ_SECRET": CLUSTER_SECRET}
    )
    try:
        address = process.ready("central")
        with pytest.raises((ssl.SSLError, ConnectionError)):
            Peer(address, tls=shows(authority))
        options = ["--central", str(address), "--tls-ca", str(authority.file)]
        outcome = oyez("register", "alice", *options, variables={"OYEZ_USER_SECRET": "a secret"})
        assert outcome.code == 1
        status = Peer(address)
        status.send({"command": "STATUS"})
        assert status.expect("STATUS_REPORT")["users"] == 0
        status.close()
    finally:
        wrong = process.stop()
    assert not wrong, wrong
    assert process.new_traceback() is None


def own_address() -> str | None:
    """An address of this machine that is not loopback; nothing leaves the machine on the way to it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # sends nothing
        found: str = probe.getsockname()[0]
        return None if found.startswith(("127.", "0.")) else found
    return None


def test_a_plain_link_from_another_machine_is_refused(authority: Authority, tmp_path: Path) -> None:
    """From an address that is not loopback, which is all that a node can see of it; whatever is said, and by whom."""
    here = own_address()
    if here is None:
        pytest.skip("this machine has no address but loopback")
    options = options_of(authority.issue("public", [here, LOOPBACK]))
    arguments = ["central", "--host", "0.0.0.0", "--advertise", here, "--port", "0", "--data", str(tmp_path / "data")]
    process = Process("public", [*arguments, *options], tmp_path, {"OYEZ_SECRET": CLUSTER_SECRET})
    try:
        address = Address(here, process.ready("central").port)
        lines: list[Message] = [
            samples.line("AUTHENTICATE", CLUSTER_SECRET),
            samples.line("BACKUP_AUTHENTICATE", CLUSTER_SECRET),
            samples.line("LIST_USERS", CLUSTER_SECRET),
            ANONYMOUS.login(),
            {"command": "STATUS"},
        ]
        for line in lines:
            link = Peer(address)
            link.send_while_open(encode(line))
            assert (said(link) or {})["reason"] == "tls_required"
            assert said(link) is None
            link.close()
        link = Peer(address, tls=shows(authority))
        link.send({"command": "STATUS"})
        assert link.expect("STATUS_REPORT")["users"] == 0
        link.close()
    finally:
        wrong = process.stop()
    assert not wrong, wrong
