"""`oyez certs`: a private authority, and certificates of the nodes of one network.

Guarantees: a key is never readable for others, not for a moment, and never overwritten by `init`; `issue` puts whole
files in place of old ones, so that a node that reads them meanwhile has the old pair or is refused the new one. Must
not know: what becomes of the files.
"""

import ipaddress
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli.configured import below
from oyez.cli.failing import fail

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

AUTHORITY_DAYS = 3650
"""Days for which an authority is good."""

DAYS = 365
"""Days for which a certificate is, unless somebody says otherwise."""

SKEW = timedelta(hours=1)
"""How far the clocks of two machines may be apart for a new certificate to be good at once."""

certs = typer.Typer(
    help="""Make the certificates with which the nodes of a network encrypt their links, and prove who they are.

    \b
    Example:
      oyez certs init ~/oyez-ca
      oyez certs issue ~/oyez-ca a --host a.example.org
    """,
    no_args_is_help=True,
    rich_markup_mode=None,
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="The authority's folder.")]


@certs.command(cls=below("certs"))
def init(folder: Folder) -> None:
    """Make a private authority: ca.pem, which everybody may have, and ca.key, which makes a node of whoever has it.

    Keep the folder off the nodes. Each of them needs ca.pem, and a certificate of its own: see `oyez certs issue`.

    \b
    Example:
      oyez certs init ~/oyez-ca
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

    if (folder / "ca.key").exists() or (folder / "ca.pem").exists():
        raise fail(f"there is an authority in {folder} already: a new one would be believed by none of its nodes")
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = _named("Oyez authority"), datetime.now(UTC)
    builder = (
        _begun(name, key, now - SKEW, now + timedelta(days=AUTHORITY_DAYS))
        .issuer_name(name)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
    )
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise fail(f"cannot make {folder}: {error.strerror}") from error
    _write(folder / "ca.key", _pem_of_key(key), 0o600)
    _write(folder / "ca.pem", _pem(_signed(builder, key)), 0o644)
    typer.echo(f"{folder / 'ca.pem'}   give it to every node and client\n{folder / 'ca.key'}   keep it here")


@certs.command(cls=below("certs"))
def issue(
    folder: Folder,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The node's name, and that of its files.")],
    host: Annotated[
        list[str],
        typer.Option(
            "--host",
            metavar="HOST",
            help="A name or an address at which others reach the node: its --advertise, or else its --host. May be"
            " repeated.",
        ),
    ],
    days: Annotated[int, typer.Option(metavar="N", min=1, max=AUTHORITY_DAYS, help="How long it is good for.")] = DAYS,
) -> None:
    """Make a node's certificate, NAME.pem, and its key, NAME.key.

    Say it again before the time is over, put both files in the place of the old ones on the node, and send it SIGHUP:
    new links get the new certificate, those that there are stay.

    \b
    Example:
      oyez certs issue ~/oyez-ca a --host a.example.org
    """
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name) or name == "ca":
        raise typer.BadParameter(f"{name!r} is no name for a file: 1 to 64 letters, digits, ., - and _; and not ca")
    now = datetime.now(UTC)
    make(folder, name, host, now - SKEW, now + timedelta(days=days))
    until = (now + timedelta(days=days)).date()
    typer.echo(f"{folder / name}.pem and {folder / name}.key   for {', '.join(host)}, until {until}")


def make(folder: Path, name: str, hosts: list[str], begins: datetime, ends: datetime) -> None:
    """A certificate of the authority in `folder`, and its key, for a node that others reach at these hosts."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID

    names = [_host(text) for text in hosts]
    authority, authority_key = _authority(folder)
    key = ec.generate_private_key(ec.SECP256R1())
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(
        authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    )
    builder = (
        _begun(_named(name), key, begins, ends)
        .issuer_name(authority.subject)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(
            x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False
        )
        .add_extension(issuer_id, critical=False)
    )
    _write(folder / f"{name}.key", _pem_of_key(key), 0o600)
    _write(folder / f"{name}.pem", _pem(_signed(builder, authority_key)), 0o644)


def _begun(
    subject: "x509.Name", key: "EllipticCurvePrivateKey", begins: datetime, ends: datetime
) -> "x509.CertificateBuilder":
    from cryptography import x509

    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _signed(builder: "x509.CertificateBuilder", key: "EllipticCurvePrivateKey") -> "x509.Certificate":
    from cryptography.hazmat.primitives import hashes

    return builder.sign(key, hashes.SHA256())


def _named(name: str) -> "x509.Name":
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _usage(*, signs_certificates: bool) -> "x509.KeyUsage":
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _host(text: str) -> "x509.GeneralName":
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        pass
    try:
        return x509.DNSName(text.encode("idna").decode() if not text.isascii() else text)
    except (ValueError, UnicodeError) as error:
        raise typer.BadParameter(f"{text!r} is neither a name nor an address", param_hint="'--host'") from error


def _authority(folder: Path) -> "tuple[x509.Certificate, EllipticCurvePrivateKey]":
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        certificate = x509.load_pem_x509_certificate((folder / "ca.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
    except FileNotFoundError as error:
        raise fail(f"there is no authority in {folder}: make one with oyez certs init {folder}") from error
    except OSError as error:
        raise fail(f"cannot read the authority in {folder}: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise fail(f"ca.pem or ca.key in {folder} is damaged") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise fail(f"ca.pem and ca.key in {folder} do not belong together")
    return certificate, key


def _pem(certificate: "x509.Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _pem_of_key(key: "EllipticCurvePrivateKey") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(file: Path, content: bytes, mode: int) -> None:
    """All of it, or the old file stays."""
    fresh = file.with_name(f".{file.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)
    except OSError as error:
        raise fail(f"cannot write {file}: {error.strerror}") from error
