"""How a command's links are secured, from its options (ADR 10).

Must not know: what TLS is made of; `net.identity` and `client.encryption` do.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from oyez.cli.failing import fail

if TYPE_CHECKING:
    from oyez.client.encryption import Encryption, Tls
    from oyez.net.identity import Identity


def encryption(tls: bool | None, ca: Path | None) -> "Encryption":
    """What --tls and --tls-ca say to a command that is a client. Ends the command where that can't be."""
    from oyez.client.encryption import encryption as chosen

    if tls is False and ca is not None:
        raise typer.BadParameter("--no-tls asks nobody for a certificate", param_hint="'--tls-ca'")
    try:
        return chosen(tls, ca)
    except ValueError as error:
        raise fail(error) from error


def as_tls(secured: "Encryption") -> "Tls":
    """The same, as the library's functions take it."""
    return secured.context or (False if secured.in_the_open else None)


def identity(cert: Path | None, key: Path | None, ca: Path | None, hostname: str) -> "Identity | None":
    """The files of a node that others reach at `hostname`. Ends the command where they can't be used."""
    if cert is None and key is None and ca is None:
        return None
    if cert is None or key is None:
        missing = "--tls-cert" if cert is None else "--tls-key"
        raise typer.BadParameter(f"{missing} is missing: a node needs both its certificate and the key of it")

    from oyez.net.identity import Identity, IdentityError

    files = Identity(cert, key, ca, hostname)
    try:
        files.load()
    except IdentityError as error:
        raise fail(error) from error
    return files
