"""`oyez central`: the main central as this process."""

from typing import Annotated

import typer

from oyez.cli import logs, nodes, options
from oyez.cli.failing import fail
from oyez.cli.secrets import cluster_secret


def central(
    host: options.Host = "127.0.0.1",
    port: options.Port = 3780,
    data: options.Data = None,
    advertise: options.Advertise = None,
    secret_file: options.SecretFile = None,
    anonymous: Annotated[
        bool, typer.Option("--anonymous/--no-anonymous", help="Whether people may log in without a name of their own.")
    ] = True,
    log_format: logs.LogFormat = logs.Format.AUTO,
    log_level: logs.LogLevel = logs.Level.INFO,
    until_eof: nodes.UntilEof = False,
) -> None:
    """Run a central: the one address that everybody knows.

    It registers users, checks their secrets, and sends each client to a server. Users are kept in central.sqlite in
    the data folder. SIGTERM or Ctrl-C ends it cleanly.

    \b
    Example:
      OYEZ_SECRET=... oyez central --port 3780 --data /var/lib/oyez
    """
    secret = cluster_secret(secret_file)
    hostname = options.reachable(host, advertise)
    logs.configure(log_format, log_level, node="central")

    from random import SystemRandom

    from oyez.core.central import Central
    from oyez.net.node import Node
    from oyez.protocol.messages import Address
    from oyez.storage.port import StorageError
    from oyez.storage.sqlite import SqliteStore

    try:
        store = SqliteStore((data or options.data_directory()) / "central.sqlite")
        stored = store.load()
    except StorageError as error:
        raise fail(error) from error

    def make_role(address: Address) -> Central:
        known_as = Address(hostname, address.port)
        return Central(known_as, secret, stored.users, stored.servers, stored.key, SystemRandom(), anonymous)

    def listening(address: Address) -> None:
        logs.report("listening", {"address": str(address), "data": str(store.path), "users": len(stored.users)})
        nodes.say_ready("central", Address(hostname, address.port))

    node = Node(make_role, Address(host, port), store=store, secret_threads=2, log=logs.report)
    nodes.run(node, listening, until_eof)
