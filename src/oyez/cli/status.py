"""`oyez status`: how the network is."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from oyez.cli import links, options, streams
from oyez.cli.printing import counted, table
from oyez.cli.running import run
from oyez.client.addresses import show
from oyez.protocol.messages import Address

if TYPE_CHECKING:
    from oyez.client.encryption import Encryption
    from oyez.protocol.messages import StatusReport


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of tables.")] = False,
    central: options.Central = options.CENTRAL,
    tls: options.Tls = None,
    tls_ca: options.TlsCa = None,
) -> None:
    """Show the centrals and servers of the network, with their sessions and rates.

    "expected" are sessions on their way to a server, "behind" activities that it accepted and the slowest other server
    does not hold yet.

    \b
    Example:
      oyez status
      oyez status --json | jq '.servers[].load'
    """
    secured = links.encryption(tls, tls_ca)
    raise run(_status(as_json, central, secured))


async def _status(as_json: bool, centrals: options.Centrals, secured: "Encryption") -> None:
    import msgspec

    import oyez

    report = await oyez.status(centrals.texts, tls=links.as_tls(secured))
    if as_json:
        await streams.write(msgspec.json.encode(as_data(report)) + b"\n")
    else:
        print_report(report)


def as_data(report: "StatusReport") -> dict[str, Any]:
    """All of it, defaults included, as JSON has it."""
    from msgspec.structs import asdict

    return asdict(report) | {
        "centrals": [asdict(central) for central in report.centrals],
        "servers": [asdict(server) for server in report.servers],
    }


def print_report(report: "StatusReport") -> None:
    """As tables."""
    table(
        f"Centrals (term {report.term})",
        ["id", "address", "role", "in sync", "entries behind"],
        [
            [one.id, show(Address(one.hostname, one.port)), one.role, "yes" if one.in_sync else "no", one.lag]
            for one in report.centrals
        ],
        caption=_decided(report),
    )
    servers = sorted(report.servers, key=lambda server: server.id)
    columns: dict[str, list[object]] = {
        "id": [one.id for one in servers],
        "address": [show(Address(one.hostname, one.port)) for one in servers],
        "state": ["leaving" if one.leaving else "ready" if one.ready else "not ready" for one in servers],
        "sessions": [one.load for one in servers],
        "expected": [one.reserved for one in servers],
        "accepted/s": [one.accepted_rate for one in servers],
        "delivered/s": [one.delivered_rate for one in servers],
        "behind": [one.lag for one in servers],
    }
    for column in ("expected", "behind"):
        if not any(columns[column]):
            del columns[column]  # nobody is on the way, nothing is behind: leave the room to the others
    sessions = sum(server.load for server in servers)
    caption = f"{counted(sessions, 'session')}, {counted(report.users, 'registered user')}"
    table("Servers", columns, zip(*columns.values(), strict=True), caption)


def _decided(report: "StatusReport") -> str:
    """Who decides, and whether anything can be decided now."""
    names = [voter.partition(".")[0] for voter in report.voters]  # of a server's origin, the id says enough
    voters = f"voters: {', '.join(names) or 'none'}"
    if report.role == "candidate":
        return f"{voters}\nno main: registrations and logins wait for one"
    if report.role == "backup":
        return f"{voters}\nthis is what a backup knows: the main could not be asked"
    if not report.acknowledging:
        return f"{voters}\ntoo few of them are connected: registrations can't be acknowledged now"
    if report.changing:
        voters += "\nthe voters are changing: until that is done, those of before are needed, too"
    return f"{voters}\nregistrations can be acknowledged"
