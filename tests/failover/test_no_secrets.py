"""Nothing secret shows where it must not: in logs, in what commands print, in arguments, in what others are told.

A whole network at log level debug lives through registrations, logins right and wrong, other secrets, a failover; then
everything that any process has printed, logged or been started with is searched for every secret, key, hash and ticket.
"""

import base64
import os
import signal
import sqlite3
import threading
from pathlib import Path
from typing import IO

import pytest

from tests.blackbox.commands import PROCESSES, Outcome, children, oyez, running
from tests.blackbox.people import Person, somebody
from tests.blackbox.wire import Address, Message, eventually
from tests.failover.cluster import SETTLED
from tests.failover.line import Line, Lost, ask
from tests.failover.test_up import Local, central_at


class Ear:
    """Reads a stream to its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.heard = b""
        self._stream = stream
        self._thread = threading.Thread(target=self._listen)
        self._thread.start()

    def _listen(self) -> None:
        for line in self._stream:
            self.heard += line

    def join(self) -> bytes:
        self._thread.join()
        return self.heard


class Watcher:
    """What can be seen from outside."""

    def __init__(self, local: Local) -> None:
        self.local = local
        self.printed = ""
        self.started: set[str] = set()
        self.told: list[Message] = []
        self.tickets: set[str] = set()

    def runs(self, *arguments: str, **variables: str) -> Outcome:
        outcome = oyez(*arguments, "--central", ",".join(map(str, self.local.centrals)), variables=variables)
        self.printed += outcome.output + outcome.errors
        return outcome

    def looks(self, pid: int) -> None:
        """At all processes."""
        nodes = [*children(pid), pid]
        self.started |= {(PROCESSES / f"{one}" / "cmdline").read_text() for one in nodes}

    def says(self, at: Address, *questions: Message) -> list[Message]:
        """Everything that comes back, until the link is closed."""
        answers: list[Message] = []
        try:
            with Line(at, 2.0) as line:
                for question in questions:
                    line.send(question)
                while True:
                    answers.append(line.receive())
        except Lost:
            pass
        self.told += answers
        for answer in answers:
            given = [answer, *(answer.get("alternates") or [])]
            self.tickets |= {one["ticket"] for one in given if one.get("ticket")}
        return answers


def kept(data: Path) -> tuple[set[str], set[str]]:
    """Every key, in any form that it might be shown in, and every hash, whole and its last part."""
    keys: set[str] = set()
    hashes: set[str] = set()
    for store in data.rglob("central.sqlite"):
        with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as database:
            [key] = database.execute("SELECT value FROM meta WHERE name = 'key'").fetchone()
            rows = database.execute("SELECT hash FROM users").fetchall()
        database.close()
        keys |= {base64.b64encode(key).decode(), base64.urlsafe_b64encode(key).decode(), key.hex(), repr(key)[2:-1]}
        hashes |= {form for (hash,) in rows for form in (hash, hash.rpartition("$")[2])}
    return keys, hashes


@pytest.mark.skipif(not PROCESSES.exists(), reason="looks at the arguments of processes by /proc")
def test_nothing_secret_shows(tmp_path: Path) -> None:
    local = Local(tmp_path)
    seen = Watcher(local)
    person, other, wrong = somebody(), somebody(), somebody()
    new = Person(person.username, somebody().secret)
    with running(*local.arguments, "--log-level", "debug", folder=tmp_path) as up:
        assert up.stdout is not None
        assert up.stderr is not None
        ears = [Ear(up.stdout), Ear(up.stderr)]
        eventually(local.is_whole, "both centrals and both servers are there", seconds=SETTLED)
        cluster = (tmp_path / "data" / "secret").read_text().strip()
        main = local.main_address()
        # Registered, by command and by hand; logged in, right and wrong, everywhere.
        assert seen.runs("register", person.username, OYEZ_USER_SECRET=str(person.secret)).code == 0
        seen.says(main, other.registration(), other.login())
        guess = Person(other.username, wrong.secret)
        seen.says(main, guess.login())
        [_, redirect] = seen.says(main, other.login())
        server = Address(redirect["hostname"], redirect["port"])
        seen.says(server, guess.login())
        seen.says(server, other.login(), other.post({"n": 1}), guess.post({"n": 2}))
        seen.says(server, {"command": "LOGIN", "username": other.username, "ticket": redirect["ticket"]})
        seen.says(server, {"command": "LOGIN", "username": other.username, "ticket": redirect["ticket"]})
        seen.looks(up.pid)
        # What is wrong is repeated to nobody.
        seen.says(main, {"command": "REGISTER", "username": "x", "secret": [str(other.secret)]})
        seen.says(main, {"command": "AUTHENTICATE", "secret": cluster[:-1], "id": "s9", "hostname": "h", "port": 1})
        seen.says(main, {"command": "PROMOTE", "secret": wrong.secret})
        # Commands of users and operators.
        variables = {"OYEZ_USER_SECRET": str(person.secret), "OYEZ_NEW_SECRET": str(new.secret)}
        assert seen.runs("passwd", person.username, **variables).code == 0
        assert seen.runs("passwd", person.username, **variables).code == 1, "it is not the present one any more"
        assert seen.runs("user", "list", OYEZ_SECRET=cluster).code == 0
        assert seen.runs("user", "list", OYEZ_SECRET=str(wrong.secret)).code == 1
        assert seen.runs("status", "--json").code == 0
        # Another main.
        os.kill(central_at(up.pid, main.port), signal.SIGKILL)
        eventually(lambda: local.lets_in(new), "another main lets people in", seconds=SETTLED)
        seen.looks(up.pid)
        seen.says(local.main_address(), new.login())
        seen.told.append(ask(local.main_address(), {"command": "STATUS"}))
        assert seen.runs("status").code == 0
        assert seen.runs("user", "remove", other.username, "--yes", OYEZ_SECRET=cluster).code == 0
        eventually(local.is_whole, "who was main is back", seconds=SETTLED)
        seen.looks(up.pid)
        keys, hashes = kept(tmp_path / "data")
        up.send_signal(signal.SIGTERM)
        up.wait(60)
        logged = "".join(ear.join().decode() for ear in ears)
    assert len([form for form in keys if len(form) == 64 and form.isalnum() and form.islower()]) == 1, "one key, in hex"
    assert len(hashes) >= 2
    assert len(seen.tickets) > 3
    assert '"event": "registered"' in logged, "it was at log level debug"
    secrets = {str(one.secret) for one in (person, other, wrong, new)} | {cluster}
    everywhere = {"the logs": logged, "what commands print": seen.printed, "arguments": "\n".join(seen.started)}
    for where, text in everywhere.items():
        for what, values in (("secret", secrets), ("key", keys), ("hash", hashes), ("ticket", seen.tickets)):
            assert [value for value in values if value in text] == [], f"a {what} shows in {where}"
    told = "\n".join(map(repr, seen.told))
    for what, values in (("secret", secrets), ("key", keys), ("hash", hashes)):
        assert [value for value in values if value in told] == [], f"a client was told a {what}"
    assert "$argon2" not in logged + seen.printed + told
