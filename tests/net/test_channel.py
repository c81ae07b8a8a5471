"""TLS from bytes to bytes: two ends, and what passes between them."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from oyez.net.channel import RECORD, Channel, why
from tests.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder / "ca")


def met(accepting: ssl.SSLContext, dialing: ssl.SSLContext, hostname: str = "127.0.0.1") -> tuple[Channel, Channel]:
    """Who has accepted and who has dialed, hands shaken. Raises ssl.SSLError of whoever is the first to object."""
    here, there = Channel(accepting), Channel(dialing, hostname)
    done = {here: False, there: False}
    while not all(done.values()):
        for one, other in ((there, here), (here, there)):
            done[one] = one.handshake(other.output())
    there.decrypt(here.output(), [])  # the tickets of OpenSSL's own resumption
    return here, there


def read(end: Channel, data: bytes) -> bytes:
    pieces: list[bytes] = []
    end.decrypt(data, pieces)
    return b"".join(pieces)


def test_what_is_said_is_heard_and_not_seen(authority: Authority) -> None:
    contexts = authority.issue().load()
    assert contexts.dialing is not None
    assert contexts.accepting is not None
    for end, other in [met(contexts.accepting, contexts.dialing), reversed(met(contexts.accepting, contexts.dialing))]:
        for size in (1, RECORD - 1, RECORD, RECORD + 1, 10 * RECORD + 7):
            data = (b"hear ye " * size)[:size]
            sealed = end.encrypt(data)
            assert b"hear ye" not in sealed
            assert read(other, sealed) == data


def test_it_may_come_in_any_pieces(authority: Authority) -> None:
    contexts = authority.issue().load()
    assert contexts.accepting is not None
    here, there = met(contexts.accepting, authority.client())
    sealed = there.encrypt(b"one") + there.encrypt(b"two") + there.encrypt(b"x" * 40_000)
    heard: list[bytes] = []
    for start in range(0, len(sealed), 7):
        here.decrypt(sealed[start : start + 7], heard)
    assert b"".join(heard) == b"onetwo" + b"x" * 40_000


def test_whoever_shows_a_certificate_is_certified(authority: Authority) -> None:
    contexts = authority.issue().load()
    assert contexts.accepting is not None
    assert contexts.dialing is not None
    assert met(contexts.accepting, contexts.dialing)[0].certified
    assert not met(contexts.accepting, authority.client())[0].certified


def test_a_goodbye_ends_it(authority: Authority) -> None:
    contexts = authority.issue().load()
    assert contexts.accepting is not None
    here, there = met(contexts.accepting, authority.client())
    last = here.encrypt(b"last words") + here.goodbye()
    assert read(there, last) == b"last words"
    assert there.ended
    assert not here.ended


def test_what_was_altered_is_not_heard_and_what_came_before_is(authority: Authority) -> None:
    contexts = authority.issue().load()
    assert contexts.accepting is not None
    here, there = met(contexts.accepting, authority.client())
    good, bad = there.encrypt(b"good"), bytearray(there.encrypt(b"bad"))
    bad[-1] ^= 1
    heard: list[bytes] = []
    with pytest.raises(ssl.SSLError) as caught:
        here.decrypt(good + bytes(bad), heard)
    assert heard == [b"good"]
    assert why(caught.value).startswith("TLS failed: ")
    assert here.output(), "the other end is told"


@pytest.mark.parametrize(
    ("hosts", "days", "said"),
    [
        (["other.example.org"], 30, "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        (None, -1, "it has expired"),
    ],
)
def test_a_certificate_that_is_not_good_is_not_believed(
    authority: Authority, hosts: list[str] | None, days: float, said: str
) -> None:
    identity = authority.issue("bad", hosts, days)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.certificate, identity.key)
    with pytest.raises(ssl.SSLError) as caught:
        met(context, authority.client())
    assert said in why(caught.value)


def test_an_authority_that_nobody_knows_is_not_believed(authority: Authority, tmp_path: Path) -> None:
    accepting = authority.issue().load().accepting
    assert accepting is not None
    with pytest.raises(ssl.SSLError) as caught:
        met(accepting, Authority(tmp_path / "other").client())
    assert why(caught.value).endswith("an authority that is not known here has issued it")


def test_a_node_of_another_network_is_told_apart_at_the_handshake(authority: Authority, tmp_path: Path) -> None:
    accepting = authority.issue().load().accepting
    assert accepting is not None
    stranger = Authority(tmp_path / "other").issue()
    dialing = authority.client()
    dialing.load_cert_chain(stranger.certificate, stranger.key)
    with pytest.raises(ssl.SSLError) as caught:
        met(accepting, dialing)
    assert why(caught.value).endswith("an authority that is not known here has issued it")


def test_old_versions_are_not_spoken(authority: Authority) -> None:
    accepting = authority.issue().load().accepting
    assert accepting is not None
    assert accepting.minimum_version == ssl.TLSVersion.TLSv1_2
    old = authority.client()
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning):
        old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(ssl.SSLError) as caught:
        met(accepting, old)
    assert why(caught.value) == "the other end speaks only versions of TLS that are too old"


def test_what_is_no_tls_is_told(authority: Authority) -> None:
    accepting = authority.issue().load().accepting
    assert accepting is not None
    with pytest.raises(ssl.SSLError) as caught:
        Channel(authority.client(), "127.0.0.1").handshake(b'{"command":"STATUS_REPORT"}\n')
    assert why(caught.value) == "the other end does not speak TLS"
