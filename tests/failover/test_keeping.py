"""What a central keeps, whatever befalls it: nothing that was acknowledged is lost, and its operator is told in words.

Real processes: killed with registrations in flight, on a disk that is full or may not be written, with stores that are
damaged or of another version. `WHO` tells whether a secret is right without any server.
"""

import os
import shutil
import sqlite3
import stat
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from tests.blackbox.commands import oyez
from tests.blackbox.people import Person, somebody
from tests.blackbox.processes import CLUSTER_SECRET, LOOPBACK, Process, free_port
from tests.blackbox.wire import Address, eventually
from tests.failover.line import Line, Lost, ask
from tests.storage.test_sqlite import VERSION_1

SECRET = {"OYEZ_SECRET": CLUSTER_SECRET}

LIMITED = (
    "import os, resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}));"
    " os.execv(sys.argv[1], sys.argv[1:])"
)


class Lonely:
    """One central, with its data in `folder`/data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.store = self.data / "central.sqlite"
        self.address = Address(LOOPBACK, free_port())
        self.registered: list[Person] = []
        self._lives = 0

    @contextmanager
    def running(self, prefix: Sequence[str] = ()) -> Iterator[Process]:
        """From when it is ready to its end, which is looked at by the test, or is SIGKILL."""
        self._lives += 1
        arguments = ["central", "--port", str(self.address.port), "--data", str(self.data), "--log-level", "debug"]
        process = Process(f"central {self._lives}", arguments, self.folder, SECRET, prefix)
        try:
            assert process.ready("central") == self.address
            yield process
        finally:
            process.kill()
            assert process.new_traceback() is None

    def refuses_to_start(self) -> str:
        """The sentence."""
        outcome = oyez("central", "--port", "0", "--data", str(self.data), variables=SECRET)
        assert (outcome.code, outcome.output) == (1, "")
        return outcome.sentence

    def register(self) -> Person:
        person = somebody()
        assert ask(self.address, person.registration(), 10.0)["command"] == "REGISTER_SUCCESS"
        self.registered.append(person)
        return person

    def register_until_it_ends(self) -> None:
        """One after the other, on one link."""
        try:
            with Line(self.address, 10.0) as line:
                while True:
                    person = somebody()
                    line.send(person.registration())
                    assert line.receive()["command"] == "REGISTER_SUCCESS"
                    self.registered.append(person)
        except Lost:
            pass

    def register_until(self, count: int) -> None:
        """So many."""
        with Line(self.address, 10.0) as line:
            for _ in range(count):
                person = somebody()
                line.send(person.registration())
                assert line.receive()["command"] == "REGISTER_SUCCESS"
                self.registered.append(person)

    def knows(self, person: Person) -> bool:
        answer = ask(self.address, {"command": "WHO"} | person.credentials(), 10.0)
        assert answer["command"] == "WHO_REPORT" or answer.get("reason") == "wrong_credentials", answer
        return bool(answer["command"] == "WHO_REPORT")

    def knows_everybody(self) -> None:
        """By name; and by secret, which takes its time, some of them and the last."""
        assert len(self.registered) < 1000, "they are in one answer"
        users = ask(self.address, {"command": "LIST_USERS", "secret": CLUSTER_SECRET}, 10.0)["users"]
        names = {user["username"] for user in users}
        forgotten = [person.username for person in self.registered if person.username not in names]
        assert not forgotten, f"{len(forgotten)} of {len(self.registered)} acknowledged registrations are lost"
        for person in {*self.registered[::10], *self.registered[-8:]}:
            assert self.knows(person)


@pytest.fixture
def central(tmp_path: Path) -> Lonely:
    return Lonely(tmp_path)


@pytest.fixture(scope="module")
def of_before(tmp_path_factory: pytest.TempPathFactory) -> Lonely:
    """One that has run, has registered a few, and was stopped."""
    central = Lonely(tmp_path_factory.mktemp("before"))
    with central.running() as process:
        central.register_until(5)
        assert process.stop() == []
    return central


@pytest.fixture
def stopped(of_before: Lonely, tmp_path: Path) -> Lonely:
    """The same, for one test alone: no other runs with this data."""
    central = Lonely(tmp_path)
    shutil.copytree(of_before.data, central.data)
    central.registered += of_before.registered
    return central


def ended(process: Process) -> str:
    """The one sentence with which it has ended by itself."""
    assert process.wait(10.0, "an error of its disk") == [f"{process.name} exited with 1 on an error of its disk"]
    sentences = [line for line in process.log().splitlines() if line.startswith("oyez: ")]
    assert len(sentences) == 1, process.log()
    return sentences[0]


def test_killed_with_registrations_in_flight_it_has_all_that_were_acknowledged(central: Lonely) -> None:
    for acknowledged in (3, 15, 30):
        with central.running() as process:
            threads = [threading.Thread(target=central.register_until_it_ends) for _ in range(8)]
            for thread in threads:
                thread.start()
            while len(central.registered) < acknowledged:
                threads[0].join(0.001)
            process.kill()
            for thread in threads:
                thread.join()
    with central.running():
        central.knows_everybody()


def test_on_a_full_disk_it_ends_with_a_sentence_and_has_all_that_were_acknowledged(stopped: Lonely) -> None:
    central, before = stopped, len(stopped.registered)
    size = max(file.stat().st_size for file in central.data.iterdir()) + 60_000
    with central.running([sys.executable, "-c", LIMITED.format(size)]) as process:
        central.register_until_it_ends()
        said = ended(process)
    assert said.startswith(f"oyez: cannot write to {central.store}: the disk"), said
    assert len(central.registered) > before
    with central.running():
        central.knows_everybody()
        central.register()


@contextmanager
def read_only(folder: Path) -> Iterator[Sequence[str]]:
    """What to begin a command with so that it can't write in this folder."""
    if os.geteuid() == 0:
        mount = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        yield ["unshare", "--mount", "sh", "-c", mount, str(folder)]
        return
    folder.chmod(0o500)
    try:
        yield []
    finally:
        folder.chmod(0o700)


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("unshare") is None, reason="root may write anywhere")
def test_in_a_folder_that_may_not_be_written_it_says_so(stopped: Lonely) -> None:
    central = stopped
    with read_only(central.data) as prefix:
        arguments = ["central", "--port", "0", "--data", str(central.data)]
        process = Process("read-only", arguments, central.folder, SECRET, prefix)
        said = ended(process)
    assert said.startswith(f"oyez: cannot use {central.store}"), said
    assert "Read-only" in said or "Permission denied" in said
    with central.running():
        central.knows_everybody()


def spoil(path: Path, how: str) -> None:
    whole = path.read_bytes()
    path.write_bytes(
        {
            "empty": b"",
            "cut short": whole[: len(whole) // 2],
            "garbage in the middle": whole[:8192] + os.urandom(8192) + whole[16384:],
            "all garbage": os.urandom(len(whole)),
        }[how]
    )


@pytest.mark.parametrize("how", ["empty", "cut short", "garbage in the middle", "all garbage"])
def test_a_damaged_store_is_not_run_from(stopped: Lonely, how: str) -> None:
    """And it is left as it is: somebody may still save something."""
    spoil(stopped.store, how)
    before = stopped.store.read_bytes()
    assert str(stopped.store) in (said := stopped.refuses_to_start())
    assert "damaged" in said or "is empty" in said
    assert stopped.store.read_bytes() == before


def test_a_hash_that_is_none_is_one_users_trouble_and_the_operator_mends_it(stopped: Lonely) -> None:
    central = stopped
    spoilt, other, *_ = central.registered
    with sqlite3.connect(central.store) as database:
        database.execute("UPDATE users SET hash = 'no hash' WHERE username = ?", (spoilt.username,))
    database.close()
    with central.running() as process:
        assert not central.knows(spoilt)
        assert central.knows(other)
        assert f'"username": "{spoilt.username}", "event": "damaged_hash"' in process.log()
        at, variables = str(central.address), {**SECRET, "OYEZ_NEW_SECRET": str(spoilt.secret)}
        assert oyez("passwd", spoilt.username, "--operator", "--central", at, variables=variables).code == 0
        assert central.knows(spoilt)


def test_a_store_of_a_newer_oyez_is_left_alone(stopped: Lonely) -> None:
    with sqlite3.connect(stopped.store) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    before = stopped.store.read_bytes()
    assert "was written by a newer Oyez" in stopped.refuses_to_start()
    assert stopped.store.read_bytes() == before


def kept_hash(central: Lonely, person: Person) -> str:
    with sqlite3.connect(central.store) as database:
        [hash] = database.execute("SELECT hash FROM users WHERE username = ?", (person.username,)).fetchone()
    database.close()
    return str(hash)


def test_a_store_of_the_first_version_is_taken_over(central: Lonely) -> None:
    central.data.mkdir(mode=0o700)
    person = somebody()
    with sqlite3.connect(central.store) as database:
        database.executescript(VERSION_1.format(key="ab" * 32))
        hash = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(str(person.secret))  # not good enough
        database.execute("INSERT INTO users VALUES (?, ?)", (person.username, hash))
    database.close()
    central.registered.append(person)
    with central.running() as process:
        central.knows_everybody()
        central.register()
        better = "$argon2id$v=19$m=19456,t=2,p=1$"
        eventually(lambda: kept_hash(central, person).startswith(better), "it is hashed anew after the login")
        assert process.stop() == []
    with central.running():
        central.knows_everybody()


def test_a_second_central_with_the_same_folder_is_refused(central: Lonely) -> None:
    with central.running():
        assert "in use by another process" in central.refuses_to_start()
        central.register()


# -- backups --------------------------------------------------------------------------------------------------------


def test_a_network_begins_anew_from_a_backup_that_was_made_while_it_ran(central: Lonely) -> None:
    backup, new = central.folder / "backup", Lonely(central.folder)
    new.data = central.folder / "new"
    with central.running():
        before = central.register()
        term = ask(central.address, {"command": "STATUS"})["term"]
        made = oyez("backup", str(backup), "--data", str(central.data))
        assert (made.code, made.output) == (0, ""), made
        assert f"{backup} has 1 user," in made.errors
        after = central.register()
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600

    refused = oyez("restore", str(backup), "--data", str(central.data), "--yes")
    assert refused.code == 1
    assert "is not replaced" in refused.errors
    unsure = oyez("restore", str(backup), "--data", str(new.data), given="n\n")
    assert unsure.code == 1
    assert not new.data.exists()
    restored = oyez("restore", str(backup), "--data", str(new.data), "--yes")
    assert (restored.code, restored.output) == (0, ""), restored
    assert "is lost" in restored.errors, "it says what it risks"

    with new.running():
        assert new.knows(before)
        assert not new.knows(after), "what came after the backup is lost"
        report = ask(new.address, {"command": "STATUS"})
        assert report["term"] > term + 1000
        assert report.get("role", "main") == "main"
        assert len(report["centrals"]) == 1
        new.register()


def test_a_central_that_has_outlived_a_new_beginning_joins_it(stopped: Lonely) -> None:
    """Its operator has not ended it, as he should have: where the two meet, the new one is main."""
    central, person = stopped, stopped.registered[0]
    backup, new = central.folder / "backup", Lonely(central.folder)
    new.data = central.folder / "new"
    assert oyez("backup", str(backup), "--data", str(central.data)).code == 0
    assert oyez("restore", str(backup), "--data", str(new.data), "--yes").code == 0
    with new.running():
        refused = oyez(
            *("central", "--port", "0", "--data", str(central.data), "--backup-of", str(new.address)), variables=SECRET
        )
        assert refused.code == 1
        assert "is another one" in refused.sentence, "it had a network of its own"
        assert new.knows(person)


def test_no_central_runs_from_a_backup_that_was_merely_put_in_its_place(stopped: Lonely) -> None:
    central = stopped
    assert oyez("backup", str(central.folder / "backup"), "--data", str(central.data)).code == 0
    shutil.rmtree(central.data)
    central.data.mkdir(mode=0o700)
    shutil.move(central.folder / "backup", central.store)
    assert "is a backup, from which no central may run" in central.refuses_to_start()


def test_what_can_not_be_backed_up_or_restored_is_told(central: Lonely) -> None:
    nothing = oyez("backup", str(central.folder / "backup"), "--data", str(central.data))
    assert (nothing.code, nothing.output) == (1, "")
    assert "is that the data folder of a central?" in nothing.sentence
    (central.folder / "backup").write_bytes(os.urandom(10_000))
    garbage = oyez("restore", str(central.folder / "backup"), "--data", str(central.data), "--yes")
    assert (garbage.code, garbage.output) == (1, "")
    assert "damaged or not a store of Oyez" in garbage.errors
