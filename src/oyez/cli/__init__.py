"""The command line, `oyez`: one command a file.

Promises to whoever calls it: standard output has data and nothing else; what goes wrong is one sentence on standard
error and exit code 1, a mistake in the usage exit code 2. To start fast, a command imports what it runs on (the nodes,
rich, prompt_toolkit, the simulator) when it is run, not before. Must not know: anything that the library below it
could know.
"""

import typer

from oyez.cli import (
    backup,
    central,
    certs,
    client,
    config,
    drain,
    passwd,
    post,
    promote,
    register,
    restore,
    server,
    simulate,
    status,
    tail,
    up,
    user,
    who,
)
from oyez.cli.configured import Configured

app = typer.Typer(
    help="Oyez, a real-time activity network: one known address, and every activity reaches everyone connected.",
    epilog="Start with: oyez up",
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help starts twice as fast, and its examples can be copied
    pretty_exceptions_enable=False,  # a bug of ours shows its whole traceback
)
for command in (
    up.up,
    central.central,
    server.server,
    register.register,
    passwd.passwd,
    post.post,
    tail.tail,
    client.client,
    status.status,
    who.who,
    drain.drain,
    promote.promote,
    backup.backup,
    restore.restore,
    simulate.simulate,
):
    app.command(cls=Configured)(command)


app.add_typer(certs.certs, name="certs")
app.add_typer(config.config, name="config")
app.add_typer(user.user, name="user")


def main() -> None:
    """Run the command that the arguments name."""
    app(prog_name="oyez")
