"""The main's backups: taken in, fed with a snapshot or entries, watched (DESIGN sections 3 and 4).

Guarantees: a backup gets every entry behind its cursor, in order, on one link; several snapshots at once cost the
main a bounded amount of memory and time per turn. Knows no clients; what counts as committed is `replication`'s.
"""

import base64

from oyez.core import effects as fx
from oyez.core import timing
from oyez.core.central import snapshot
from oyez.core.central.directory import Directory
from oyez.core.central.entries import Entries
from oyez.core.central.replication import Follower, Replication
from oyez.core.central.snapshot import Outgoing
from oyez.core.effects import Effects
from oyez.protocol import nodes as n

LOADS = 0.1
"""Seconds within which the backups hear of changed loads."""


class Backups:
    """Of one central, while it is main. `part` is how many users go into one part of a snapshot."""

    def __init__(self, directory: Directory, entries: Entries) -> None:
        self._directory = directory
        self._entries = entries
        self.part = snapshot.PART
        self._snapshots: dict[int, Outgoing] = {}
        self._loads_pending = False

    def join(self, now: float, main: Replication, link: int, message: n.BackupAuthenticate, key: bytes) -> Effects:
        """Take a backup in: continue from its cursor, or send it everything."""
        central = n.CentralAddress(message.id, message.hostname, message.port)
        effects: Effects = []
        for old in [old for old in main.followers.values() if old.central.id == central.id]:
            effects += [fx.Close(old.link), *self.left(now, main, old.link)]
        follower = Follower(central, link, now)
        main.follower_joined(follower)
        known = self._entries.knows(message.cursor, message.term)
        text = base64.b64encode(key).decode()
        welcome = n.BackupAuthenticationSuccess(
            f"welcome, backup {central.id}", main.term, text, not known, main.configuration
        )
        effects += [fx.Trust(link), fx.Send(link, welcome), *main.voter_joined(central.id, link)]
        effects.append(fx.Report("backup_joined", {"central": central.id, "snapshot": not known}))
        if not known:
            self._snapshots[link] = Outgoing(self._directory, self._entries, main.term, link, self.part)
            return [*effects, *self._snapshots[link].begin(), *self._if_sent(now, main, link)]
        follower.held = message.cursor
        return [*effects, *main.feed(now, follower, message.cursor), *main.review(now)]

    def synchronised(self, now: float, main: Replication, link: int, message: n.Synchronised) -> Effects:
        """It has something more on its disk."""
        outgoing = self._snapshots.get(link)
        if message.part:  # it says nothing of its disk: until the last part is there, that holds nothing
            return [] if outgoing is None else [*outgoing.next(), *self._if_sent(now, main, link)]
        return main.held_by(now, link, message.index)

    def _if_sent(self, now: float, main: Replication, link: int) -> Effects:
        """Once the snapshot's last part is on its way, what happens from now on follows it."""
        if not self._snapshots[link].done:
            return []
        through = self._snapshots.pop(link).through
        return main.feed(now, main.followers[link], through)

    def left(self, now: float, main: Replication, link: int) -> Effects:
        """Its link is gone."""
        central = main.followers[link].central
        self._end_snapshot(link)
        main.link_closed(link)
        return [fx.Report("backup_lost", {"central": central.id}), *main.follower_left(now, link)]

    def beat(self, now: float, main: Replication, slept: bool) -> Effects:
        """Once a heartbeat: show life, act on silence."""
        effects: Effects = []
        for follower in main.followers.values():
            if slept:
                follower.heard = now
            if now - follower.heard >= timing.SUSPICION:
                silent = fx.Report("backup_silent", {"central": follower.central.id})
                effects += [silent, fx.Close(follower.link, at_once=True)]
            else:
                effects.append(fx.Send(follower.link, n.Heartbeat(main.term)))
        return effects

    def loads_changed(self) -> Effects:
        """Tell the backups, soon."""
        if self._loads_pending:
            return []
        self._loads_pending = True
        return [fx.SetTimer("loads", LOADS)]

    def tell_loads(self, main: Replication, loads: dict[str, int]) -> Effects:
        """Tell them now; and how far everything is acknowledged."""
        self._loads_pending = False
        message = n.SynchroniseServerLoad(loads, main.term, self._entries.acknowledged)
        return [fx.Send(follower.link, message) for follower in main.followers.values() if follower.sent is not None]

    def forget(self) -> None:
        """This central is main no more."""
        for link in list(self._snapshots):
            self._end_snapshot(link)
        self._loads_pending = False

    def _end_snapshot(self, link: int) -> None:
        outgoing = self._snapshots.pop(link, None)
        if outgoing is not None:
            outgoing.end()
