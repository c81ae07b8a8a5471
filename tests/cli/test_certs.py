"""`oyez certs`: what it makes, for whom it is readable, and what it refuses to do."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from typer.testing import CliRunner, Result

from oyez.cli import app


def certs(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["certs", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "made" / "ca"
    assert certs("init", folder).exit_code == 0
    return folder


def loaded(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


def test_an_authority_and_its_key(folder: Path) -> None:
    authority = loaded(folder / "ca.pem")
    assert authority.extensions.get_extension_for_class(x509.BasicConstraints).value == x509.BasicConstraints(True, 0)
    assert authority.not_valid_after_utc - datetime.now(UTC) > timedelta(days=3649)
    assert (mode(folder), mode(folder / "ca.key"), mode(folder / "ca.pem")) == (0o700, 0o600, 0o644)


def test_there_is_never_another_in_its_place(folder: Path) -> None:
    before = (folder / "ca.key").read_bytes()
    again = certs("init", folder)
    assert again.exit_code == 1
    assert "there is an authority in" in again.stderr
    assert (folder / "ca.key").read_bytes() == before


def test_a_certificate_of_it(folder: Path) -> None:
    made = certs("issue", folder, "a", "--host", "a.example.org", "--host", "192.0.2.7", "--days", "10")
    assert made.exit_code == 0
    assert "for a.example.org, 192.0.2.7, until" in made.stdout
    certificate = loaded(folder / "a.pem")
    certificate.verify_directly_issued_by(loaded(folder / "ca.pem"))
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["a.example.org"]
    assert [str(address) for address in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]
    use = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert set(use) == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
    begun = certificate.not_valid_before_utc
    assert begun < datetime.now(UTC)
    assert timedelta(days=10) <= certificate.not_valid_after_utc - begun < timedelta(days=11)
    assert (mode(folder / "a.key"), mode(folder / "a.pem")) == (0o600, 0o644)
    assert sorted(file.name for file in folder.iterdir()) == ["a.key", "a.pem", "ca.key", "ca.pem"]


def test_python_finds_nothing_wrong_with_it(folder: Path) -> None:
    certs("issue", folder, "a", "--host", "localhost")
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cafile=folder / "ca.pem")
    server.load_cert_chain(folder / "a.pem", folder / "a.key")
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    there, here = ssl.MemoryBIO(), ssl.MemoryBIO()
    dialing = client.wrap_bio(here, there, server_hostname="localhost")
    accepting = server.wrap_bio(there, here, server_side=True)
    for end in (dialing, accepting):
        with pytest.raises(ssl.SSLWantReadError):
            end.do_handshake()
    dialing.do_handshake()


def test_another_one_takes_the_place_of_the_old(folder: Path) -> None:
    certs("issue", folder, "a", "--host", "a.example.org")
    before = loaded(folder / "a.pem")
    certs("issue", folder, "a", "--host", "a.example.org")
    assert loaded(folder / "a.pem").serial_number != before.serial_number
    assert mode(folder / "a.key") == 0o600


@pytest.mark.parametrize("name", ["ca", "../a", ".hidden", "", "a/b", "x" * 65])
def test_a_name_has_to_be_one_of_a_file_here(folder: Path, name: str) -> None:
    refused = certs("issue", folder, name, "--host", "a.example.org")
    assert refused.exit_code == 2
    assert "is no name for a file" in refused.stderr


def test_without_a_host_nobody_could_believe_it(folder: Path) -> None:
    assert certs("issue", folder, "a").exit_code == 2


def test_without_an_authority_there_are_none(tmp_path: Path) -> None:
    refused = certs("issue", tmp_path, "a", "--host", "a.example.org")
    assert refused.exit_code == 1
    assert "make one with oyez certs init" in refused.stderr


def test_an_authority_that_is_damaged_is_told(folder: Path, tmp_path: Path) -> None:
    certs("init", tmp_path / "other")
    (folder / "ca.key").write_bytes((tmp_path / "other" / "ca.key").read_bytes())
    assert "do not belong together" in certs("issue", folder, "a", "--host", "a.example.org").stderr
    (folder / "ca.key").write_text("nonsense")
    assert "is damaged" in certs("issue", folder, "a", "--host", "a.example.org").stderr
