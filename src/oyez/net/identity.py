"""What a node shows to prove who it is, and whom it believes: certificates from files, as contexts for TLS (ADR 10).

Guarantees: TLS 1.2 or later, the host name checked by whoever dials; files that can't be used are one sentence for the
operator, and leave what was loaded before as it is. Must not know: links, roles.
"""

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cryptography import x509


GROUP = "prime256v1"
"""The one group in which keys are agreed on: P-256, by OpenSSL's name."""

_HTTP = b"\x08http/1.1"
"""As it stands in the first message of whoever speaks it, in the list of what it could speak (ALPN, RFC 7301)."""

_NOT_THESE = "they are no certificate and key in PEM, or the key is encrypted, and nobody is there to give a password"


class IdentityError(Exception):
    """These files can't be used; the message says which, and why."""


class Ending(NamedTuple):
    """What is in this file is good until then."""

    file: Path
    at: datetime


class Contexts(NamedTuple):
    """How links begin. None: without TLS. `ends`: of the certificate that is shown, and of who is believed. `http`: how
    those begin who are no nodes for sure, where nodes are asked for a certificate."""

    accepting: ssl.SSLContext | None = None
    dialing: ssl.SSLContext | None = None
    ends: tuple[Ending, ...] = ()
    http: ssl.SSLContext | None = None

    def accept(self, hello: bytes) -> ssl.SSLContext:
        """How to go on with somebody who begins with this. Who offers HTTP is no node, and is not asked for a
        certificate: a browser opens no WebSocket where it is. Raises ValueError without TLS."""
        if self.accepting is None:
            raise ValueError("TLS is not accepted here")
        return self.http if self.http is not None and _HTTP in hello else self.accepting

    @property
    def expires(self) -> str:
        """The end of the certificate that is shown."""
        return shown(self.ends[0].at)


PLAIN = Contexts()
"""No TLS at all."""


@dataclass(frozen=True)
class Identity:
    """The files of one node, in PEM. `certificate` may have the intermediate ones behind it.

    With an `authority` the node asks those who come, unless they offer HTTP, for a certificate of its own (clients need
    not have one), dials with TLS alone, and shows its own certificate there, too. Without it, TLS is for clients only.
    `hostname`: where others find the node; None: the certificate may be for any.
    """

    certificate: Path
    key: Path
    authority: Path | None = None
    hostname: str | None = None

    def load(self) -> Contexts:
        """From the files as they are now. Raises IdentityError."""
        chain = _parsed(self.certificate)
        self._check_time(chain[0])
        self._check_name(chain[0])
        accepting = self._context(ssl.PROTOCOL_TLS_SERVER)
        ends = (Ending(self.certificate, min(one.not_valid_after_utc for one in chain)),)
        if self.authority is None:
            return Contexts(accepting, ends=ends)
        http = self._context(ssl.PROTOCOL_TLS_SERVER)
        accepting.verify_mode = ssl.CERT_OPTIONAL
        dialing = self._context(ssl.PROTOCOL_TLS_CLIENT)
        for context in (accepting, dialing):
            _believe(context, self.authority)
        believed = max(one.not_valid_after_utc for one in _parsed(self.authority))
        return Contexts(accepting, dialing, (*ends, Ending(self.authority, believed)), http)

    def _context(self, protocol: int) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        harden(context)
        try:
            context.load_cert_chain(self.certificate, self.key, password="")  # else OpenSSL asks on the terminal
        except ssl.SSLError as error:
            what = "they do not belong together" if error.reason == "KEY_VALUES_MISMATCH" else _NOT_THESE
            raise IdentityError(f"cannot use {self.certificate} and {self.key}: {what}") from error
        except OSError as error:
            missing = next((file for file in (self.certificate, self.key) if not file.exists()), None)
            where = missing or f"{self.certificate} and {self.key}"
            raise IdentityError(f"cannot read {where}: {error.strerror}") from error
        return context

    def _check_name(self, certificate: "x509.Certificate") -> None:
        names = _names(certificate)
        if self.hostname is not None and not any(_covers(name, self.hostname) for name in names):
            raise IdentityError(
                f"the certificate in {self.certificate} is for {', '.join(names) or 'no host'}, and others reach this"
                f" node as {self.hostname} (--advertise): have one issued with --host {self.hostname}"
            )

    def _check_time(self, certificate: "x509.Certificate") -> None:
        now = datetime.now(UTC)
        if now > certificate.not_valid_after_utc:
            day = certificate.not_valid_after_utc.date()
            raise IdentityError(f"the certificate in {self.certificate} expired on {day}: have another one issued")
        if now < certificate.not_valid_before_utc:
            begins = certificate.not_valid_before_utc.isoformat(" ", "minutes")
            raise IdentityError(f"the certificate in {self.certificate} is not valid before {begins}")


def harden(context: ssl.SSLContext) -> None:
    """What each of our links demands of TLS.

    Of OpenSSL's own choice of groups, some make a handshake 200 times as dear for whoever accepts (ffdhe8192 takes
    0.1 s), and whoever dials chooses. P-256 is the one that everybody who speaks TLS 1.3 has to know (RFC 8446, 9.1).
    """
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_ecdh_curve(GROUP)
    context.hostname_checks_common_name = False  # a host is one of those that the certificate lists


def shown(at: datetime) -> str:
    """A time as the log has it, in UTC."""
    return f"{at:%Y-%m-%d %H:%M}"


def _parsed(file: Path) -> list["x509.Certificate"]:
    """All that are in it, one at least."""
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except OSError as error:
        raise IdentityError(f"cannot read {file}: {error.strerror}") from error
    except ValueError as error:
        raise IdentityError(f"cannot use {file}: there is no certificate in it") from error


def _names(certificate: "x509.Certificate") -> list[str]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    return [*names.get_values_for_type(x509.DNSName), *addresses]


def _believe(context: ssl.SSLContext, authority: Path) -> None:
    try:
        context.load_verify_locations(authority)
    except ssl.SSLError as error:
        raise IdentityError(f"cannot use {authority}: there is no certificate in it") from error
    except OSError as error:
        raise IdentityError(f"cannot read {authority}: {error.strerror}") from error


def _covers(name: str, hostname: str) -> bool:
    """As those who dial see it: an address, a name, or `*` for its first part."""
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(hostname)
    except ValueError:
        pass
    wanted = hostname.lower().removesuffix(".")
    first, _, rest = wanted.partition(".")
    return name.lower() == wanted or (bool(first) and name.lower() == f"*.{rest}")
