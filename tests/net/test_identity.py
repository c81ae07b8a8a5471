"""Certificates from files: what can be used, and a sentence for what can't."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from oyez.net.identity import Identity, IdentityError
from tests.certificates import Authority


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder / "ca")


def refused(identity: Identity) -> str:
    with pytest.raises(IdentityError) as caught:
        identity.load()
    return str(caught.value)


def test_without_an_authority_nobody_is_asked_and_nobody_dialed(authority: Authority) -> None:
    whole = authority.issue()
    contexts = Identity(whole.certificate, whole.key).load()
    assert contexts.dialing is None
    assert contexts.accepting is not None
    assert contexts.accepting.verify_mode.name == "CERT_NONE"


def test_files_that_are_missing_are_named(authority: Authority) -> None:
    good, nowhere = authority.issue(), authority.folder / "nowhere.pem"
    assert refused(Identity(nowhere, good.key)) == f"cannot read {nowhere}: No such file or directory"
    assert refused(Identity(good.certificate, nowhere)) == f"cannot read {nowhere}: No such file or directory"
    said = refused(Identity(good.certificate, good.key, nowhere))
    assert said == f"cannot read {nowhere}: No such file or directory"


def test_files_that_are_something_else_are_named(authority: Authority, tmp_path: Path) -> None:
    good, nonsense = authority.issue(), tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense\n")
    assert refused(Identity(nonsense, good.key)).startswith(f"cannot use {nonsense}: ")
    assert refused(Identity(good.certificate, nonsense)).startswith(f"cannot use {good.certificate} and {nonsense}: ")
    assert refused(Identity(good.certificate, good.key, nonsense)).startswith(f"cannot use {nonsense}: ")


def test_an_encrypted_key_is_refused_and_nobody_asked(authority: Authority) -> None:
    good = authority.issue()
    key = serialization.load_pem_private_key(good.key.read_bytes(), None)
    encrypted = serialization.BestAvailableEncryption(b"hush")
    good.key.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encrypted))
    assert "the key is encrypted" in refused(good)


def test_a_key_of_another_certificate_is_refused(authority: Authority) -> None:
    one, other = authority.issue("one"), authority.issue("other")
    assert refused(Identity(one.certificate, other.key)).endswith("they do not belong together")


def test_a_certificate_whose_time_is_over_is_refused(authority: Authority) -> None:
    assert "expired on" in refused(authority.issue("old", days=-1))


@pytest.mark.parametrize("hostname", ["a.example.org", "A.example.org.", "x.b.example.org", "192.0.2.7", "2001:db8::1"])
def test_names_that_it_covers(authority: Authority, hostname: str) -> None:
    hosts = ["a.example.org", "*.b.example.org", "192.0.2.7", "2001:db8:0::1"]
    replace(authority.issue("named", hosts), hostname=hostname).load()


@pytest.mark.parametrize("hostname", ["example.org", "b.example.org", "x.y.b.example.org", "192.0.2.8", "a"])
def test_names_that_it_does_not_cover(authority: Authority, hostname: str) -> None:
    with pytest.raises(IdentityError, match=f"others reach this node as {hostname}"):
        replace(authority.issue("named", ["a.example.org", "*.b.example.org", "192.0.2.7"]), hostname=hostname).load()
