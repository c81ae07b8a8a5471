"""A whole network over TLS, with certificates of its own authority: everything works, and nobody else gets in."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import signal
import socket
import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

import oyez
from tests.blackbox import commands
from tests.blackbox.people import ANONYMOUS, log_in
from tests.blackbox.processes import CLUSTER_SECRET, LOOPBACK, Process
from tests.blackbox.wire import Address, Peer, eventually
from tests.certificates import Authority, options_of
from tests.failover.cluster import SETTLED, Cluster


class Encrypted(Cluster):
    """Each node has a certificate of its own."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder / "ca")
        super().__init__(folder)

    def options(self, name: str) -> Sequence[str]:
        return options_of(self.authority.issue(name))

    @property
    def known(self) -> list[str]:
        return [str(address) for address in self.centrals.values()]

    def command(self, *arguments: str) -> commands.Outcome:
        """An oyez command that is a client of this network."""
        return commands.oyez(
            *arguments,
            "--central",
            ",".join(self.known),
            variables={
                "OYEZ_TLS_CA": str(self.authority.file),
                "OYEZ_USER_SECRET": "a secret",
                "OYEZ_SECRET": CLUSTER_SECRET,
            },
        )

    def connect(self) -> oyez.Network:
        return oyez.connect(self.known, ca=self.authority.file, timeout=SETTLED)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    """For all tests that kill nothing."""
    with Encrypted(tmp_path_factory.mktemp("encrypted")) as network:
        yield network


Dial = Callable[..., Peer]


@pytest.fixture
def dial(network: Encrypted) -> Iterator[Dial]:
    """Raw links over TLS."""
    opened: list[Peer] = []

    def dial(address: Address, context: ssl.SSLContext | None = None, *, receive_buffer: int | None = None) -> Peer:
        peer = Peer(address, tls=context or network.authority.client(), receive_buffer=receive_buffer)
        opened.append(peer)
        return peer

    yield dial
    for peer in opened:
        peer.close()


# -- those who belong there -----------------------------------------------------------------------------------------


def test_commands_are_clients_like_any_other(network: Encrypted) -> None:
    assert network.command("register", "alice").code == 0
    posted = network.command("post", "--user", "alice", "hear ye")
    assert posted.code == 0, posted
    for command in (["status"], ["who", "--user", "alice"]):
        assert network.command(*command).code == 0
    unknown = network.command("drain", "s9")
    assert "s9" in unknown.sentence, "the cluster's secret went to the main, over TLS"


def test_programs_without_a_certificate_are_clients(network: Encrypted, dial: Dial) -> None:
    peers = [dial(network.servers[name]) for name in ("s1", "s2")]
    for peer in peers:
        log_in(peer, ANONYMOUS)
    large = {"type": "Note", "content": "x" * 60_000}
    for number in range(20):
        peers[0].send({"command": "ACTIVITY_MESSAGE", "username": "anonymous", "activity": large | {"n": number}})
    for peer in peers:
        heard = [peer.expect_activity() for _ in range(20)]
        assert [activity["n"] for activity in heard] == list(range(20))
        assert all(activity["content"] == large["content"] for activity in heard)


def test_programs_on_the_same_machine_need_not_encrypt(network: Encrypted) -> None:
    peer = Peer(network.servers["s1"])
    try:
        log_in(peer, ANONYMOUS)
    finally:
        peer.close()


def test_a_slow_reader_loses_nothing(network: Encrypted, dial: Dial) -> None:
    """It does not read for so long that some megabytes are waiting for it, then it has to find every byte."""
    slow = dial(network.servers["s2"], receive_buffer=4096)
    log_in(slow, ANONYMOUS)
    poster = dial(network.servers["s1"])
    log_in(poster, ANONYMOUS)
    contents = {number: f"{number} " + "abcdefghij"[number % 10] * 4000 for number in range(1500)}
    for number, content in contents.items():
        activity = {"type": "Note", "content": content, "n": number}
        poster.send({"command": "ACTIVITY_MESSAGE", "username": "anonymous", "activity": activity})
        poster.expect_activity()  # so that both servers have it
    for number, content in contents.items():
        activity = slow.expect_activity()
        assert (activity["n"], activity["content"]) == (number, content)


def certificate_of(address: Address, context: ssl.SSLContext) -> bytes:
    with (
        socket.create_connection(address, SETTLED) as sock,
        context.wrap_socket(sock, server_hostname=address.hostname) as link,
    ):
        return link.getpeercert(binary_form=True) or b""


def test_a_new_certificate_disconnects_nobody(network: Encrypted, dial: Dial) -> None:
    at, client = network.servers["s1"], network.authority.client()
    peer = dial(at)
    log_in(peer, ANONYMOUS)
    before = certificate_of(at, client)
    network.authority.issue("s1")
    network.processes["s1"].signal(signal.SIGHUP)
    eventually(lambda: certificate_of(at, client) != before, "the new certificate is shown")
    assert network.logged("s1", "identity_reloaded") == 1
    good = network.folder / "good.pem"
    shutil.copy(network.authority.folder / "s1.pem", good)
    (network.authority.folder / "s1.pem").write_text("nonsense")
    network.processes["s1"].signal(signal.SIGHUP)
    eventually(lambda: network.logged("s1", "identity_not_reloaded") == 1, "the bad file is told of")
    shutil.copy(good, network.authority.folder / "s1.pem")
    assert certificate_of(at, client) != before
    peer.send({"command": "ACTIVITY_MESSAGE", "username": "anonymous", "activity": {"n": 1}})
    assert peer.expect_activity()["n"] == 1
    assert network.wait_until_whole()


# -- those who do not -----------------------------------------------------------------------------------------------


def authenticate(secret: str = CLUSTER_SECRET) -> dict[str, object]:
    return {
        "command": "AUTHENTICATE",
        "secret": secret,
        "id": "s9",
        "hostname": LOOPBACK,
        "port": 1,
        "incarnation": 1,
        "load": 0,
        "term": 0,
    }


@pytest.mark.parametrize("secret", [CLUSTER_SECRET, "a guess"])
def test_the_secret_alone_makes_nobody_a_node(network: Encrypted, dial: Dial, secret: str) -> None:
    main = network.centrals[network.wait_until_whole()]
    server = dial(main)
    server.send(authenticate(secret))
    assert server.expect_refusal("AUTHENTICATION_FAIL")["reason"] == "no_certificate"
    assert "s9" not in network.loads()


def test_a_certificate_alone_makes_nobody_a_node(network: Encrypted, dial: Dial) -> None:
    main = network.centrals[network.wait_until_whole()]
    context, identity = network.authority.client(), network.authority.issue("s9")
    context.load_cert_chain(identity.certificate, identity.key)
    server = dial(main, context)
    server.send(authenticate("a guess"))
    assert server.expect_refusal("AUTHENTICATION_FAIL")["reason"] == "wrong_secret"


@pytest.mark.parametrize("kind", ["of another authority", "that has expired"])
def test_a_certificate_that_is_not_good_makes_nobody_a_node(network: Encrypted, tmp_path: Path, kind: str) -> None:
    authority = Authority(tmp_path / "other") if kind == "of another authority" else network.authority
    identity = authority.issue("s9", days=30 if kind == "of another authority" else -1)
    context = network.authority.client()
    context.load_cert_chain(identity.certificate, identity.key)
    before = sum(network.logged(name, "tls_refused") for name in network.centrals)
    with socket.create_connection(network.centrals["c1"], SETTLED) as sock:
        link = context.wrap_socket(sock, server_hostname=LOOPBACK)
        with link, pytest.raises(ssl.SSLError):
            while link.recv(1 << 16):
                pass
            raise ssl.SSLError("closed without an alert")
    eventually(lambda: sum(network.logged(name, "tls_refused") for name in network.centrals) > before, "it is told of")


def test_a_server_of_another_authority_neither_joins_nor_says_the_secret(network: Encrypted, tmp_path: Path) -> None:
    options = options_of(Authority(tmp_path / "other").issue("s9"))
    arguments = ["server", "--central", ",".join(network.known), "--id", "s9", *options]
    process = Process("s9", arguments, tmp_path, {"OYEZ_SECRET": CLUSTER_SECRET})
    try:
        eventually(lambda: '"cannot_dial"' in process.log(), "it says why it can't", seconds=SETTLED)
        assert "an authority that is not known here" in process.log()
        assert "s9" not in network.loads()
    finally:
        process.kill()


def test_a_client_that_does_not_believe_the_network_says_why(network: Encrypted, tmp_path: Path) -> None:
    strange = Authority(tmp_path / "other").file
    outcome = commands.oyez("post", "--central", ",".join(network.known), "--tls-ca", str(strange), "hear ye")
    assert outcome.code == 1
    assert "an authority that is not known here" in outcome.sentence


# -- what does not even start ---------------------------------------------------------------------------------------


def central(folder: Path, *arguments: str) -> commands.Outcome:
    data = ["--data", str(folder / "data"), "--port", "0"]
    return commands.oyez("central", *data, *arguments, variables={"OYEZ_SECRET": CLUSTER_SECRET}, folder=folder)


def test_a_node_that_others_can_reach_needs_a_certificate(tmp_path: Path) -> None:
    outcome = central(tmp_path, "--host", "0.0.0.0", "--advertise", "a.example.org")
    assert outcome.code == 1
    for what in ("--tls-cert", "--insecure-plaintext", "oyez certs"):
        assert what in outcome.sentence


def test_a_certificate_has_to_hold_the_name_and_be_good(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "ca")
    elsewhere = central(tmp_path, *options_of(authority.issue("a", ["a.example.org"])))
    assert "is for a.example.org, and others reach this node as 127.0.0.1" in elsewhere.sentence
    expired = central(tmp_path, *options_of(authority.issue("b", days=-1)))
    assert "expired on" in expired.sentence
    alone = central(tmp_path, *options_of(authority.issue("c"))[:2])
    assert alone.code == 2
    assert "--tls-key is missing" in alone.errors


# -- when somebody dies ---------------------------------------------------------------------------------------------


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Encrypted]:
    with Encrypted(tmp_path) as network:
        yield network


async def test_sessions_and_registrations_survive_the_main_and_a_server(mortal: Encrypted) -> None:
    ca = mortal.authority.file
    await oyez.register("alice", "a secret", mortal.known, ca=ca)
    async with mortal.connect() as one, mortal.connect() as two:
        posted = [await one.post("before")]
        main = await asyncio.to_thread(mortal.wait_until_whole)
        mortal.kill(main)
        posted.append(await one.post("without a main"))
        await asyncio.to_thread(mortal.wait_for_main, main)
        await oyez.register("bob", "a secret", mortal.known, ca=ca, timeout=SETTLED)
        await asyncio.to_thread(mortal.start_central, main)
        await asyncio.to_thread(mortal.wait_until_whole)
        assert one.server is not None
        mortal.kill(one.server)
        for number in itertools.count():
            posted.append(await one.post(f"after {number}", timeout=SETTLED))
            if number == 10:
                break
        assert one.server == two.server, "the other one"
        assert [(await anext(two)).id for _ in posted] == posted
    async with oyez.connect(mortal.known, user="alice", secret="a secret", ca=ca, timeout=SETTLED) as alice:
        await alice.post("still there")
