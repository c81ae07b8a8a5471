"""One running node: a port, a role, a store, from the start to a clean stop.

`Node` lives on any running loop, so that tests run several in one process; `execute` gives one a process of its own,
with the loop, the signals and the garbage collector set up for it. An exception that no role or port has foreseen is
our own bug: it is logged with its traceback and ends the node with exit code 1. Must not know: which role it runs.
"""

import asyncio
import gc
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import structlog

from oyez.core.limits.settings import DoorLimits
from oyez.core.role import Role
from oyez.host import Hearer, Host
from oyez.host.measures import Measures
from oyez.host.unfinished import Unfinished
from oyez.net.environment import GaveUp, Log, NetEnvironment
from oyez.net.expiry import Expiry
from oyez.net.identity import PLAIN, Contexts, Identity, IdentityError
from oyez.net.listener import Listener, ListenError
from oyez.protocol import limits
from oyez.protocol.messages import Address
from oyez.storage.port import StorageError, Store

FORESEEN = (ListenError, StorageError, IdentityError, GaveUp)
"""What ends a node though nothing is wrong with it; the message is a sentence for the operator."""

UNENCRYPTED = (
    "their links would not be encrypted: give --tls-cert, --tls-key and --tls-ca (oyez certs makes them), or listen on"
    " 127.0.0.1; --insecure-plaintext does without, and then whoever can listen in reads every secret"
)
"""Why a node without a certificate listens on this machine alone."""

LEAVING = 60.0
"""Seconds after which a node that is leaving ends, whatever it still waits for."""


class Node:
    """A role that listens on `listen` (port 0: any). `make_role` is given the address with the real port.

    `store` is closed when the node ends, however it ends. `secret_threads`, `plain_outside`, `door`, `unfinished`,
    `doorway`, `measures` and `log`: see `NetEnvironment`. `identity` is read at the start, and again by `reload`. Where
    other machines can connect, one is needed, unless links may be `plain_outside`.
    """

    def __init__(
        self,
        make_role: Callable[[Address], Role],
        listen: Address,
        *,
        store: Store | None = None,
        secret_threads: int = 0,
        line_limit: int = limits.LINE,
        identity: Identity | None = None,
        plain_outside: bool = False,
        door: DoorLimits | None = None,
        unfinished: Unfinished | None = None,
        doorway: Callable[[Host], Hearer] | None = None,
        measures: Measures | None = None,
        log: Log | None = None,
    ) -> None:
        self.identity = identity
        self._plain_outside = plain_outside
        self._make_role = make_role
        self._listen = listen
        self._store = store
        self._new_environment = partial(
            NetEnvironment,
            on_end=self.fail,
            on_stopped=self.stop,
            store=store,
            secret_threads=secret_threads,
            line_limit=line_limit,
            plain_outside=plain_outside,
            door=DoorLimits() if door is None else door,
            unfinished=Unfinished() if unfinished is None else unfinished,
            doorway=doorway,
            measures=measures,
            log=log,
        )
        self._stopped = asyncio.Event()
        self._why: Exception | None = None
        self._expiry: Expiry
        self.environment: NetEnvironment
        self.address: Address

    async def run(self, ready: Callable[[Address], None] | None = None) -> None:
        """Serve until `stop`. `ready` hears of the real address once the node listens and its role has started.

        Raises ListenError, StorageError, IdentityError, GaveUp, or whatever our own bug has raised in the role or
        below it.
        """
        async with AsyncExitStack() as stack:
            if self._store is not None:
                stack.callback(self._store.close)
            contexts = PLAIN if self.identity is None else self.identity.load()
            listener = Listener(self._listen)
            stack.callback(listener.close)
            self._check(listener, contexts)
            self.address = listener.address
            environment = self.environment = self._new_environment(self._make_role(self.address), tls=contexts)
            stack.push_async_callback(environment.stop)
            stack.callback(listener.close)  # again, and first: who comes while we stop would be left hanging
            environment.start()
            if self.identity is not None:
                environment.report("identity_loaded", {"expires": contexts.expires})
                self._expiry = Expiry(environment.loop, environment.report)
                self._watch_ends(contexts)
                stack.callback(self._expiry.stop)
            if self._plain_outside:
                environment.report("insecure_plaintext", {"address": str(self.address)})
            listener.start(environment.loop, environment.accept, environment.report)
            if ready is not None and not self._stopped.is_set():
                ready(self.address)
            await self._stopped.wait()
        if self._why is not None:
            raise self._why

    def _check(self, listener: Listener, contexts: Contexts) -> None:
        if listener.outside and contexts.accepting is None and not self._plain_outside:
            raise ListenError(f"other machines can connect to {listener.address}, and {UNENCRYPTED}")

    def reload(self) -> None:
        """Read the identity again: it is for the links that are made from now on. One that can't be used is a report,
        and the old one stays."""
        if self.identity is None or self.stopping:
            return
        environment = self.environment
        try:
            environment.tls = self.identity.load()
        except IdentityError as error:
            environment.report("identity_not_reloaded", {"why": str(error), "expires": environment.tls.expires})
        else:
            environment.report("identity_reloaded", {"expires": environment.tls.expires})
        self._watch_ends(environment.tls)

    def _watch_ends(self, contexts: Contexts) -> None:
        self._expiry.watch(contexts.ends)
        self.environment.measures.certificate_ends = min(end.at for end in contexts.ends).timestamp()

    @property
    def stopping(self) -> bool:
        """Is it ending now?"""
        return self._stopped.is_set()

    def leave(self) -> None:
        """End the node once nobody needs it, within `LEAVING`: a server sees to its sessions first."""
        if not self.stopping:
            asyncio.get_running_loop().call_later(LEAVING, self.stop)
            self.environment.leave()

    def stop(self) -> None:
        """End the node cleanly, now; `run` returns once everything is closed. On the loop's thread."""
        self._stopped.set()

    def fail(self, why: Exception) -> None:
        """End the node because of this; `run` raises it. Only the first counts."""
        if self._why is None:
            self._why = why
        self._stopped.set()


def execute(node: Node, ready: Callable[[Address], None]) -> int:
    """Run a node as this process; the exit code. SIGTERM has it leave, SIGINT or a second signal stops it, SIGHUP has
    it read its identity again, where it has one.

    0 after a clean stop, 1 after a bug of ours, which has been logged. Raises ListenError, StorageError, IdentityError
    and GaveUp, whose sentence is for the operator.
    """
    with asyncio.Runner(loop_factory=_new_event_loop) as runner:
        try:
            runner.run(_execute(node, ready))
        except FORESEEN:
            raise
        except Exception:  # noqa: BLE001 - the process ends with it
            structlog.get_logger().critical("node_failed", exc_info=True)
            return 1
    return 0


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # a platform that uvloop does not know: everything works, slower
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _execute(node: Node, ready: Callable[[Address], None]) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(partial(_unforeseen, node))
    loop.add_signal_handler(signal.SIGTERM, _asked_to_leave, node, loop)
    loop.add_signal_handler(signal.SIGINT, _asked_to_stop, node, loop)
    if node.identity is not None:
        loop.add_signal_handler(signal.SIGHUP, node.reload)

    def started(address: Address) -> None:
        _spare_the_collector()
        ready(address)

    await node.run(started)


def _asked_to_leave(node: Node, loop: asyncio.AbstractEventLoop) -> None:
    loop.add_signal_handler(signal.SIGTERM, _asked_to_stop, node, loop)
    node.leave()


def _asked_to_stop(node: Node, loop: asyncio.AbstractEventLoop) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.remove_signal_handler(number)  # who asks again does not want to wait
    node.stop()


def _unforeseen(node: Node, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What reaches the loop's exception handler has slipped past the guard: our own bug all the same."""
    error = context.get("exception")
    node.fail(error if isinstance(error, Exception) else RuntimeError(str(context["message"])))


def _spare_the_collector() -> None:
    """Let the cyclic garbage collector run seldom, and not over what stays for ever.

    Nodes make no cycles on their way: activities, messages and links are freed by their reference counts. Each full
    collection walks over every live object, which with thousands of links holds up everyone's turn for nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
