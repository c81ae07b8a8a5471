"""The library without asyncio, in a network of real processes: calls that wait, and all that may interrupt them."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

import oyez
import oyez.sync
from tests.blackbox.processes import Network, environment
from tests.client.town import PATIENCE


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a network of one server is."""
    with Network(tmp_path_factory.mktemp("network"), servers=1) as network:
        yield str(network.central)


@pytest.fixture
def network(central: str) -> Iterator[oyez.sync.Network]:
    with oyez.sync.connect(central, timeout=PATIENCE) as network:
        yield network


# The same as with asyncio


def test_posts_return_ids_and_come_back(network: oyez.sync.Network) -> None:
    ids = [network.post({"n": number}) for number in range(3)]
    assert [network.take(PATIENCE).id for _ in range(3)] == ids
    later = [network.post("hear ye"), network.post(b'{"type":"Like"}')]
    for id, activity in zip(later, network, strict=False):
        assert (activity.id, activity.user) == (id, "anonymous")
    assert network.connected
    assert network.server == "s1"


def test_registration_status_and_who(central: str) -> None:
    oyez.sync.register("sync-ada", "red anchor", central)
    with oyez.sync.connect(central, user="sync-ada", secret="red anchor") as ada:
        assert ada.user == "sync-ada"
        assert ada.status().users == oyez.sync.status(central).users
        assert ada.who().total == oyez.sync.who(central).total
    with pytest.raises(oyez.Refused) as refused:
        oyez.sync.connect(central, user="sync-ada", secret="wrong").open()
    assert refused.value.reason == "wrong_credentials"


def test_readers_filter_and_end_when_nothing_comes(network: oyez.sync.Network) -> None:
    likes, notes = network.activities(type="Like", timeout=0.01), network.activities(type="Note", timeout=PATIENCE)
    for number in range(3):
        network.post({"type": "Like", "n": number})
    network.post({"type": "Note", "n": 3})
    assert [activity.object["n"] for activity in likes] == [0, 1, 2]
    assert list(likes) == []
    with pytest.raises(TimeoutError):
        likes.take()
    network.post({"type": "Like", "n": 4})
    assert [activity.object["n"] for activity in likes] == [4]  # another loop goes on
    assert next(iter(notes)).object["n"] == 3


def test_a_reader_that_was_dropped_holds_up_nothing(network: oyez.sync.Network) -> None:
    dropped, kept = network.activities(), network.activities(timeout=PATIENCE)
    network.post({"n": 1})
    assert kept.take().object["n"] == 1
    assert network.waiting == 1
    del dropped
    assert network.cursor is not None  # another call: what was to be done before it has been done
    assert network.waiting == 0


def test_a_program_goes_on_where_it_left_off(central: str) -> None:
    with oyez.sync.connect(central) as early:
        for number in range(3):
            early.post({"n": number})
        early.take(PATIENCE)
        assert early.cursor is not None
    with oyez.sync.connect(central, cursor=early.cursor) as late:
        assert [late.take(PATIENCE).object["n"] for _ in range(2)] == [1, 2]


def test_several_threads_use_one_connection(network: oyez.sync.Network) -> None:
    with ThreadPoolExecutor(8) as threads:
        ids = set(threads.map(lambda number: network.post({"n": number}), range(50)))
        taken = set(threads.map(lambda _: network.take(PATIENCE).id, range(50)))
    assert len(ids) == 50
    assert taken == ids


async def test_it_works_where_a_loop_is_running_as_in_a_notebook(central: str) -> None:
    assert asyncio.get_running_loop().is_running()
    oyez.sync.status(central)
    with oyez.sync.connect(central) as network:
        id = network.post("hear ye")
        assert network.take(PATIENCE).id == id


# Callbacks


def test_callbacks_have_threads_of_their_own_and_may_use_the_connection(central: str) -> None:
    threads: list[str] = []
    network = oyez.sync.connect(central, timeout=PATIENCE)

    @network.on(type="Question")
    def answer(activity: oyez.Activity) -> None:
        threads.append(threading.current_thread().name)
        network.post({"type": "Answer", "n": activity.object["n"]})

    with network:
        answers = network.activities(type="Answer", timeout=PATIENCE)
        for number in range(3):
            network.post({"type": "Question", "n": number})
        assert [answers.take().object["n"] for _ in range(3)] == [0, 1, 2]
    assert len(set(threads)) == 1
    assert threads[0].startswith("oyez-callback")
    assert answer.__name__ == "answer"


class Bug(Exception):
    pass


def fails(activity: oyez.Activity) -> None:
    raise Bug(activity.id)


def test_what_a_callback_raises_comes_out(central: str) -> None:
    with pytest.raises(Bug), oyez.sync.connect(central) as network:
        network.on(fails)
        network.post("hear ye")
        with pytest.raises(Bug):
            network.run()
        with pytest.raises(Bug):
            list(network.activities(type="Like"))
        with pytest.raises(Bug):
            network.post("too late")


def test_an_error_of_the_program_goes_first(central: str) -> None:
    with pytest.raises(KeyError) as raised, oyez.sync.connect(central) as network:
        network.on(fails)
        network.post("hear ye")
        with pytest.raises(Bug):
            network.run()
        raise KeyError
    assert "a callback failed: Bug(" in raised.value.__notes__[0]


def test_the_end_waits_for_a_callback_and_raises_what_it_raises(central: str) -> None:
    begun, closing = threading.Event(), threading.Event()

    def fail_late(activity: oyez.Activity) -> None:
        begun.set()
        closing.wait(PATIENCE)
        raise Bug

    with pytest.raises(Bug), oyez.sync.connect(central) as network:
        network.on(fail_late)
        network.post("hear ye")
        assert begun.wait(PATIENCE)
        closing_later(network, closing)


def closing_later(network: oyez.sync.Network, closing: threading.Event) -> None:
    """Set once the connection is being closed."""

    def watch() -> None:
        while not network._closed:
            time.sleep(0.001)
        closing.set()

    threading.Thread(target=watch, daemon=True).start()


def test_a_callback_that_the_end_interrupts_is_no_error(central: str) -> None:
    begun, closing = threading.Event(), threading.Event()
    met: list[type[Exception]] = []

    def post_too_late(activity: oyez.Activity) -> None:
        begun.set()
        closing.wait(PATIENCE)
        try:
            connection.post("too late")
        except oyez.Closed as error:
            met.append(type(error))
            raise

    with oyez.sync.connect(central) as connection:
        connection.on(post_too_late)
        connection.post("hear ye")
        assert begun.wait(PATIENCE)
        closing_later(connection, closing)
    assert met == [oyez.Closed]


def test_a_callback_may_close_the_connection(central: str) -> None:
    went_on: list[bool] = []
    with oyez.sync.connect(central) as network:

        @network.on(type="Stop")
        def stop(activity: oyez.Activity) -> None:
            network.close()
            went_on.append(True)

        network.post({"type": "Stop"})
        with suppress(oyez.Closed):  # where it was closed before that was called
            network.run()
    assert went_on == [True]


def test_a_callback_that_is_async_is_refused() -> None:
    async def callback(activity: oyez.Activity) -> None: ...

    with pytest.raises(TypeError, match="plain function"):
        oyez.sync.connect().on(callback)


# The end, and what else interrupts


def test_the_thread_is_gone_after_the_end(central: str) -> None:
    with oyez.sync.connect(central) as network:
        assert network._thread is not None
        assert network._thread.daemon
        assert network._thread.is_alive()
    assert not network._thread.is_alive()
    assert not network.connected
    network.close()  # once more does no harm
    with pytest.raises(oyez.Closed, match="closed"):
        network.post("too late")
    with pytest.raises(oyez.Closed, match="opened before"):
        network.open()


def test_closing_in_one_thread_ends_the_loop_in_another(network: oyez.sync.Network) -> None:
    with ThreadPoolExecutor(1) as threads:
        loop = threads.submit(list, network)
        while not network._network._inbox._wakers:
            time.sleep(0.001)
        network.close()
        assert loop.result(PATIENCE) == []


def test_a_connection_is_used_open() -> None:
    network = oyez.sync.connect()
    for use in (network.run, lambda: network.post("too early"), network.take, lambda: list(network)):
        with pytest.raises(oyez.Closed, match="not open"):
            use()
    network.close()
    assert network.cursor is None


def test_one_that_nobody_answers_is_told_and_leaves_no_thread() -> None:
    network = oyez.sync.connect("127.0.0.1:1", timeout=0.01)
    with pytest.raises(oyez.Unreachable):
        network.open()
    assert network._thread is not None
    assert not network._thread.is_alive()


def test_opening_can_be_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf, ThreadPoolExecutor(1) as threads:
        network = oyez.sync.connect(f"127.0.0.1:{deaf.getsockname()[1]}", timeout=PATIENCE)
        opening = threads.submit(network.open)
        with deaf.accept()[0]:
            network.close()
            with pytest.raises(oyez.Closed):
                opening.result(PATIENCE)


def test_its_own_thread_must_not_wait_for_itself(central: str) -> None:
    met: list[str] = []

    def on_event(event: oyez.Event) -> None:
        try:
            connection.post("hear ye")
        except RuntimeError as error:
            met.append(str(error))

    connection = oyez.sync.connect(central, on_event=on_event)
    with connection:
        connection.post("another turn of the loop")
    assert "must not wait for itself" in met[0]


def test_an_interruption_loses_nothing(network: oyez.sync.Network, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C may come just as the activity is handed over."""
    ids = [network.post("one"), network.post("other")]
    reader, call = iter(network.activities(timeout=PATIENCE)), network._call

    def interrupted(make: Any) -> Any:
        call(make)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(network, "_call", interrupted)
        network.take()
    assert [network.take().id for _ in ids] == ids
    assert next(reader).id == ids[0]


SCRIPT = """
import sys, oyez.sync
with oyez.sync.connect(sys.argv[1]) as network:
    try:
        print("waiting", flush=True)
        for activity in network:
            raise AssertionError(activity)
    except KeyboardInterrupt:
        if sys.argv[2] == "uncaught":
            raise
    id = network.post("after")
    assert network.take(30).id == id
    print("well", flush=True)
"""


@pytest.mark.parametrize(("what", "said"), [("caught", "well\n"), ("uncaught", "")])
def test_ctrl_c_ends_the_waiting(central: str, what: str, said: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, central, what],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as script:
        assert script.stdout is not None
        assert script.stdout.readline() == "waiting\n"
        script.send_signal(signal.SIGINT)
        output, errors = script.communicate(timeout=PATIENCE)
    assert output == said
    assert ("KeyboardInterrupt" in errors) is (what == "uncaught")
    assert script.returncode == (0 if what == "caught" else -signal.SIGINT)


def test_a_forked_process_is_told(network: oyez.sync.Network) -> None:
    reader = network.activities()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # newer Pythons advise against what is tested here
        child = os.fork()
    if child == 0:
        signal.alarm(int(PATIENCE))
        code = 1
        with suppress(BaseException):
            network.close()  # does nothing
            del reader
            for use in (lambda: network.post("from a fork"), network.take, lambda: list(network), network.activities):
                with pytest.raises(oyez.Closed, match="fork"):
                    use()
            code = 0
        os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    network.post("the parent is well")


def test_forked_before_it_was_opened_it_can_be_opened(central: str) -> None:
    network = oyez.sync.connect(central)
    network._process = -1  # as in a child
    with network:
        network.post("hear ye")


def test_it_is_loaded_only_when_it_is_used() -> None:
    code = (
        "import sys, oyez; assert 'oyez.sync' not in sys.modules; oyez.sync.connect; assert 'oyez.sync' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], env=environment(), check=True, timeout=PATIENCE)
