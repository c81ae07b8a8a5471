"""The world of a host on a real machine: sockets, threads, timers, the log (ADR 3).

Implements `host.Environment`; a node gives it what its role needs: a client has no store and hashes no secrets.
Guarantees: nothing calls back into the host from within one of its calls; an exception in a callback ends everything
that runs here, loudly (see `guard`). Must not know: messages, roles.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import structlog

from oyez.core.effects import Record
from oyez.core.limits.door import too_many_connects
from oyez.core.limits.settings import DoorLimits
from oyez.core.limits.turnstile import Turnstile
from oyez.core.peer import From
from oyez.core.role import Role
from oyez.host import Hearer, Host
from oyez.host.measures import LAG_EVERY, Measures
from oyez.host.unfinished import Unfinished
from oyez.net import beginnings
from oyez.net.beginnings import Beginnings, Secured
from oyez.net.clock import Clock
from oyez.net.dialer import Dialer
from oyez.net.guard import GuardedLoop
from oyez.net.identity import PLAIN, Contexts
from oyez.net.poller import Poller
from oyez.net.secrets import SecretPool, is_stale
from oyez.net.tls import TlsTransport
from oyez.net.transport import SocketTransport
from oyez.net.writer import Writer
from oyez.protocol import codec, limits
from oyez.protocol.messages import ActivityBroadcast, Address, InvalidMessage
from oyez.storage.port import Store

GRACE = 2.0
"""Seconds that links have to finish when a node stops."""

TLS_REQUIRED = InvalidMessage(
    "links to here from another machine are encrypted: connect with TLS (the commands do with --tls)", "tls_required"
)
"""What whoever comes without it is told."""

HTTPS_REQUIRED = (
    b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.2, HTTP/1.1\r\nConnection: close, Upgrade\r\n"
    b"Content-Type: text/plain\r\n\r\nlinks to here from another machine are encrypted: ask with https://\n"
)
"""The same for whoever speaks HTTP."""

_CAPITALS = frozenset(range(ord("A"), ord("Z") + 1))
"""A request of HTTP begins with one of these, and no line does."""

IN_THE_OPEN = "this would cross the network in the open, and so would secrets: connect with TLS"
"""Why nobody is dialed without TLS on another machine."""

_DOOR = DoorLimits()
Log = Callable[[str, Mapping[str, object]], None]


class GaveUp(Exception):
    """The role can't do its job, and trying longer would not help; the message is for the operator."""


class NetEnvironment:
    """Runs `role` on this machine, on the running event loop, from `start` to `stop`.

    `on_end` is told why this can't go on, and should then `stop` it: a `GaveUp` of the role, or an exception
    that is our own bug or our disk's end, after which nothing runs here any more. `on_stopped` is called when the role
    has nothing left to do, after `leave`, say, and should then `stop` it. `deliver` gets the activities for
    the user of a client. `secret_threads` is 0 where no secrets are hashed. `log` gets each report; by default
    structlog does. `measures` counts the reports and times what takes its time; where it is given, the loop's lateness,
    too.

    `tls` says how links begin, and may be replaced at any time: it is for those to come. Without TLS there are links
    within this machine alone, unless they may be `plain_outside`.

    `door` says how many links may begin at once, where that takes more than being accepted; what is on a link is the
    role's. `unfinished` bounds lines that do not end; None: nobody does. The `doorway` hears those who have come until
    it is clear what they speak, where that may be anything but lines.
    """

    def __init__(
        self,
        role: Role,
        on_end: Callable[[Exception], None],
        *,
        on_stopped: Callable[[], None] = lambda: None,
        line_limit: int = limits.LINE,
        deliver: Callable[[ActivityBroadcast], None] | None = None,
        store: Store | None = None,
        secret_threads: int = 0,
        tls: Contexts = PLAIN,
        plain_outside: bool = False,
        door: DoorLimits = _DOOR,
        unfinished: Unfinished | None = None,
        doorway: Callable[[Host], Hearer] | None = None,
        measures: Measures | None = None,
        log: Log | None = None,
    ) -> None:
        self.loop = GuardedLoop(asyncio.get_running_loop(), on_end)
        self._watches_lag = measures is not None
        self._lag: asyncio.TimerHandle | None = None
        self.measures = measures = Measures() if measures is None else measures
        self.host = Host(role, self, line_limit, unfinished)
        self.tls = tls
        self._doorway = self.host if doorway is None else doorway(self.host)
        self._on_end = on_end
        self._on_stopped = on_stopped
        self._deliver = deliver
        self._log = _to_structlog if log is None else log
        self._clock = Clock()
        self._plain_outside = plain_outside
        self._dialer = Dialer(self.loop)
        self._writer = Writer(self.loop, store, measures.commits) if store is not None else None
        self._secrets = SecretPool(self.loop, secret_threads, measures.hashing) if secret_threads else None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._poller = Poller(self.loop)
        self._beginnings = Beginnings(self.loop, self._poller)
        self._turnstile = Turnstile(door)
        self._transports: set[SocketTransport] = set()
        self._stopping = False
        self._idle = asyncio.Event()
        self._ended = self._link_ended  # bound once: each link holds it

    def start(self) -> None:
        """The node is up."""
        if self._watches_lag:
            self._look_at_lag()
        self.loop.run(self.host.start)

    def accept(self, sock: socket.socket, address: str) -> None:
        """Somebody has connected, from `address`."""
        who = From.at(address)
        if wait := self._turnstile.comes(self.now(), who):
            self._turn_away(sock, who, wait)
        elif _is_gone(sock):  # in a flood many are: nothing is to be made for them
            sock.close()
            self.report("nothing_said", {"address": who.address})
        elif self.tls.accepting is None:
            self._welcome(self._plain(sock), who)
        elif reason := self._turnstile.enters(who):
            sock.close()
            self.report("turned_away", {"address": who.address, "reason": reason})
        else:
            self._beginnings.first_byte(sock, partial(self._begun, who))
            if self._turnstile.crowded(len(self._transports)):
                self._beginnings.end_oldest()

    def _turn_away(self, sock: socket.socket, who: From, wait: float) -> None:
        """It connects too often. Nothing is made for it, and nobody waits until it has read why: it is told if that can
        be done at once, and if it has said nothing yet."""
        if self.tls.accepting is None and self._turnstile.tells(self.now()):
            with suppress(OSError):
                sock.send(codec.encode(too_many_connects(who, wait)))
        sock.close()
        self.report("turned_away", {"address": who.address, "reason": "too_many_connects"})

    def _begun(self, who: From, sock: socket.socket, first: int | None) -> None:
        if first == beginnings.TLS and self.tls.accepting is not None:
            self._beginnings.accept(sock, self.tls.accept, partial(self._met, who))
            return
        self._turnstile.leaves(who)
        if first is None:
            sock.close()
            self.report("nothing_said", {"address": who.address})
        elif who.loopback or self._plain_outside:
            self._welcome(self._plain(sock), who)
        else:
            self.report("tls_required", {"address": who.address})
            self._plain(sock).close(HTTPS_REQUIRED if first in _CAPITALS else codec.encode(TLS_REQUIRED))

    def _met(self, who: From, met: Secured | str) -> None:
        self._turnstile.leaves(who)
        if isinstance(met, str):
            self.report("tls_refused", {"address": who.address, "why": met})
            return
        who = From(who.address, who.loopback, verified=met.channel.certified)
        self._welcome(self._secured(met, who.address), who)

    def _look_at_lag(self) -> None:
        """A timer that is late was held up as everything else was."""
        due = time.monotonic() + LAG_EVERY  # the loop's own clock counts milliseconds
        self._lag = self.loop.later(LAG_EVERY, self._lagged, due)

    def _lagged(self, due: float) -> None:
        self.measures.lag.observe(max(0.0, time.monotonic() - due))
        self._look_at_lag()

    def leave(self) -> None:
        """The role is to end what it does in its own time."""
        if not self._stopping:
            self.loop.run(self.host.leave)

    async def stop(self) -> None:
        """End what runs here: the role hears of it, links have `GRACE` to finish, what was to be stored is stored.

        After a failure there is nothing more to be said: links are cut, and of what was to be stored only the commit
        that runs is waited for.
        """
        self._stopping = True
        await self._dialer.close()
        self._beginnings.close()
        self.loop.run(self.host.stop)
        await self._finish_links()
        if self._secrets is not None:
            self._secrets.close()
        if self._writer is not None:
            await self._writer.close()
        for timer in self._timers.values():
            timer.cancel()
        if self._lag is not None:
            self._lag.cancel()
        self._timers.clear()
        self.loop.close()

    async def _finish_links(self) -> None:
        try:
            async with asyncio.timeout(GRACE):
                while self._transports and self.loop.failure is None:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            for transport in self._transports:
                transport.abort()
            await asyncio.sleep(0)
        for transport in list(self._transports):
            transport.drop()
        self._transports.clear()
        self._poller.close()

    def _plain(self, sock: socket.socket) -> SocketTransport:
        transport = SocketTransport(sock, self.loop, self._poller, self._ended)
        self._transports.add(transport)
        return transport

    def _secured(self, link: Secured, address: str) -> TlsTransport:
        transport = TlsTransport(
            link.sock, self.loop, self._poller, self._ended, self.report, address, link.channel, link.rest
        )
        self._transports.add(transport)
        return transport

    def _welcome(self, transport: SocketTransport, who: From) -> None:
        """Somebody is there, and it is for the doorway to find out what they speak."""
        link = self.host.opened(transport, who)
        transport.hearer = self._doorway
        transport.start(link)

    def _go_in(self, transport: SocketTransport, purpose: str) -> None:
        """This node is there, and speaks lines."""
        transport.start(self.host.dialed(transport, purpose))

    def _link_ended(self, transport: SocketTransport) -> None:
        self._transports.discard(transport)
        if not self._transports:
            self._idle.set()

    # -- host.Environment ---------------------------------------------------------------------------------------

    def now(self) -> float:
        """See `host.Environment`."""
        return self._clock.now()

    def soon(self, callback: Callable[[], None]) -> None:
        """See `host.Environment`."""
        self.loop.soon(callback)

    def set_timer(self, key: str, after: float) -> None:
        """See `host.Environment`."""
        self.cancel_timer(key)
        self._timers[key] = self.loop.later(after, self._expired, key)

    def cancel_timer(self, key: str) -> None:
        """See `host.Environment`."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def _expired(self, key: str) -> None:
        del self._timers[key]
        self.host.timer(key)

    def dial(self, address: Address, purpose: str, within: float) -> None:
        """See `host.Environment`. A node that stops dials nobody any more."""
        if not self._stopping:
            self._dialer.dial(address, within, partial(self._dialed, address, purpose, self.now() + within))

    def _dialed(self, address: Address, purpose: str, until: float, sock: socket.socket | None) -> None:
        if sock is None:
            self.host.dial_failed(purpose)
        elif self.tls.dialing is not None:
            self._secure(address, purpose, until - self.now(), sock, self.tls.dialing)
        elif self._plain_outside or _is_loopback(sock):
            self._go_in(self._plain(sock), purpose)
        else:
            sock.close()
            self._cannot_dial(address, purpose, IN_THE_OPEN)

    def _secure(
        self, address: Address, purpose: str, left: float, sock: socket.socket, context: ssl.SSLContext
    ) -> None:
        """Shake hands in the seconds that are left of the dial's."""
        answered = partial(self._answered, address, purpose)
        try:
            self._beginnings.dial(sock, context, address.hostname, max(0.0, left), answered)
        except ValueError:
            sock.close()
            self._cannot_dial(address, purpose, f"{address.hostname} is no name that a certificate could hold")

    def _answered(self, address: Address, purpose: str, met: Secured | str) -> None:
        if isinstance(met, str):
            self._cannot_dial(address, purpose, met)
        else:
            self._go_in(self._secured(met, str(address)), purpose)

    def _cannot_dial(self, address: Address, purpose: str, why: str) -> None:
        self.report("cannot_dial", {"address": str(address), "why": why})
        self.host.dial_failed(purpose, why)

    def persist(self, records: tuple[Record, ...], done: Callable[[], None]) -> None:
        """See `host.Environment`. Raises RuntimeError in an environment without a store."""
        if self._writer is None:
            raise RuntimeError("this node has no store, and its role must not persist")
        self._writer.write(records, done)

    def hash_secret(self, token: int, secret: str) -> None:
        """See `host.Environment`. Raises RuntimeError in an environment without threads for it."""
        self._pool().hash(secret, partial(self.host.hashed, token))

    def verify_secret(self, token: int, hash: str | None, secret: str) -> None:
        """See `host.Environment`. Raises RuntimeError in an environment without threads for it."""
        stale = hash is not None and is_stale(hash)
        self._pool().verify(hash, secret, lambda ok: self.host.verified(token, bool(ok), stale if ok else ok is None))

    def _pool(self) -> SecretPool:
        if self._secrets is None:
            raise RuntimeError("this node has no threads for secrets, and its role must not hash or verify any")
        return self._secrets

    def report(self, event: str, fields: Mapping[str, object]) -> None:
        """See `host.Environment`."""
        self.measures.report(event, fields)
        self._log(event, fields)

    def deliver(self, broadcast: ActivityBroadcast) -> None:
        """See `host.Environment`. Raises RuntimeError in an environment without a user."""
        if self._deliver is None:
            raise RuntimeError("this node has no user to deliver activities to")
        self._deliver(broadcast)

    def quit(self, info: str) -> None:
        """See `host.Environment`."""
        self.loop.soon(self._on_end, GaveUp(info))

    def stopped(self) -> None:
        """See `host.Environment`."""
        self.loop.soon(self._on_stopped)


def _to_structlog(event: str, fields: Mapping[str, object]) -> None:
    structlog.get_logger().info(event, **fields)


def _is_gone(sock: socket.socket) -> bool:
    try:
        return not sock.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except OSError:
        return True


def _is_loopback(sock: socket.socket) -> bool:
    try:
        return From.at(sock.getpeername()[0]).loopback
    except OSError:  # the link is gone already, and whoever opens it will hear of that
        return True
