"""Runs a role without doing I/O: bytes and events in, effects carried out on an environment (ADR 3).

The network (`net`) and the simulator (`sim`) each give the environment and the transports; everything between them
and a role is here, once, so that what the simulator proves holds on sockets.

Guarantees: a role hears of each link's opening, messages and closing in order, and of nothing after the closing;
effects happen in the order of their list, those behind a `Persist` only once it is durable; a message never lands in
the middle of an activity line; what one link does or suffers touches no other.
"""

from collections.abc import Callable
from functools import partial

from oyez.core import effects as fx
from oyez.core.peer import From
from oyez.core.role import Role
from oyez.host.link import Link
from oyez.host.ports import Environment, Transport
from oyez.host.unfinished import Unfinished
from oyez.protocol import codec, framing, limits
from oyez.protocol.messages import Malformed

OUTBOX = 4 * 1024 * 1024
"""Most bytes of messages that wait for a link to drain; a link that lets more pile up is cut."""


class Host:
    """Drives one role. Everything comes in through its methods, on one thread; none may be called from within.

    `unfinished` bounds what peers begin and do not finish; None: they may take their time.
    """

    def __init__(
        self,
        role: Role,
        environment: Environment,
        line_limit: int = limits.LINE,
        unfinished: Unfinished | None = None,
    ) -> None:
        self.role = role
        self.environment = environment
        self.links: dict[int, Link] = {}
        self._line_limit = line_limit
        self._unfinished = Unfinished(0.0, 0) if unfinished is None else unfinished
        self._last = 0

    # -- what happens -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """The node is up."""
        self.perform(self.role.on_start(self.environment.now()))

    def leave(self) -> None:
        """The operator wants it to end in its own time: `Environment.stopped` follows."""
        self.perform(self.role.on_leave(self.environment.now()))

    def stop(self) -> None:
        """It ends: say so to the role, then close every link."""
        self.perform(self.role.on_stop(self.environment.now()))
        self.perform([fx.Close(link) for link in list(self.links)])

    def opened(self, transport: Transport, who: From) -> Link:
        """Somebody has connected, from there."""
        link = self._new(transport)
        link.guest = link.stranger = True
        self.perform(self.role.on_open(self.environment.now(), link.id, who))
        return link

    def dialed(self, transport: Transport, purpose: str) -> Link:
        """A dial has connected."""
        link = self._new(transport)
        self.perform(self.role.on_dialed(self.environment.now(), link.id, purpose))
        return link

    def dial_failed(self, purpose: str, why: str = "nobody answers there") -> None:
        """A dial has not connected."""
        self.perform(self.role.on_dial_failed(self.environment.now(), purpose, why))

    def received(self, link: Link, data: bytes) -> None:
        """Bytes have come in."""
        if link.closing:
            return
        buffer = link.buffer
        had_begun = bool(buffer.rest)
        block = buffer.feed(data)
        if block:
            self._block(link, block)
        if (had_begun or buffer.rest) and not (link.trusted or link.closing):
            self._count(link, bool(block))
        if buffer.rest and buffer.hopeless and not link.closing:
            self._lines(link, [link.buffer.give_up()])  # refused in its turn: behind what the role still holds

    def _count(self, link: Link, begun: bool) -> None:
        """The line that has not ended yet is longer now, or has ended."""
        now = self.environment.now()
        self._unfinished.changed(now, link, len(link.buffer.rest), begun)
        for other in self._unfinished.surplus():
            self._refuse(now, other, framing.too_much(self._unfinished.most))

    def _refuse(self, now: float, link: Link, why: Malformed) -> None:
        self._unfinished.forget(link)
        if not link.closing:
            self.perform(self.role.on_message(now, link.id, why))

    def drained(self, link: Link) -> None:
        """The transport has room again."""
        if link.closing:
            return
        if link.drained():
            self.environment.soon(partial(self.drained, link))
        elif link.choked and not link.outbox:
            link.choked = False
            self._hear_on(link)

    def closed(self, link: Link) -> None:
        """The link is gone."""
        if self.links.pop(link.id, None) is None:
            return
        link.closing = True
        self._unfinished.forget(link)
        if link.cursor is not None:
            link.cursor.close()
            link.cursor = None
        self.perform(self.role.on_close(self.environment.now(), link.id))

    def timer(self, key: str) -> None:
        """A timer has run out. Nodes have one twice a second: reason enough to look who takes too long."""
        now = self.environment.now()
        self.perform(self.role.on_timer(now, key))
        for link in self._unfinished.overdue(now):
            self._refuse(now, link, framing.too_slow(self._unfinished.patience))

    def hashed(self, token: int, hash: str) -> None:
        """A secret has been hashed."""
        self.perform(self.role.on_hashed(self.environment.now(), token, hash))

    def verified(self, token: int, ok: bool, stale: bool = False) -> None:
        """A secret has been checked. `stale`: see `Role.on_verified`."""
        self.perform(self.role.on_verified(self.environment.now(), token, ok, stale))

    def _flush(self) -> None:
        self.perform(self.role.on_flush(self.environment.now()))

    # -- lines to messages --------------------------------------------------------------------------------------

    def _new(self, transport: Transport) -> Link:
        self._last += 1
        transport.hearer = self
        link = self.links[self._last] = Link(self._last, transport, self._line_limit)
        return link

    def _block(self, link: Link, block: bytes) -> None:
        if link.trusted:
            self._from_node(link, block)
            return
        lines = framing.lines(block)
        if len(lines) > 1 and not link.deaf and framing.within(block, link.buffer.limit):
            posts = codec.decode_posts(lines, block)
            if posts is not None:
                self.perform(self.role.on_posts(self.environment.now(), link.id, posts, block))
                return
        self._lines(link, lines)

    def _from_node(self, link: Link, block: bytes) -> None:
        """Activities are left together, whatever stands between them."""
        for are_activities, piece in framing.runs(block):
            if link.closing:
                return
            if are_activities and not link.deaf:
                self.perform(self.role.on_activities(self.environment.now(), link.id, piece))
            else:
                self._lines(link, framing.lines(piece))

    def _lines(self, link: Link, lines: list[bytes]) -> None:
        now = self.environment.now()
        on_message = self.role.on_message
        for index, line in enumerate(lines):
            if link.deaf:
                link.waiting += lines[index:]
                return
            if len(line) > link.buffer.limit:
                self.perform(on_message(now, link.id, framing.too_long(link.buffer.limit)))
                return
            if link.trusted and line.startswith(framing.MESSAGE_PREFIX):
                effects = self.role.on_activities(now, link.id, line + b"\n")
            else:
                effects = on_message(now, link.id, codec.decode(line))
            if effects:
                self.perform(effects)
                if link.closing:
                    return
                if link.outbox and link.stranger:  # who does not take answers is to ask no more
                    link.choked = True
                    link.transport.pause()

    def _hear_on(self, link: Link) -> None:
        """Nothing holds it back any more, or one thing less."""
        if link.deaf:
            return
        waiting, link.waiting = link.waiting, []
        if waiting and not link.closing:
            self._lines(link, waiting)
        if not link.deaf:
            link.transport.resume()

    # -- effects ------------------------------------------------------------------------------------------------

    def perform(self, effects: fx.Effects) -> None:
        """Carry out effects in order; those behind a `Persist` once it is durable. What one link is told by several in
        a row leaves together."""
        to, said = 0, list[bytes]()
        for index, effect in enumerate(effects):
            if said and not (type(effect) is fx.Send and effect.link == to):
                self._send(to, b"".join(said))
                said = []
            if type(effect) is fx.Send:
                to = effect.link
                said.append(codec.encode(effect.message))
            elif type(effect) is fx.Persist:
                self.environment.persist(effect.taken(), partial(self.perform, effects[index + 1 :]))
                return
            else:
                _PERFORM[type(effect)](self, effect)
        if said:
            self._send(to, b"".join(said))

    def _relay(self, effect: fx.Relay) -> None:
        self._send(effect.link, effect.lines)

    def _send(self, to: int, lines: bytes) -> None:
        link = self.links.get(to)
        if link is None or link.closing:
            return
        link.send(lines)
        if len(link.outbox) > OUTBOX:
            self.environment.report("outbox_overflow", {"link": link.id})
            self._close(fx.Close(link.id, at_once=True))

    def _close(self, effect: fx.Close) -> None:
        link = self.links.get(effect.link)
        if link is None or link.closing:
            return
        link.closing = True
        if link.cursor is not None:
            link.cursor.close()
            link.cursor = None
        if effect.at_once:
            link.transport.abort()
        else:
            link.transport.close(bytes(link.outbox))
        link.outbox = bytearray()
        link.buffer.rest, link.waiting = b"", []
        self._unfinished.forget(link)

    def _hold(self, effect: fx.Hold) -> None:
        link = self.links.get(effect.link)
        if link is not None and not link.held:
            link.held = True
            link.transport.pause()

    def _release(self, effect: fx.Release) -> None:
        link = self.links.get(effect.link)
        if link is None or not link.held:
            return
        link.held = False
        self._hear_on(link)

    def _dial(self, effect: fx.Dial) -> None:
        self.environment.dial(effect.address, effect.purpose, effect.within)

    def _follow(self, effect: fx.Follow) -> None:
        link = self.links.get(effect.link)
        if link is None or link.closing:
            return
        link.stranger = False
        if effect.held is not None:
            link.cursor = effect.log.resume(effect.held, link.id, link.transport.send, link.transport.write)
        else:
            position = effect.log.end if effect.position is None else effect.position
            link.cursor = effect.log.cursor(position, link.id, link.transport.send, link.transport.write)
        if link.outbox:
            link.cursor.wait()
        else:
            self.drained(link)

    def _trust(self, effect: fx.Trust) -> None:
        link = self.links.get(effect.link)
        if link is not None:
            link.trusted, link.guest, link.stranger = True, False, False
            self._unfinished.forget(link)
            link.buffer.limit = limits.NODE_LINE

    def _soon(self, effect: fx.Flush) -> None:
        self.environment.soon(self._flush)

    def _set_timer(self, effect: fx.SetTimer) -> None:
        self.environment.set_timer(effect.key, effect.after)

    def _cancel_timer(self, effect: fx.CancelTimer) -> None:
        self.environment.cancel_timer(effect.key)

    def _then(self, effect: fx.Then) -> None:
        self.perform(effect.call(self.environment.now()))

    def _hash(self, effect: fx.HashSecret) -> None:
        self.environment.hash_secret(effect.token, effect.secret)

    def _verify(self, effect: fx.VerifySecret) -> None:
        self.environment.verify_secret(effect.token, effect.hash, effect.secret)

    def _report(self, effect: fx.Report) -> None:
        self.environment.report(effect.event, effect.fields)

    def _deliver(self, effect: fx.Deliver) -> None:
        self.environment.deliver(effect.broadcast)

    def _quit(self, effect: fx.Quit) -> None:
        self.environment.quit(effect.info)

    def _stopped(self, effect: fx.Stopped) -> None:
        self.environment.stopped()


_PERFORM: dict[type, Callable[..., None]] = {
    fx.Relay: Host._relay,
    fx.Close: Host._close,
    fx.Hold: Host._hold,
    fx.Release: Host._release,
    fx.Dial: Host._dial,
    fx.Follow: Host._follow,
    fx.Trust: Host._trust,
    fx.Flush: Host._soon,
    fx.SetTimer: Host._set_timer,
    fx.CancelTimer: Host._cancel_timer,
    fx.Then: Host._then,
    fx.HashSecret: Host._hash,
    fx.VerifySecret: Host._verify,
    fx.Report: Host._report,
    fx.Deliver: Host._deliver,
    fx.Quit: Host._quit,
    fx.Stopped: Host._stopped,
}
