"""One link over TLS: all that holds of a plain one holds of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.certificates import Authority
from tests.net import stage, test_transport
from tests.net.test_transport import *  # noqa: F403 - each of them, over TLS
from tests.net.tls_stage import TlsPeer, tls_peer


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    folder: Path = tmp_path_factory.mktemp("authority")
    return Authority(folder / "ca")


@pytest.fixture(autouse=True)
def over_tls(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    identity, client = authority.issue(), authority.client()

    def node(*arguments: Any, **options: Any) -> Any:
        return stage.node(*arguments, **({"identity": identity} | options))

    async def peer(self: stage.Stage, receive_buffer: int | None = None) -> TlsPeer:
        return await tls_peer(self, client, receive_buffer)

    monkeypatch.setattr(test_transport, "node", node)
    monkeypatch.setattr(stage.Stage, "peer", peer)
