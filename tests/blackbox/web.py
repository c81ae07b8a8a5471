"""The wire as a plain HTTP program sees it: pages, and events as `curl` or EventSource read them.

Written with the standard library alone, and a deadline on every wait.
"""

import http.client
import json
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from tests.blackbox.wire import DEADLINE, Address

FEED = "/activities"
REDIRECTS = 3


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: str


def ask(address: Address, path: str, tls: ssl.SSLContext | None = None) -> Answer:
    """GET, without following anywhere."""
    connection = _connection(address, tls)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return Answer(response.status, dict(response.headers), response.read().decode())
    finally:
        connection.close()


class Event(NamedTuple):
    """One of the stream. `data` is empty where there was none."""

    id: str
    kind: str
    data: str


class Feed:
    """Reads the events of a network: asks at `address`, goes where it is sent. Use as a context manager.

    `last` is the id of the event after which to go on. Raises OSError where nobody answers, Refused where
    somebody says no.
    """

    def __init__(
        self,
        address: Address,
        last: str | None = None,
        headers: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        asked = dict(headers or {}) | ({} if last is None else {"Last-Event-ID": last})
        path, redirects = FEED, 0
        while (response := self._ask(address, path, asked, tls)).status == 307:
            self._connection.close()
            redirects += 1
            assert redirects <= REDIRECTS
            there = urlsplit(response.headers["Location"])
            assert there.scheme == ("http" if tls is None else "https")
            assert there.hostname is not None
            assert there.port is not None
            address, path = Address(there.hostname, there.port), there.path
        self.address = address
        self.last = last
        self._response = response
        if response.status != 200:
            body = response.read().decode()
            self._connection.close()
            raise Refused(Answer(response.status, dict(response.headers), body))
        assert response.headers["Content-Type"].startswith("text/event-stream")

    def _ask(
        self, address: Address, path: str, headers: dict[str, str], tls: ssl.SSLContext | None
    ) -> http.client.HTTPResponse:
        self._connection = _connection(address, tls)
        try:
            self._connection.request("GET", path, headers=headers)
            return self._connection.getresponse()
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Go away."""
        self._response.close()
        self._connection.close()

    def next(self) -> Event | None:
        """The next event; None where the stream has ended, in the middle of one too: that one does not count."""
        fields: dict[str, str] = {}
        while True:
            try:
                line = self._response.readline()
            except ConnectionResetError:
                return None
            if not line.endswith(b"\n"):
                return None
            text = line.decode().rstrip("\r\n")
            if text:
                name, _, value = text.partition(": ")
                fields[name] = value
            elif fields:
                self.last = fields.get("id", self.last)
                return Event(fields.get("id", ""), fields.get("event", "message"), fields.get("data", ""))

    def activity(self) -> dict[str, Any] | None:
        """The next activity; None where the stream has ended. Anything else that comes but the opening is a failure."""
        while (event := self.next()) is not None:
            if event.data:
                assert event.kind == "message", event
                found: dict[str, Any] = json.loads(event.data)["activity"]
                return found
        return None


class Refused(Exception):
    """There is no stream; `answer` says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"{answer.status}: {answer.body}")
        self.answer = answer


def _connection(address: Address, tls: ssl.SSLContext | None) -> http.client.HTTPConnection:
    if tls is None:
        return http.client.HTTPConnection(address.hostname, address.port, timeout=DEADLINE)
    return http.client.HTTPSConnection(address.hostname, address.port, timeout=DEADLINE, context=tls)
