"""A program's links over TLS, and what does not cross them without."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import oyez
from oyez.client import central
from oyez.client.central import ask
from oyez.client.encryption import WITHIN, Encryption, encryption
from oyez.core.peer import From
from oyez.net import environment
from oyez.net.identity import Identity
from oyez.protocol import messages as m
from tests.certificates import Authority
from tests.client.town import PATIENCE, town
from tests.client.toys import Visit, toy
from tests.net.stage import node


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder / "ca")


async def test_everything_a_program_does_goes_over_tls(authority: Authority) -> None:
    async with asyncio.timeout(PATIENCE), town("s1", "s2", identity=authority.issue()) as net:
        ca = authority.file
        await oyez.register("alice", "a secret", net.address, ca=ca)
        async with (
            oyez.connect(net.address, user="alice", secret="a secret", ca=ca) as alice,
            oyez.connect(net.address, tls=authority.client()) as other,
        ):
            assert {alice.server, other.server} == {"s1", "s2"}
            large = "x" * 60_000
            posted = await alice.post(large)
            heard = await anext(other)
            assert (heard.id, heard.user, heard.object["content"]) == (posted, "alice", large)
            assert (await alice.who()).total >= 0
            assert len((await other.status()).servers) == 2
        assert (await oyez.status(net.address, ca=ca)).users == 1
        assert (await oyez.who(net.address, user="alice", secret="a secret", ca=ca)).total >= 0


async def test_a_session_survives_its_link(authority: Authority) -> None:
    async with asyncio.timeout(PATIENCE), town("s1", "s2", identity=authority.issue()) as net:
        ca = authority.file
        async with oyez.connect(net.address, ca=ca) as one, oyez.connect(net.address, ca=ca) as two:
            posted = []
            for number in range(30):
                posted.append(await one.post(f"number {number}"))
                if number % 10 == 5:
                    net.reset_sessions("s1")
                    net.reset_sessions("s2")
            assert [(await anext(two)).id for _ in posted] == posted


@pytest.mark.parametrize("how", ["believes nobody", "believes another", "means another host"])
async def test_a_node_that_is_not_believed_is_told_of(authority: Authority, tmp_path: Path, how: str) -> None:
    identity = authority.issue("elsewhere", ["127.0.0.1"])
    async with asyncio.timeout(PATIENCE), town(identity=identity) as net:
        address, ca, said = net.address, authority.file, "an authority that is not known here"
        if how == "believes another":
            ca = Authority(tmp_path / "other").file
        if how == "means another host":
            address, said = address.replace("127.0.0.1", "localhost"), "Hostname mismatch"
        tls = how == "believes nobody" or None
        with pytest.raises(oyez.Unreachable, match=said):
            await oyez.connect(address, tls=tls, ca=None if tls else ca).open()
        with pytest.raises(oyez.Unreachable, match=said):
            await oyez.status(address, tls=tls, ca=None if tls else ca)


async def test_what_is_no_name_is_told_of() -> None:
    """A central may send a program anywhere, and a resolver takes what is before the zero byte."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        nowhere = m.Address("127.0.0.1\0x", listening.getsockname()[1])
        with pytest.raises(oyez.Unreachable):
            await ask([nowhere], m.Status(), m.StatusReport, PATIENCE, encryption(True))


async def test_a_node_whose_certificate_has_expired_is_told_of(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Identity, "_check_time", lambda self, certificate: None)  # it has been up for long
    identity = replace(authority.issue("old", days=-1), authority=None)
    async with asyncio.timeout(PATIENCE), node(identity=identity) as stage:
        address = str(stage.node.address)
        with pytest.raises(oyez.Unreachable, match="has expired"):
            await oyez.connect(address, ca=authority.file).open()
        with pytest.raises(oyez.Unreachable, match="has expired: whoever runs it has to put another one there"):
            await oyez.status(address, ca=authority.file)


async def test_a_network_that_does_not_speak_tls_is_told_of(authority: Authority) -> None:
    async with asyncio.timeout(PATIENCE), town() as net:
        with pytest.raises(oyez.Unreachable, match="does not speak TLS"):
            await oyez.connect(net.address, ca=authority.file).open()
        with pytest.raises(oyez.Unreachable, match="does not speak TLS"):
            await oyez.status(net.address, ca=authority.file)


# -- without --------------------------------------------------------------------------------------------------------


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever is dialed is on another machine."""

    class Elsewhere:
        @staticmethod
        def at(address: str) -> From:
            return From("192.0.2.7", loopback=False, verified=True)

    monkeypatch.setattr(central, "From", Elsewhere)
    monkeypatch.setattr(environment, "_is_loopback", lambda sock: False)
    yield


async def overhear(visit: Visit) -> None:
    """Whatever is said here was said in the open."""
    if message := await visit.hear():
        heard.append(message)


heard: list[object] = []


async def test_no_secret_crosses_the_network_in_the_open(elsewhere: None) -> None:
    heard.clear()
    async with asyncio.timeout(PATIENCE), toy(overhear) as toys:
        for work in (
            oyez.register("alice", "a secret", toys.address),
            oyez.who(toys.address, user="alice", secret="a secret"),
            oyez.connect(toys.address, user="alice", secret="a secret").open(),
        ):
            with pytest.raises(oyez.Unreachable, match="in the open"):
                await work
        assert heard == []


async def test_unless_the_program_says_so_or_there_is_none(elsewhere: None) -> None:
    heard.clear()
    async with asyncio.timeout(PATIENCE), toy(overhear) as toys:
        for work in (
            oyez.register("alice", "a secret", toys.address, tls=False),
            oyez.status(toys.address),
            oyez.connect(toys.address, user="alice", secret="a secret", tls=False).open(),
            oyez.connect(toys.address).open(),
        ):
            count = len(heard)
            with pytest.raises(oyez.Unreachable):
                await work
            assert len(heard) > count


# -- what may be asked for ------------------------------------------------------------------------------------------


def test_what_a_program_may_say(authority: Authority) -> None:
    context = ssl.create_default_context()
    assert encryption() == WITHIN == Encryption(None, in_the_open=False)
    assert encryption(False) == Encryption(None, in_the_open=True)
    assert encryption(context) == Encryption(context)
    for chosen in (encryption(True), encryption(True, authority.file), encryption(None, str(authority.file))):
        assert chosen.context is not None
        assert chosen.context.check_hostname
        assert chosen.context.minimum_version == ssl.TLSVersion.TLSv1_2
        assert not chosen.in_the_open


def test_what_it_may_not_say(authority: Authority, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    with pytest.raises(ValueError, match=f"cannot read {tmp_path / 'nowhere'}: No such file"):
        encryption(True, tmp_path / "nowhere")
    with pytest.raises(ValueError, match=f"cannot use {nonsense}"):
        encryption(None, nonsense)
    for tls in (False, ssl.create_default_context()):
        with pytest.raises(ValueError, match="a file of authorities is for tls=True"):
            oyez.connect(tls=tls, ca=authority.file)
