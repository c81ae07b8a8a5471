"""What can be hoped for once all is healed: whether the network is whole again, or can't be by itself (ADR 8).

Looks into the roles of all nodes, as no node can. Must not change anything.
"""

from oyez.core import configuration as cfg
from oyez.core.central.central import Central
from oyez.core.role import Role
from oyez.core.server.server import Server
from oyez.core.voter import Voter
from oyez.protocol.nodes import Configuration
from oyez.sim.history import is_central
from oyez.sim.node import Node


def _role(node: Node) -> Role | None:
    return node.process.host.role if node.process is not None else None


def centrals(nodes: list[Node]) -> list[Central]:
    """The roles of the centrals that run."""
    return [role for role in map(_role, nodes) if isinstance(role, Central)]


def servers(nodes: list[Node]) -> list[Server]:
    """The roles of the servers that run."""
    return [role for role in map(_role, nodes) if isinstance(role, Server)]


def loads(nodes: list[Node]) -> dict[str, int]:
    """How many sessions each server has that runs, and is not leaving."""
    return {role.id: len(role.sessions) for role in servers(nodes) if not role.membership.leaving.begun}


def whole(nodes: list[Node]) -> bool:
    """Is there one main, with all other centrals in sync, and all servers ready, none of which is about to leave?"""
    if any(role.membership.leaving.begun for role in servers(nodes)):
        return False
    mains = [role for role in centrals(nodes) if role.office.is_main]
    if len(mains) != 1:
        return False
    main, reign = mains[0], mains[0].office.replication
    if reign is None or reign.adopted is not reign.configuration or reign.configuration.before:
        return False
    backups = [role for role in centrals(nodes) if role is not main]
    joined = all(role.uplink.joined and role.me.id in reign.configuration.in_sync for role in backups)
    ready = {server.id for server in main.directory.servers.values() if server.ready}
    return joined and ready == {role.id for role in servers(nodes)}


def stranded(node: Node, nodes: list[Node]) -> bool:
    """Does it know no central that is left? A central that has been part of the network is known to the others."""
    role = _role(node)
    if not isinstance(role, Central | Server) or role.uplink.joined:
        return False
    if isinstance(role, Central) and role.office.voter.configuration is not None:
        return False
    left = {other.name for other in nodes} - {node.name}
    return not any(address.hostname in left for address in role.uplink.centrals)


def successor(nodes: list[Node], gone: list[Node]) -> tuple[str, bool] | None:
    """Which central the operator should promote where there is no hope, and whether nothing can be lost by that: which
    only the disks of those that are gone may tell."""
    roles = centrals(nodes)
    newest = _newest(nodes)
    if newest is None or not roles:
        return None
    reigning = [role for role in roles if role.office.is_main and role.office.term == newest.term]
    in_sync = [role for role in roles if role.me.id in newest.in_sync]
    best = max(reigning or in_sync or roles, key=lambda role: (role.entries.last_term, role.entries.last))
    disks = [node.disk.stored().voter.configuration for node in gone if is_central(node.name)]
    last = max((newest, *disks), key=cfg.place)
    return best.me.hostname, last is not None and best.me.id in last.in_sync


def _newest(nodes: list[Node]) -> Configuration | None:
    voters = [role.office.voter for role in centrals(nodes)] + [role.voter for role in servers(nodes)]
    return max((voter.configuration for voter in voters), key=cfg.place, default=None)


def _all_with(main: Central, nodes: list[Node]) -> bool:
    others = [role for role in centrals(nodes) if role is not main]
    reign = main.office.replication
    backups = set() if reign is None else {follower.central.id for follower in reign.followers.values()}
    joined = {role.voter.id for role in servers(nodes)} <= (set() if reign is None else set(reign.voters))
    return joined and all(role.me.id in backups for role in others)


def hopeless(nodes: list[Node]) -> str:
    """Why there can't be a main that acknowledges, with these nodes alone; nothing where there can."""
    voters: dict[str, Voter] = {role.me.id: role.office.voter for role in centrals(nodes)}
    voters |= {role.voter.id: role.voter for role in servers(nodes)}
    newest = _newest(nodes)
    if not centrals(nodes):
        return "no central is left that was part of the network"
    if newest is None:
        return ""
    for role in centrals(nodes):
        reign = role.office.replication
        if reign is not None and reign.term == newest.term:
            needed = [reign.configuration] if reign.adopted is None else [reign.configuration, reign.adopted]
            if all(cfg.confirmed(configuration, voters) for configuration in needed):
                return ""
            if _all_with(role, nodes):  # and nobody votes while its own link to a main is alive
                return f"too few voters are left to confirm the main of term {newest.term}"
    able = [role.me.id for role in centrals(nodes) if role.me.id in newest.in_sync]
    if not able:
        return f"no central is left that was in sync in configuration {newest.version} of term {newest.term}"
    if not cfg.elected(newest, voters):
        return f"too few voters are left of configuration {newest.version} of term {newest.term}"
    return ""
