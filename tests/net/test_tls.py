"""A node that speaks TLS: how links begin, who is let in, and what it dials with."""

from __future__ import annotations

import asyncio
import shutil
import socket
import ssl
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from oyez.core import effects as fx
from oyez.core.peer import From
from oyez.net import beginnings, environment
from oyez.net.channel import Channel
from oyez.net.environment import IN_THE_OPEN, TLS_REQUIRED
from oyez.net.identity import Identity
from oyez.net.listener import ListenError
from oyez.net.node import Node
from oyez.protocol.codec import encode
from oyez.protocol.messages import Address, RegisterSuccess
from tests.certificates import Authority
from tests.net.stage import A_STATUS, PATIENCE, STATUS, Peer, Recorder, Stage, activity_lines, node
from tests.net.tls_stage import TlsPeer, shake_hands, tls_peer

HELLO = RegisterSuccess("hello")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder / "ca")


@pytest.fixture
def identity(authority: Authority) -> Identity:
    return authority.issue()


def as_node(authority: Authority, identity: Identity) -> ssl.SSLContext:
    context = authority.client()
    context.load_cert_chain(identity.certificate, identity.key)
    return context


def reported(stage: Stage, event: str) -> list[dict[str, object]]:
    return [dict(fields) for name, fields in stage.reports if name == event]


async def ended(sock: socket.socket) -> bytes:
    """What comes until the end."""
    data = b""
    async with asyncio.timeout(PATIENCE):
        while more := await asyncio.get_running_loop().sock_recv(sock, 1 << 16):
            data += more
    return data


@contextmanager
def from_outside() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection, of which the first is to be handed to a node."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        there = socket.create_connection(listening.getsockname())
        here, _ = listening.accept()
    here.setblocking(False)
    there.setblocking(False)
    with there:
        yield here, there


# -- how links begin ------------------------------------------------------------------------------------------------


async def test_one_port_speaks_both(authority: Authority, identity: Identity) -> None:
    async with node(identity=identity) as stage:
        plain = await stage.connected()
        await asyncio.get_running_loop().sock_sendall(plain, STATUS)
        await stage.role.seen("message", 1, A_STATUS)
        async with Peer(plain, 1) as one, await tls_peer(stage, authority.client()) as other:
            await other.send(STATUS)
            await stage.role.seen("message", other.link, A_STATUS)
            for peer in (one, other):
                stage.perform(fx.Send(peer.link, HELLO))
                assert await peer.read_exactly(len(encode(HELLO))) == encode(HELLO)
        assert stage.role.who == {1: From("127.0.0.1", True, True), 2: From("127.0.0.1", True, False)}


async def test_what_comes_with_the_handshake_is_heard(authority: Authority, identity: Identity) -> None:
    async with node(identity=identity) as stage:
        sock, loop = await stage.connected(), asyncio.get_running_loop()
        dialing = identity.load().dialing
        assert dialing is not None
        channel = Channel(dialing, "127.0.0.1")  # it is done after one flight each way
        assert not channel.handshake(b"")
        await loop.sock_sendall(sock, channel.output())
        while not channel.handshake(await loop.sock_recv(sock, 1 << 16)):
            pass
        await loop.sock_sendall(sock, channel.output() + channel.encrypt(STATUS * 3))  # all in one
        async with TlsPeer(sock, 1, channel):
            await stage.role.until(lambda: len(stage.role.all("message")) == 3)


async def test_who_shows_a_certificate_is_verified(authority: Authority, identity: Identity) -> None:
    async with node(identity=identity) as stage, await tls_peer(stage, as_node(authority, identity)) as peer:
        assert stage.role.who[peer.link] == From("127.0.0.1", loopback=True, verified=True)


async def test_who_offers_http_is_asked_for_no_certificate(authority: Authority, identity: Identity) -> None:
    """A browser opens no WebSocket at a host that asks for one."""
    context = as_node(authority, identity)
    context.set_alpn_protocols(["http/1.1"])
    async with node(identity=identity) as stage, await tls_peer(stage, context) as peer:
        assert stage.role.who[peer.link] == From("127.0.0.1", loopback=True, verified=False)
        await peer.send(STATUS)
        await stage.role.seen("message", peer.link, A_STATUS)


@pytest.mark.parametrize(("offered", "verified"), [("http/1.1", False), ("http/1.0", True)])
async def test_a_handshake_may_come_byte_by_byte(
    authority: Authority, identity: Identity, monkeypatch: pytest.MonkeyPatch, offered: str, verified: bool
) -> None:
    monkeypatch.setattr(beginnings, "READ_SIZE", 1)
    context = as_node(authority, identity)
    context.set_alpn_protocols([offered])
    async with node(identity=identity) as stage, await tls_peer(stage, context) as peer:
        assert stage.role.who[peer.link].verified is verified


async def test_what_begins_no_record_is_not_waited_for(authority: Authority, identity: Identity) -> None:
    """Its length is a lie, or it is none at all."""
    for nonsense in (b"\x16\x03\x01\xff\xff", b"\x16\x02\x01\x00\xff"):
        async with node(identity=identity) as stage:
            with await stage.connected() as sock:
                await asyncio.get_running_loop().sock_sendall(sock, nonsense)
                await stage.role.seen("report", "tls_refused")
                await ended(sock)


async def test_a_bad_certificate_is_refused_at_the_door(
    authority: Authority, identity: Identity, tmp_path: Path
) -> None:
    for stranger in (Authority(tmp_path / "other").issue(), authority.issue("old", days=-1)):
        async with node(identity=identity) as stage:
            with await stage.connected() as sock:
                channel = await shake_hands(sock, as_node(authority, stranger))  # TLS 1.3: what it does not know yet
                with pytest.raises(ssl.SSLError):
                    channel.decrypt(await ended(sock), [])
            await stage.role.seen("report", "tls_refused")
        assert stage.role.all("open") == []
        assert reported(stage, "tls_refused")[0]["address"] == "127.0.0.1"


async def test_who_shows_hundreds_of_certificates_is_refused(
    authority: Authority, identity: Identity, tmp_path: Path
) -> None:
    """Each that comes is compared with all others, to find out who has issued whom."""
    chain = tmp_path / "chain.pem"
    chain.write_bytes(identity.certificate.read_bytes() + authority.file.read_bytes() * 100)
    context = authority.client()
    context.load_cert_chain(chain, identity.key)
    async with node(identity=identity) as stage:
        with await stage.connected() as sock, suppress(ssl.SSLError, OSError):
            await shake_hands(sock, context)
        await stage.role.seen("report", "tls_refused")
        assert reported(stage, "tls_refused")[0]["why"] == "the handshake was not done after 16384 bytes"
    assert stage.role.all("open") == []


async def test_who_says_nothing_is_let_go(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beginnings, "PATIENCE", 0.05)
    async with node(identity=identity) as stage:
        with await stage.connected() as sock:
            assert await ended(sock) == b""
        assert reported(stage, "nothing_said") == [{"address": "127.0.0.1"}]
    assert stage.role.all("open") == []


async def test_who_leaves_before_the_first_byte_is_forgotten(identity: Identity) -> None:
    async with node(identity=identity) as stage:
        (await stage.connected()).close()
        await stage.role.seen("report", "nothing_said")
        assert len(stage.node.environment._beginnings) == 0


@pytest.mark.parametrize("begun", [b"\x16", b"\x16\x03\x01\x02\x00\x01"])
async def test_who_does_not_go_on_with_the_handshake_is_let_go(
    identity: Identity, monkeypatch: pytest.MonkeyPatch, begun: bytes
) -> None:
    monkeypatch.setattr(beginnings, "PATIENCE", 0.05)
    async with node(identity=identity) as stage:
        with await stage.connected() as sock:
            await asyncio.get_running_loop().sock_sendall(sock, begun)
            assert await ended(sock) == b""
        assert reported(stage, "tls_refused")[0]["why"] == "the handshake was not done within 0.05 s"
    assert stage.role.all("open") == []


@pytest.mark.parametrize("rubbish", [b"\x16" * 100, b"\x16\x03\x01\x00\x05hello" * 5])
async def test_what_only_begins_like_tls_is_refused(identity: Identity, rubbish: bytes) -> None:
    async with node(identity=identity) as stage:
        with await stage.connected() as sock:
            await asyncio.get_running_loop().sock_sendall(sock, rubbish)
            await stage.role.seen("report", "tls_refused")
    assert stage.role.all("open") == []


async def test_a_crowd_gets_in(authority: Authority, identity: Identity) -> None:
    count = 32
    client = authority.client()
    async with node(identity=identity) as stage:
        socks = [await stage.connected() for _ in range(count)]
        await asyncio.gather(*(shake_hands(sock, client) for sock in socks))
        await stage.role.until(lambda: len(stage.role.all("open")) == count)
        for sock in socks:
            sock.close()


async def test_a_node_that_stops_lets_go_of_those_that_begin(identity: Identity) -> None:
    async with node(identity=identity) as stage:
        silent, begun = await stage.connected(), await stage.connected()
        await asyncio.get_running_loop().sock_sendall(begun, b"\x16\x03\x01")
        while len(stage.node.environment._beginnings) < 2:
            await asyncio.sleep(0)
        stage.node.stop()
        for sock in (silent, begun):
            with sock, suppress(ConnectionResetError):
                assert await ended(sock) == b""
    assert stage.role.all("open") == []


# -- who may come without -------------------------------------------------------------------------------------------


async def test_links_from_elsewhere_have_to_be_encrypted(identity: Identity) -> None:
    async with node(identity=identity) as stage:
        with from_outside() as (here, there):
            stage.node.environment.accept(here, "192.0.2.7")
            there.send(b'{"command":"LOGIN","username":"alice","secret":"wonder"}\n')
            assert await ended(there) == encode(TLS_REQUIRED)
        assert reported(stage, "tls_required") == [{"address": "192.0.2.7"}]
    assert stage.role.all("open") == []


async def test_unless_the_operator_says_otherwise(identity: Identity) -> None:
    async with node(identity=identity, plain_outside=True) as stage:
        with from_outside() as (here, there):
            stage.node.environment.accept(here, "192.0.2.7")
            there.send(STATUS)
            await stage.role.seen("message", 1, A_STATUS)
        assert stage.role.who == {1: From("192.0.2.7", loopback=False, verified=True)}
        assert reported(stage, "insecure_plaintext") == [{"address": str(stage.node.address)}]


async def test_links_from_elsewhere_may_be_encrypted(authority: Authority, identity: Identity) -> None:
    async with node(identity=identity) as stage:
        with from_outside() as (here, there):
            stage.node.environment.accept(here, "192.0.2.7")
            await shake_hands(there, authority.client())
            await stage.role.seen("open", 1)
        assert stage.role.who == {1: From("192.0.2.7", loopback=False, verified=False)}


async def test_a_node_without_a_certificate_listens_on_this_machine_alone() -> None:
    with pytest.raises(ListenError, match=r"other machines can connect to 0\.0\.0\.0:\d+, .* --insecure-plaintext"):
        await Node(lambda address: Recorder(), Address("0.0.0.0", 0)).run()


# -- dialing --------------------------------------------------------------------------------------------------------


async def test_a_node_dials_with_tls_and_shows_its_certificate(identity: Identity) -> None:
    role = Recorder()
    async with node(role, identity=identity) as stage:
        for hostname in ("127.0.0.1", "localhost"):
            stage.perform(fx.Dial(Address(hostname, stage.node.address.port), hostname))
            await role.until(lambda name=hostname: any(event[2] == name for event in role.all("dialed")))  # type: ignore[misc]
        await role.until(lambda: len(role.who) == 2)
        assert {who.verified for who in role.who.values()} == {True}


async def failed(stage: Stage, address: Address, within: float = PATIENCE) -> str:
    """Why this can't be dialed."""
    stage.perform(fx.Dial(address, "somebody", within))
    await stage.role.seen("dial_failed", "somebody")
    assert stage.role.all("dialed") == []
    return str(stage.role.all("dial_failed")[-1][2])


async def test_whoever_is_dialed_has_to_be_who_was_meant(authority: Authority, tmp_path: Path) -> None:
    others = {
        "IP address mismatch": authority.issue("elsewhere", ["other.example.org"]),
        "an authority that is not known here": Authority(tmp_path / "other").issue(),
    }
    for why, identity in others.items():
        async with node(identity=authority.issue()) as stage, node(identity=identity) as other:
            assert why in await failed(stage, other.node.address)
            said = reported(stage, "cannot_dial")[0]
            assert said["address"] == str(other.node.address)
            assert why in str(said["why"])


async def test_who_is_told_to_dial_what_is_no_name_says_so(identity: Identity) -> None:
    """A resolver takes what is before the zero byte, so there may be somebody to shake hands with."""
    async with node(identity=identity) as stage:
        why = await failed(stage, Address("127.0.0.1\0x", stage.node.address.port))
        assert why.endswith("is no name that a certificate could hold")


async def test_whoever_is_dialed_has_to_speak_tls(identity: Identity) -> None:
    async with node(identity=identity) as stage:
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            dialing = asyncio.create_task(failed(stage, Address(*listening.getsockname())))
            there, _ = await loop.sock_accept(listening)
            with there:
                await loop.sock_sendall(there, b'{"command":"INVALID_MESSAGE","info":"what is this?"}\n')
                assert await dialing == "the other end does not speak TLS"


async def test_whoever_is_dialed_has_to_answer_in_time(identity: Identity, monkeypatch: pytest.MonkeyPatch) -> None:
    async with node(identity=identity) as stage:
        begin = stage.node.environment._beginnings.dial

        def begin_late(sock: socket.socket, context: Any, hostname: str, within: float, done: Any) -> None:
            begin(sock, context, hostname, 0.05, done)  # there was little left after the connection

        monkeypatch.setattr(stage.node.environment._beginnings, "dial", begin_late)
        with socket.create_server(("127.0.0.1", 0)) as listening:  # the kernel accepts; nobody else does
            why = await failed(stage, Address(*listening.getsockname()))
    assert why == "the handshake was not done within 0.05 s"


async def test_the_handshake_has_what_the_connection_has_left(
    identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One patience for both: whoever dials has said how long all of it may take."""
    async with node(identity=identity) as stage:
        environment, clock = stage.node.environment, [1000.0]
        monkeypatch.setattr(environment, "now", lambda: clock[0])
        given: list[float] = []
        dials: list[Callable[[socket.socket], None]] = []

        def begin(sock: socket.socket, context: object, hostname: str, within: float, done: object) -> None:
            given.append(within)
            sock.close()

        monkeypatch.setattr(environment._beginnings, "dial", begin)
        monkeypatch.setattr(environment._dialer, "dial", lambda address, within, done: dials.append(done))
        for connected_after, left in ((2.0, 0.5), (2.75, 0.0)):
            mine, theirs = socket.socketpair()
            with theirs:
                stage.perform(fx.Dial(Address("127.0.0.1", 1), "somebody", 2.5))
                clock[0] += connected_after
                dials.pop()(mine)
            assert given.pop() == left


async def test_nobody_elsewhere_is_dialed_without(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_is_loopback", lambda sock: False)
    async with node() as stage:
        assert await failed(stage, stage.node.address) == IN_THE_OPEN
    async with node(plain_outside=True) as stage:
        stage.perform(fx.Dial(stage.node.address, "somebody"))
        await stage.role.seen("dialed")


# -- another certificate --------------------------------------------------------------------------------------------


async def shown(stage: Stage, client: ssl.SSLContext) -> bytes:
    """The certificate that a new link is shown."""
    async with await tls_peer(stage, client) as peer:
        return peer.channel._tls.getpeercert(binary_form=True) or b""


async def test_another_certificate_is_for_new_links(authority: Authority, tmp_path: Path) -> None:
    files = Identity(tmp_path / "node.pem", tmp_path / "node.key", authority.file)

    def put(identity: Identity) -> None:
        shutil.copy(identity.certificate, files.certificate)
        shutil.copy(identity.key, files.key)

    put(authority.issue("one"))
    role, client = Recorder(), authority.client()
    role.answers["open"] = lambda link: [fx.Follow(link, role.log, None)]
    async with node(role, identity=files) as stage, await tls_peer(stage, client) as old:
        first = await shown(stage, client)
        put(authority.issue("two"))
        stage.node.reload()
        second = await shown(stage, client)
        assert first != second
        assert reported(stage, "identity_reloaded")[0]["expires"]
        assert await shown(stage, client) == second
        lines = activity_lines(1, 10)
        role.publish(lines)
        assert await old.read_exactly(len(lines)) == lines


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda files, other: files.certificate.write_text("nonsense"), "cannot use {certificate}: "),
        (lambda files, other: files.certificate.unlink(), "cannot read {certificate}: No such file"),
        (lambda files, other: files.key.write_text("nonsense"), "cannot use {certificate} and {key}: "),
        (lambda files, other: files.key.unlink(), "cannot read {key}: No such file"),
        (lambda files, other: shutil.copy(other.key, files.key), "they do not belong together"),
        (lambda files, other: files.authority.write_text("nonsense"), "cannot use {authority}: "),
        (lambda files, other: files.authority.unlink(), "cannot read {authority}: No such file"),
    ],
)
async def test_files_that_cannot_be_used_leave_the_old_certificate_where_it_is(
    authority: Authority, tmp_path: Path, spoil: Callable[[Identity, Identity], object], why: str
) -> None:
    files = moved(authority.issue("one"), tmp_path)
    other, client = authority.issue("two"), authority.client()
    async with node(identity=files) as stage:
        before, contexts = await shown(stage, client), stage.node.environment.tls
        spoil(files, other)
        stage.node.reload()
        (said,) = reported(stage, "identity_not_reloaded")
        assert why.format(certificate=files.certificate, key=files.key, authority=files.authority) in str(said["why"])
        assert said["expires"] == contexts.expires  # of the one that it goes on with
        assert stage.node.environment.tls is contexts
        assert await shown(stage, client) == before


@pytest.mark.parametrize(
    ("hosts", "days", "why"), [(None, -1.0, "expired on"), (["a.example.org"], 9.0, "others reach")]
)
async def test_a_certificate_with_which_it_would_not_start_is_not_loaded_later(
    authority: Authority, tmp_path: Path, hosts: list[str] | None, days: float, why: str
) -> None:
    files = replace(moved(authority.issue("one"), tmp_path), hostname="127.0.0.1")
    async with node(identity=files) as stage:
        moved(authority.issue("two", hosts, days), tmp_path)
        stage.node.reload()
        (said,) = reported(stage, "identity_not_reloaded")
        assert why in str(said["why"])


def moved(identity: Identity, folder: Path) -> Identity:
    """The same files elsewhere, in the place of those that are there."""
    assert identity.authority is not None
    files = Identity(folder / "node.pem", folder / "node.key", folder / "ca.pem")
    shutil.copy(identity.certificate, files.certificate)
    shutil.copy(identity.key, files.key)
    shutil.copy(identity.authority, folder / "ca.pem")
    return files


# -- certificates that are refused ----------------------------------------------------------------------------------


def bad(authority: Authority, tmp_path: Path) -> list[tuple[Identity, str, str]]:
    """What others do not take, what they say of it, and what its owner is told."""
    stranger = Authority(tmp_path / "other").issue()
    return [
        (
            replace(stranger, authority=authority.file),
            "an authority that is not known here has issued it",
            "the other end does not know the authority that has issued this end's certificate",
        ),
        (
            authority.issue("old", days=-1),
            "it has expired",
            "the other end says that this end's certificate has expired",
        ),
    ]


@pytest.fixture
def careless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes that start with a certificate that is over: they may have been up for long."""
    monkeypatch.setattr(Identity, "_check_time", lambda self, certificate: None)


@pytest.mark.usefixtures("careless")
async def test_who_dials_with_a_bad_certificate_is_told_why_and_so_is_the_other(
    authority: Authority, tmp_path: Path
) -> None:
    """In TLS 1.3 whoever dials has done with the handshake before the other has looked at the certificate."""
    for identity, theirs, ours in bad(authority, tmp_path):
        async with node(identity=authority.issue()) as stage, node(identity=identity) as other:
            other.perform(fx.Dial(stage.node.address, "somebody"))
            await other.role.seen("close")
            said = {"address": str(stage.node.address), "why": ours}
            assert reported(other, "certificate_refused") == [said]
            why = f"the certificate of the other end is not good: {theirs}"
            assert reported(stage, "tls_refused") == [{"address": "127.0.0.1", "why": why}]
            assert stage.role.all("open") == []


@pytest.mark.usefixtures("careless")
async def test_who_dials_somebody_with_a_bad_certificate_says_why_and_the_other_is_told(
    authority: Authority, tmp_path: Path
) -> None:
    for identity, theirs, ours in bad(authority, tmp_path):
        async with node(identity=authority.issue()) as stage, node(identity=identity) as other:
            why = f"the certificate of the other end is not good: {theirs}"
            assert await failed(stage, other.node.address) == why
            assert reported(stage, "cannot_dial") == [{"address": str(other.node.address), "why": why}]
            await other.role.seen("report", "tls_refused")
            assert reported(other, "tls_refused") == [{"address": "127.0.0.1", "why": ours}]


async def test_the_reason_is_heard_though_the_link_broke_under_what_was_being_sent(
    authority: Authority, tmp_path: Path
) -> None:
    """Whoever refuses may close with something unread, and then the kernel resets the link behind the last word."""
    role, loop = Recorder(), asyncio.get_running_loop()
    role.answers["dialed"] = lambda link, purpose: [fx.Hold(link)]  # it does not read before it sends
    stranger = Authority(tmp_path / "other")
    accepting = replace(authority.issue("server"), authority=stranger.file).load().accepting
    assert accepting is not None
    async with node(role, identity=authority.issue()) as stage:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            listening.setblocking(False)
            stage.perform(fx.Dial(Address(*listening.getsockname()), "somebody"))
            there, _ = await loop.sock_accept(listening)
        channel = Channel(accepting)
        with pytest.raises(ssl.SSLError):
            while not channel.handshake(await loop.sock_recv(there, 1 << 16)):
                await loop.sock_sendall(there, channel.output())
        await role.seen("dialed")
        await loop.sock_sendall(there, channel.output())
        there.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        there.close()
        stage.perform(fx.Send(1, HELLO))
        await role.seen("close")
        (said,) = reported(stage, "certificate_refused")
        assert "does not know the authority" in str(said["why"])


# -- the end --------------------------------------------------------------------------------------------------------


async def test_a_link_that_brings_what_was_not_sent_is_ended(authority: Authority, identity: Identity) -> None:
    async with node(identity=identity) as stage:
        peer = await tls_peer(stage, authority.client())
        with peer.sock:
            sealed = bytearray(peer.channel.encrypt(STATUS) + peer.channel.encrypt(STATUS))
            sealed[-1] ^= 1
            await asyncio.get_running_loop().sock_sendall(peer.sock, sealed)
            await stage.role.seen("close", peer.link)
        assert stage.role.all("message") == [("message", peer.link, A_STATUS)]
        assert str(reported(stage, "tls_broken")[0]["why"]).startswith("TLS failed: ")


async def test_a_goodbye_ends_the_link(authority: Authority, identity: Identity) -> None:
    async with node(identity=identity) as stage, await tls_peer(stage, authority.client()) as peer:
        last = peer.channel.encrypt(STATUS) + peer.channel.goodbye()
        await asyncio.get_running_loop().sock_sendall(peer.sock, last)
        await stage.role.seen("close", peer.link)
        assert stage.role.all("message") == [("message", peer.link, A_STATUS)]


async def test_a_link_that_is_closed_says_goodbye(authority: Authority, identity: Identity) -> None:
    async with node(identity=identity) as stage, await tls_peer(stage, authority.client()) as peer:
        stage.perform(fx.Send(peer.link, HELLO), fx.Close(peer.link))
        assert await peer.read_to_end() == encode(HELLO)
        assert peer.channel.ended


async def test_a_peer_that_has_us_answer_and_does_not_read_is_cut(
    authority: Authority, identity: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may ask for new keys as often as it likes, and each time OpenSSL has something to say."""
    async with node(identity=identity) as stage:
        peer = await tls_peer(stage, authority.client(), receive_buffer=1)
        with peer.sock:
            stage.socket(peer.link).setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
            monkeypatch.setattr(Channel, "output", lambda self: b"x" * 50_000)
            while not stage.role.all("close"):
                with suppress(ConnectionError):
                    await peer.send(STATUS)
                await asyncio.sleep(0)
