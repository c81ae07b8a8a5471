"""`oyez user`: who is registered, and who is no more; for operators."""

import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import links, options, streams
from oyez.cli.configured import below
from oyez.cli.printing import counted, printable, table
from oyez.cli.running import run
from oyez.cli.secrets import cluster_secret

if TYPE_CHECKING:
    from oyez.client.encryption import Encryption
    from oyez.protocol.users import UserStatus

user = typer.Typer(
    help="""See who is registered, and remove users. Needs the cluster's secret.

    \b
    Example:
      OYEZ_SECRET=... oyez user list
      OYEZ_SECRET=... oyez user remove alice
    """,
    no_args_is_help=True,
    rich_markup_mode=None,
)

WARNING = """\
{user} is to be removed:

- All sessions of {user} end, and nobody logs in under that name any more.
- The name is free: whoever registers it next is taken for {user} by those who don't know better.
"""


@user.command("list", cls=below("user"))
def list_users(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line instead of a table.")] = False,
    central: options.Central = options.CENTRAL,
    secret_file: options.SecretFile = None,
    tls: options.Tls = None,
    tls_ca: options.TlsCa = None,
) -> None:
    """List all registered users, by name, and how many sessions each has now.

    \b
    Example:
      OYEZ_SECRET=... oyez user list
      OYEZ_SECRET=... oyez user list --json
    """
    secret = cluster_secret(secret_file)
    raise run(_list(as_json, central, secret, links.encryption(tls, tls_ca)))


async def _list(as_json: bool, centrals: options.Centrals, secret: str, secured: "Encryption") -> None:
    import msgspec

    if as_json:
        encode = msgspec.json.Encoder().encode
        async for one in _all(centrals, secret, secured):
            await streams.write(encode({"username": one.username, "sessions": one.sessions}) + b"\n")
        return
    users = [one async for one in _all(centrals, secret, secured)]
    rows = [[one.username, one.sessions] for one in users]
    table("Registered", ["user", "sessions"], rows, caption=counted(len(users), "user"))


async def _all(centrals: options.Centrals, secret: str, secured: "Encryption") -> "AsyncIterator[UserStatus]":
    """As the main tells them, a batch at a time. Raises Refused, Unreachable."""
    from oyez.client.central import ask
    from oyez.protocol.users import ListUsers, ListUsersSuccess

    after, more = "", True
    while more:
        report = await ask(list(centrals), ListUsers(secret, after), ListUsersSuccess, 10.0, secured)
        for one in report.users:
            yield one
            after = one.username
        more = report.more


@user.command(cls=below("user"))
def remove(
    name: Annotated[str, typer.Argument(metavar="USER", parser=options.reads(options.parse_user), help="Whom.")],
    central: options.Central = options.CENTRAL,
    secret_file: options.SecretFile = None,
    tls: options.Tls = None,
    tls_ca: options.TlsCa = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
) -> None:
    """Remove a user; the name may then be registered again, by anybody.

    Prints what that means, and asks.

    \b
    Example:
      OYEZ_SECRET=... oyez user remove alice
    """
    secret = cluster_secret(secret_file)
    secured = links.encryption(tls, tls_ca)
    print(WARNING.format(user=printable(name)), file=sys.stderr)
    if not yes:
        typer.confirm("Remove this user?", abort=True, err=True)
    raise run(_remove(name, central, secret, secured))


async def _remove(name: str, centrals: options.Centrals, secret: str, secured: "Encryption") -> None:
    from oyez.client.central import ask
    from oyez.protocol.users import RemoveUser, RemoveUserSuccess

    await ask(list(centrals), RemoveUser(secret, name), RemoveUserSuccess, 10.0, secured)
    print(f"{printable(name)} is removed", file=sys.stderr)
