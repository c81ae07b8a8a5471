"""Looks on when a central is elected or acknowledges a registration, and writes down what is so at that moment.

It sees what no node can see at once: the disks of all centrals, and the new main's whole directory. Nothing is judged
here; `checkers` do that.
"""

from collections.abc import Callable, Mapping

from oyez.core import configuration as cfg
from oyez.core.central.central import Central
from oyez.protocol.messages import ActivityBroadcast
from oyez.sim.history import Acknowledged, Elected
from oyez.sim.node import Node


class Witness:
    """Of the central at `node`; `centrals` gives all of them, each with the name of its node for an id."""

    def __init__(self, node: Node, centrals: Callable[[], list[Node]]) -> None:
        self._node = node
        self._centrals = centrals

    def reported(self, event: str, fields: Mapping[str, object]) -> None:
        """See `node.User`."""
        if event == "elected":
            self._elected(int(str(fields["term"])))
        elif event == "registered":
            self._acknowledged(str(fields["username"]), int(str(fields["term"])))

    @property
    def _role(self) -> Central:
        assert self._node.process is not None
        role = self._node.process.host.role
        assert isinstance(role, Central)
        return role

    def _elected(self, term: int) -> None:
        node, world = self._node, self._node.world
        users = dict(sorted(self._role.directory.users.items()))
        world.record(Elected(world.clock.now, node.name, node.incarnation, term, users))

    def _acknowledged(self, username: str, term: int) -> None:
        node, world, main = self._node, self._node.world, self._role.office.replication
        hash = self._role.directory.users.get(username, "")
        adopted = main.adopted if main is not None and main.term == term else None
        world.record(
            Acknowledged(
                at=world.clock.now,
                node=node.name,
                incarnation=node.incarnation,
                term=term,
                username=username,
                hash=hash,
                wanted=() if adopted is None else adopted.in_sync,
                disks=tuple(c.name for c in self._centrals() if c.disk.stored().users.get(username) == hash),
                kept=node.disk.since.get((username, hash), 0.0),
                groups=() if adopted is None else tuple(tuple(sorted(group)) for group in cfg.groups(adopted)),
                centrals=() if adopted is None else tuple(central.id for central in adopted.centrals),
            )
        )

    def delivered(self, broadcast: ActivityBroadcast) -> None:
        """See `node.User`: a central delivers nothing."""
        raise NotImplementedError

    def died(self) -> None:
        """See `node.User`."""
