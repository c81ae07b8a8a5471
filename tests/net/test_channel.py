"""TLS from bytes to bytes: two ends, and what passes between them."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from oyez.client.encryption import encryption
from oyez.net.channel import RECORD, SILENT, Channel, why
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


@pytest.mark.parametrize("group", ["ffdhe2048", "X448", "secp521r1"])
def test_keys_are_agreed_on_in_no_group_that_is_dear(authority: Authority, group: str) -> None:
    accepting, dialing = authority.issue().load().accepting, authority.client()
    assert accepting is not None
    dialing.set_ecdh_curve(group)
    with pytest.raises(ssl.SSLError) as caught:
        met(accepting, dialing)
    assert why(caught.value) == "the other end does not agree on keys with P-256"


def test_who_offers_others_first_gets_in_and_ours_at_once(authority: Authority) -> None:
    """A client that begins with another group is asked for P-256 by one flight more; those of this project begin so."""
    contexts = authority.issue().load()
    assert contexts.accepting is not None
    assert contexts.dialing is not None
    library = encryption(True, authority.file).context
    assert library is not None
    for dialing, at_once in ((contexts.dialing, True), (library, True), (authority.client(), False)):
        here, there = Channel(contexts.accepting), Channel(dialing, "127.0.0.1")
        there.handshake(b"")
        assert not here.handshake(there.output())
        assert there.handshake(here.output()) == at_once
        met(contexts.accepting, dialing)


def test_a_host_is_one_that_the_certificate_lists_not_its_common_name(authority: Authority) -> None:
    contexts = authority.issue("localhost", ["127.0.0.1"]).load()
    library = encryption(True, authority.file).context
    assert contexts.accepting is not None
    for dialing in (contexts.dialing, library):
        assert dialing is not None
        with pytest.raises(ssl.SSLCertVerificationError):
            met(contexts.accepting, dialing, "localhost")


def test_records_that_say_nothing_end_a_link(authority: Authority) -> None:
    """Requests for new keys, say. Python can't make such; tickets for OpenSSL's own resumption say as little."""
    accepting = authority.issue().load().accepting
    assert accepting is not None
    for tickets, too_many in ((SILENT, False), (SILENT + 10, True)):
        accepting.num_tickets = tickets
        here, there = Channel(accepting), Channel(authority.client(), "127.0.0.1")
        there.handshake(b"")
        here.handshake(there.output())
        there.handshake(here.output())
        here.handshake(there.output())
        there.handshake(here.output())
        here.handshake(there.output())
        heard: list[bytes] = []
        said = here.output() + here.encrypt(b"hear ye")
        if too_many:
            with pytest.raises(ssl.SSLError) as caught:
                there.decrypt(said, heard)
            assert why(caught.value) == "the other end keeps this one busy with records that say nothing"
        else:
            there.decrypt(said, heard)
            assert heard == [b"hear ye"]


def test_records_that_say_little_do_not(authority: Authority) -> None:
    accepting = authority.issue().load().accepting
    assert accepting is not None
    here, there = met(accepting, authority.client())
    heard: list[bytes] = []
    here.decrypt(b"".join(there.encrypt(b"x") for _ in range(100 * SILENT)), heard)
    here.decrypt(there.encrypt(b"y" * 10 * RECORD), heard)
    assert b"".join(heard) == b"x" * 100 * SILENT + b"y" * 10 * RECORD
