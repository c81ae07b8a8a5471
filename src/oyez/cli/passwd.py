"""`oyez passwd`: a user gets another secret."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import links, options
from oyez.cli.running import run
from oyez.cli.secrets import cluster_secret, new_user_secret, user_secret
from oyez.protocol.messages import ANONYMOUS

if TYPE_CHECKING:
    from oyez.client.encryption import Encryption
    from oyez.protocol.users import ChangeSecret, SetSecret


def passwd(
    user: Annotated[str, typer.Argument(metavar="USER", parser=options.reads(options.parse_user), help="Whose.")],
    central: options.Central = options.CENTRAL,
    user_secret_file: options.UserSecretFile = None,
    new_secret_file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="File that holds the new secret; otherwise OYEZ_NEW_SECRET has it, or it is asked for.",
        ),
    ] = None,
    operator: Annotated[
        bool, typer.Option("--operator", help="Set it with the cluster's secret, without knowing the present one.")
    ] = False,
    secret_file: options.SecretFile = None,
    tls: options.Tls = None,
    tls_ca: options.TlsCa = None,
) -> None:
    """Change a user's secret.

    The present secret is asked for, and the new one, twice, unless the environment or files have them. All sessions of
    this user end, and nothing that was given to them is good any more: they log in again, with the new secret.

    \b
    Example:
      oyez passwd alice --central 127.0.0.1:3780
      OYEZ_SECRET=... oyez passwd alice --operator
    """
    from oyez.protocol.users import ChangeSecret, SetSecret

    if user == ANONYMOUS:
        raise typer.BadParameter(f"{ANONYMOUS} has no secret", param_hint="USER")
    question: ChangeSecret | SetSecret
    if operator:
        cluster = cluster_secret(secret_file)
        question = SetSecret(cluster, user, new_user_secret(user, new_secret_file))
    else:
        present = user_secret(user, user_secret_file) or ""
        question = ChangeSecret(user, present, new_user_secret(user, new_secret_file))
    raise run(_passwd(question, central, links.encryption(tls, tls_ca)))


async def _passwd(question: "ChangeSecret | SetSecret", centrals: options.Centrals, secured: "Encryption") -> None:
    from oyez.client.central import ask
    from oyez.protocol.users import ChangeSecretSuccess

    await ask(list(centrals), question, ChangeSecretSuccess, 10.0, secured)
    print(f"{question.username} has a new secret", file=sys.stderr)
