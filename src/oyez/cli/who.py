"""`oyez who`: who is connected, and where."""

from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import links, options, streams
from oyez.cli.printing import counted, table
from oyez.cli.running import run
from oyez.cli.secrets import user_secret

if TYPE_CHECKING:
    from oyez.client.encryption import Encryption
    from oyez.protocol.messages import WhoReport


def who(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    central: options.Central = options.CENTRAL,
    user: options.User = "anonymous",
    user_secret_file: options.UserSecretFile = None,
    tls: options.Tls = None,
    tls_ca: options.TlsCa = None,
) -> None:
    """Show who is connected, and at which server.

    \b
    Example:
      oyez who
      oyez who --user alice --json
    """
    secret = user_secret(user, user_secret_file)
    secured = links.encryption(tls, tls_ca)
    raise run(_who(as_json, central, user, secret, secured))


async def _who(as_json: bool, centrals: options.Centrals, user: str, secret: str | None, secured: "Encryption") -> None:
    import msgspec

    import oyez

    report = await oyez.who(centrals.texts, user=user, secret=secret, tls=links.as_tls(secured))
    if as_json:
        await streams.write(msgspec.json.encode({"total": report.total, "users": report.users}) + b"\n")
    else:
        print_report(report)


def print_report(report: "WhoReport") -> None:
    """As a table."""
    listed = sum(one.sessions for one in report.users)
    more = f", of which {listed} are listed" if listed < report.total else ""
    table(
        "Connected",
        ["user", "server", "sessions"],
        [[one.username, one.server, one.sessions] for one in report.users],
        caption=f"{counted(report.total, 'session')}{more}",
    )
