"""What a central and a server show of themselves over HTTP: the roles' state, read and never changed.

Guarantees: nothing secret, no username, and no more work than the number of nodes. Must not know: how it is asked for.
"""

from collections.abc import Mapping

from msgspec import structs

from oyez.core.central.central import Central
from oyez.core.peer import From
from oyez.core.server.server import Server
from oyez.host import Host
from oyez.host.measures import Measures
from oyez.protocol.messages import Address, StatusReport
from oyez.web import metrics
from oyez.web.journal import Journal


class CentralView:
    """Of a central, whose `journal` has what happened."""

    def __init__(self, host: Host, measures: Measures, journal: Journal) -> None:
        assert isinstance(host.role, Central)
        self._role = host.role
        self._host = host
        self._measures = measures
        self._journal = journal

    def unready(self) -> str | None:
        """A main has to be able to acknowledge, a backup to be able to take its place."""
        report = self._report()
        if report.role == "main":
            return None if report.acknowledging else "too few of those who decide are there to acknowledge anything"
        if report.role != "backup" or not self._role.uplink.joined:
            return "there is no main"
        return None if self._role.office.eligible else "it does not hold all that the main has acknowledged yet"

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
        """See `metrics`."""
        ready = self.unready() is None
        return metrics.of_central(self._host, self._role, self._report(), self._measures, ready)

    def who(self, link: int) -> From:
        """Who is at the other end of a link."""
        return self._role.strangers.door.who(link)

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

    def __init__(self, host: Host, measures: Measures) -> None:
        assert isinstance(host.role, Server)
        self._role = host.role
        self._host = host
        self._measures = measures

    def unready(self) -> str | None:
        """It has to be linked with all others, and to hold what they hold."""
        role = self._role
        if role.membership.leaving.begun:
            return "it is about to leave"
        if not role.clients.serving:
            return "it is not linked with all other servers yet"
        lost = sorted(peer.id for peer in role.mesh.peers.values() if peer.listed and not peer.positioned)
        return f"it has no link with {', '.join(lost)}" if lost else None

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
        """See `metrics`."""
        return metrics.of_server(self._host, self._role, self._measures, self.unready() is None)

    def who(self, link: int) -> From:
        """Who is at the other end of a link."""
        return self._role.door.who(link)

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
