"""Authorities and certificates for tests, made as the command makes them."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from oyez.cli import certs
from oyez.net.identity import Identity

HERE = ["127.0.0.1", "localhost", "::1"]


class Authority:
    """An authority in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        certs.init(folder)

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    def issue(self, name: str = "node", hosts: list[str] | None = None, days: float = 90) -> Identity:
        """For a node on this machine, unless said otherwise; negative `days`: that was over so long ago."""
        now = datetime.now(UTC)
        certs.make(self.folder, name, hosts or HERE, now - timedelta(days=60), now + timedelta(days=days))
        return Identity(self.folder / f"{name}.pem", self.folder / f"{name}.key", self.file)

    def client(self) -> ssl.SSLContext:
        """How a client dials that believes this authority."""
        return ssl.create_default_context(cafile=self.file)


def options_of(identity: Identity) -> list[str]:
    """What a node is told to show it."""
    options = ["--tls-cert", str(identity.certificate), "--tls-key", str(identity.key)]
    return options if identity.authority is None else [*options, "--tls-ca", str(identity.authority)]
