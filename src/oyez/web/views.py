"""What a central and a server show of themselves over HTTP: the roles' state, read and never changed.

Guarantees: nothing secret, no username, and no more work than the number of nodes. Must not know: how it is asked for.
"""

from collections.abc import Mapping

from msgspec import structs

from oyez.core.central.central import Central
from oyez.core.server.server import Server
from oyez.protocol.messages import Address, StatusReport
from oyez.web.journal import Journal


class CentralView:
    """Of a central, whose `journal` has what happened."""

    def __init__(self, role: Central, journal: Journal) -> None:
        self._role = role
        self._journal = journal

    def unready(self) -> str | None:
        """A main has to be able to acknowledge, a backup to follow one."""
        report = self._report()
        if report.role == "main":
            return None if report.acknowledging else "too few of those who decide are there to acknowledge anything"
        return None if report.role == "backup" else "there is no main"

    def network(self, since: tuple[int, int]) -> Mapping[str, object]:
        """The report that STATUS gets, who this is, what happened `since`, and who was main when."""
        report, me, journal = self._report(), self._role.me, self._journal
        itself = {"id": me.id, "hostname": me.hostname, "port": me.port, "now": journal.now(), "journal": journal.began}
        return (
            itself
            | structs.asdict(report)
            | {
                "centrals": [structs.asdict(central) for central in report.centrals],
                "servers": [structs.asdict(server) for server in report.servers],
                "terms": list(journal.terms),
                "events": journal.after(*since),
            }
        )

    def metrics(self) -> bytes:
        """None yet."""
        return b""

    def elsewhere(self) -> Address | None:
        """The server with the fewest sessions."""
        ready = [server for server in self._report().servers if server.ready and not server.leaving]
        best = min(ready, key=lambda server: server.load + server.reserved, default=None)
        return None if best is None else Address(best.hostname, best.port)

    def console(self) -> Address | None:
        """It is here."""
        return None

    def hostnames(self) -> list[str]:
        """Of the nodes of this network."""
        report = self._report()
        return [*(one.hostname for one in report.centrals), *(one.hostname for one in report.servers)]

    def _report(self) -> StatusReport:
        role = self._role
        return role.office.status(len(role.directory.users), role.registry.status)


class ServerView:
    """Of a server."""

    def __init__(self, role: Server) -> None:
        self._role = role

    def unready(self) -> str | None:
        """It has to be linked with all others, and to hold what they hold."""
        if self._role.membership.leaving.begun:
            return "it is about to leave"
        return None if self._role.clients.serving else "it is not linked with all other servers yet"

    def network(self, since: tuple[int, int]) -> Mapping[str, object]:
        """Itself, and whom it is linked with."""
        role = self._role
        return {
            "id": role.id,
            "hostname": role.address.hostname,
            "port": role.address.port,
            "centrals": [structs.asdict(central) for central in role.uplink.centrals],
            "sessions": len(role.sessions),
            "ready": self.unready() is None,
            "peers": sorted(peer.id for peer in role.mesh.peers.values() if peer.positioned),
            "accepted": role.origin.sequence,
            "delivered": role.merged.delivered,
        }

    def metrics(self) -> bytes:
        """None yet."""
        return b""

    def elsewhere(self) -> Address | None:
        """The feed is here."""
        return None

    def console(self) -> Address | None:
        """At the main, where this server has joined."""
        uplink = self._role.uplink
        return uplink.central if uplink.joined else None

    def hostnames(self) -> list[str]:
        """Of the nodes that it knows."""
        role = self._role
        return [role.address.hostname, *(c.hostname for c in role.uplink.centrals)]
