"""The metrics of a node: what there is, and how each is read from its state at the moment of a scrape.

Guarantees: every family that a node tells is in `COMMON`, `OF_SERVERS` or `OF_CENTRALS`, from which docs/metrics.md is
made; no usernames, no addresses; no more labels than there are nodes, and reasons in the code. Costs nothing but at a
scrape, and then a step for each node and each session. Must not know: how it is asked for.
"""

import platform

from oyez.core.central.central import Central
from oyez.core.server.server import Server
from oyez.host import Host
from oyez.host.measures import Measures
from oyez.protocol.messages import StatusReport
from oyez.web import process
from oyez.web.events import EventsLink
from oyez.web.exposition import Family, Page
from oyez.web.websocket import WebSocketLink

BUILD = Family("oyez_build_info", "gauge", "1; the labels say what runs", ("version", "python", "role"))
READY = Family("oyez_ready", "gauge", "1 if the node can do its job, as /readyz says it")
LINKS = Family("oyez_links", "gauge", "Links that are open, of any kind")
TERM = Family("oyez_term", "gauge", "The newest term of a main that this node has heard of")
EVENTS = Family("oyez_events_total", "counter", "What the node has reported, by its name in the log", ("event",))
REFUSALS = Family("oyez_refusals_total", "counter", "Refusals, by the reason that was told", ("reason",))
TURNED_AWAY = Family(
    "oyez_turned_away_total", "counter", "Connections that were turned away before they were links", ("reason",)
)
ENDS = Family(
    "oyez_certificate_ends_seconds", "gauge", "When its certificate, or the authority, ends: in seconds since 1970"
)
LAG = Family("oyez_loop_lag_seconds", "histogram", "How late the event loop runs what is due, looked at twice a second")
COMMON = (BUILD, READY, LINKS, TERM, EVENTS, REFUSALS, TURNED_AWAY, ENDS, LAG, *process.FAMILIES)

SESSIONS = Family("oyez_sessions", "gauge", "Sessions that are open, by what they speak", ("kind",))
OPENED = Family("oyez_sessions_opened_total", "counter", "Sessions that were opened")
ACCEPTED = Family("oyez_activities_accepted_total", "counter", "Activities that clients of this server have posted")
ACCEPTED_BYTES = Family("oyez_accepted_bytes_total", "counter", "The same in bytes, as they travel on as lines")
SHOWN_BYTES = Family("oyez_shown_bytes_total", "counter", "Bytes of activities, of all servers, that were shown here")
DELIVERIES = Family("oyez_deliveries_total", "counter", "Activities handed to clients, counted once for each")
DELIVERED_BYTES = Family("oyez_delivered_bytes_total", "counter", "The same in bytes of lines")
GAPS = Family("oyez_gaps_told_total", "counter", "Sessions that were told of a gap")
SLOW = Family("oyez_slow_consumers_closed_total", "counter", "Sessions that were closed because they read too slowly")
BEHIND = Family("oyez_readers_behind", "gauge", "Sessions that are behind the newest activity now")
UNSHOWN = Family("oyez_unshown_activities", "gauge", "Own activities that wait for enough copies")
UNCOPIED = Family("oyez_uncopied_activities", "gauge", "Own activities that not every other server holds yet")
PEER = Family("oyez_peer_connected", "gauge", "1 if there is a working link with this server of the network", ("peer",))
PEER_LAG = Family("oyez_peer_lag_activities", "gauge", "Own activities that this server does not hold yet", ("peer",))
LOG = Family("oyez_log_bytes", "gauge", "Bytes held: merged is for clients, origin for the other servers", ("log",))
RETENTION = Family("oyez_log_retention_bytes", "gauge", "Most bytes that the merged log holds")
AGE = Family("oyez_log_retention_seconds", "gauge", "Seconds after which activities are forgotten; none: by size alone")
JOINED = Family("oyez_central_connected", "gauge", "1 if the main has taken this server in")
LEAVING = Family("oyez_leaving", "gauge", "1 if this server is about to leave")
OF_SERVERS = (
    *(SESSIONS, OPENED, ACCEPTED, ACCEPTED_BYTES, SHOWN_BYTES, DELIVERIES, DELIVERED_BYTES, GAPS, SLOW, BEHIND),
    *(UNSHOWN, UNCOPIED, PEER, PEER_LAG, LOG, RETENTION, AGE, JOINED, LEAVING),
)

MAIN = Family("oyez_is_main", "gauge", "1 if this central is the main, as far as it knows")
ABLE = Family("oyez_can_acknowledge", "gauge", "1 if this central is the main and enough voters are connected with it")
ROLE = Family("oyez_central_role", "gauge", "1 for what this central is now", ("role",))
ELECTIONS = Family("oyez_elections_total", "counter", "How often this central became main")
VOTERS = Family("oyez_voters", "gauge", "Those who decide who is main, as this central knows them")
VOTERS_HERE = Family("oyez_voters_connected", "gauge", "Those of them that this main is connected with, and itself")
USERS = Family("oyez_users", "gauge", "Users in the directory")
REGISTERED = Family("oyez_registrations_total", "counter", "Registrations that were acknowledged here")
PLACED = Family("oyez_placements_total", "counter", "Clients that were sent to a server")
ENTRIES = Family("oyez_directory_entries", "gauge", "Index of the last entry of the directory log")
COMMITTED = Family("oyez_directory_committed", "gauge", "Index of the last entry that is known to be committed")
IN_SYNC = Family("oyez_central_in_sync", "gauge", "1 if this central may become main at once", ("central",))
BACKUP = Family("oyez_backup_connected", "gauge", "1 if this backup is connected with this main", ("central",))
BACKUP_LAG = Family("oyez_backup_lag_entries", "gauge", "Entries that this backup does not hold yet", ("central",))
SERVER_READY = Family("oyez_server_ready", "gauge", "1 if this server may be given clients", ("server",))
SERVER_LOAD = Family("oyez_server_sessions", "gauge", "Sessions of this server, as it has told", ("server",))
SERVER_KEPT = Family("oyez_server_reserved", "gauge", "Places kept there for clients on their way", ("server",))
SERVER_LAG = Family("oyez_server_lag_activities", "gauge", "Its activities that not all others hold", ("server",))
COMMIT = Family("oyez_commit_seconds", "histogram", "How long a commit to disk took, its fsync included")
HASHING = Family("oyez_argon2_seconds", "histogram", "How long hashing or checking a secret took")
OF_CENTRALS = (
    *(MAIN, ABLE, ROLE, ELECTIONS, VOTERS, VOTERS_HERE, USERS, REGISTERED, PLACED, ENTRIES, COMMITTED, IN_SYNC),
    *(BACKUP, BACKUP_LAG, SERVER_READY, SERVER_LOAD, SERVER_KEPT, SERVER_LAG, COMMIT, HASHING),
)

_KINDS: dict[type, str] = {WebSocketLink: "websocket", EventsLink: "events"}


def of_server(host: Host, role: Server, measures: Measures, ready: bool) -> bytes:
    """What a server tells."""
    page, now = Page(), host.environment.now()
    _common(page, host, measures, ready, "server", role.voter.promised)
    kinds = {"lines": 0, "websocket": 0, "events": 0}
    for link in role.sessions.by_link:
        if link in host.links:
            kinds[_KINDS.get(type(host.links[link].transport), "lines")] += 1
    for kind, count in kinds.items():
        page.add(SESSIONS, count, kind)
    page.add(OPENED, measures.events["session_opened"])
    page.add(ACCEPTED, role.origin.sequence)
    page.add(ACCEPTED_BYTES, role.origin.log.end)
    page.add(SHOWN_BYTES, role.merged.end)
    page.add(DELIVERIES, role.merged.delivered)
    page.add(DELIVERED_BYTES, role.merged.sent)
    page.add(GAPS, measures.gaps)
    page.add(SLOW, measures.refused["slow_consumer"])
    page.add(BEHIND, len(role.merged.behind))
    page.add(UNSHOWN, role.broadcast.lag)
    page.add(UNCOPIED, role.origin.sequence - role.mesh.held_by_all(now))
    for peer in role.mesh.peers.values():
        if peer.listed:
            page.add(PEER, peer.positioned, peer.id)
            page.add(PEER_LAG, role.origin.sequence - peer.holds, peer.id)
    page.add(LOG, role.merged.size, "merged")
    page.add(LOG, role.origin.log.size, "origin")
    page.add(RETENTION, role.merged.retention)
    if role.broadcast.age is not None:
        page.add(AGE, role.broadcast.age)
    page.add(JOINED, role.uplink.joined)
    page.add(LEAVING, role.membership.leaving.begun)
    return page.serialize()


def of_central(host: Host, role: Central, report: StatusReport, measures: Measures, ready: bool) -> bytes:
    """What a central tells."""
    page = Page()
    _common(page, host, measures, ready, "central", report.term)
    page.add(MAIN, role.office.is_main)
    page.add(ABLE, report.acknowledging)
    for name in ("main", "backup", "candidate"):
        page.add(ROLE, report.role == name, name)
    page.add(ELECTIONS, measures.events["elected"])
    page.add(VOTERS, len(report.voters))
    replication = role.office.replication
    if replication is not None:
        page.add(VOTERS_HERE, len({role.me.id, *replication.voters} & set(report.voters)))
    page.add(USERS, report.users)
    page.add(REGISTERED, measures.events["registered"])
    page.add(PLACED, measures.events["placed"])
    page.add(ENTRIES, role.entries.last)
    page.add(COMMITTED, role.entries.committed)
    for central in report.centrals:
        page.add(IN_SYNC, central.in_sync, central.id)
        if replication is not None and central.id != role.me.id:
            page.add(BACKUP, central.role == "backup", central.id)
            page.add(BACKUP_LAG, central.lag, central.id)
    for server in report.servers if replication is not None else []:
        page.add(SERVER_READY, server.ready and not server.leaving, server.id)
        page.add(SERVER_LOAD, server.load, server.id)
        page.add(SERVER_KEPT, server.reserved, server.id)
        page.add(SERVER_LAG, server.lag, server.id)
    page.add_histogram(COMMIT, measures.commits)
    page.add_histogram(HASHING, measures.hashing)
    return page.serialize()


def _common(page: Page, host: Host, measures: Measures, ready: bool, role: str, term: int) -> None:
    page.add(BUILD, 1, measures.version, platform.python_version(), role)
    page.add(READY, ready)
    page.add(LINKS, len(host.links))
    page.add(TERM, term)
    for event, count in sorted(measures.events.items()):
        page.add(EVENTS, count, event)
    for reason, count in sorted(measures.refused.items()):
        page.add(REFUSALS, count, reason)
    for reason, count in sorted(measures.turned_away.items()):
        page.add(TURNED_AWAY, count, reason)
    if measures.certificate_ends is not None:
        page.add(ENDS, measures.certificate_ends)
    page.add_histogram(LAG, measures.lag)
    process.tell(page)
