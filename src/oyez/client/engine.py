"""What a connection needs of whatever runs its role: `net` has it, and tests may have another.

Must not know: sockets, connections.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from oyez.core.role import Role
from oyez.host import Host
from oyez.protocol import messages as m


class Machine(Protocol):
    """Runs a role."""

    host: Host

    def start(self) -> None:
        """The node is up."""
        ...

    async def stop(self) -> None:
        """End it, links and all."""
        ...


class Engine(Protocol):
    """Makes a `Machine` on the running loop: `net.environment.NetEnvironment` is one."""

    def __call__(
        self,
        role: Role,
        on_end: Callable[[Exception], None],
        *,
        line_limit: int,
        deliver: Callable[[m.ActivityBroadcast], None],
        log: Callable[[str, Mapping[str, object]], None],
    ) -> Machine:
        """`on_end` hears why it can't go on."""
        ...
