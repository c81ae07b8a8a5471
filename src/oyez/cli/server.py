"""`oyez server`: a regular server as this process."""

import re
import time
from typing import Annotated

import typer

from oyez.cli import links, logs, nodes, options
from oyez.cli.secrets import cluster_secret
from oyez.protocol import limits


def server_id(text: str) -> str:
    """A name that a server may have. Raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text) or len(text) > limits.NODE_ID:
        raise ValueError(f"{text!r} is not 1 to {limits.NODE_ID} letters, digits, - and _")
    return text


def server(
    central: Annotated[
        options.Centrals,
        typer.Option(
            envvar="OYEZ_CENTRAL",
            metavar="HOST:PORT",
            parser=options.centrals,
            help="The central to join; several, with commas between, are tried in turn until one is the main.",
        ),
    ],
    host: options.Host = "127.0.0.1",
    port: options.Port = 0,
    id: Annotated[
        str | None,
        typer.Option(
            metavar="ID",
            parser=options.reads(server_id),
            show_default="random",
            help="This server's name in the network: letters, digits, - and _.",
        ),
    ] = None,
    advertise: options.Advertise = None,
    copies: options.Copies = options.COPIES,
    retention: options.Retention = options.RETENTION,
    retention_age: options.RetentionAge = None,
    patience: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0.1, help="After so long a client that takes nothing is closed."),
    ] = 30.0,
    secret_file: options.SecretFile = None,
    tls_cert: options.TlsCert = None,
    tls_key: options.TlsKey = None,
    tls_ca: options.NodesTlsCa = None,
    insecure_plaintext: options.InsecurePlaintext = False,
    log_format: logs.LogFormat = logs.Format.AUTO,
    log_level: logs.LogLevel = logs.Level.INFO,
    until_eof: nodes.UntilEof = False,
) -> None:
    """Run a server: it holds clients' sessions, and gives every activity to all of them.

    It joins the network that the central knows, and is ready once it is linked with every other server and holds what
    they hold. It learns the other centrals from the main; those that do not answer are tried for ever.

    SIGTERM has it leave, as `oyez drain` does: it sends its sessions to other servers, waits until these hold all that
    it has accepted, and ends, after 30 s at most; at once where there is no other server. Ctrl-C (SIGINT), or a second
    SIGTERM, ends it at once: then its clients find another one by themselves.

    \b
    Example:
      OYEZ_SECRET=... oyez server --central 127.0.0.1:3780 --id s1
    """
    secret = cluster_secret(secret_file)
    hostname = options.reachable(host, advertise)
    identity = links.identity(tls_cert, tls_key, tls_ca, hostname)

    from random import SystemRandom

    from oyez.core.server.server import Server
    from oyez.net.node import Node
    from oyez.protocol.messages import Address

    entropy = SystemRandom()
    name = id or f"s{entropy.getrandbits(32):08x}"
    logs.configure(log_format, log_level, node=name)
    watch = nodes.Watch("server", lambda: {"central": str(central)})

    def make_role(address: Address) -> Server:
        watch.address = Address(hostname, address.port)
        incarnation = int(time.time() * 1000)
        return Server(
            name,
            watch.address,
            list(central),
            secret,
            incarnation,
            entropy,
            retention=retention,
            patience=patience,
            copies=copies,
            age=retention_age,
        )

    node = Node(
        make_role,
        Address(host, port),
        identity=identity,
        plain_outside=insecure_plaintext,
        log=watch.report,
    )
    nodes.run(node, lambda _: watch.listening(central=str(central)), until_eof)
