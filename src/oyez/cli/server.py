"""`oyez server`: a regular server as this process."""

import re
import time
from typing import Annotated

import typer

from oyez import __version__
from oyez.cli import limiting, links, logs, nodes, options, pages
from oyez.cli.secrets import cluster_secret
from oyez.protocol.limits import NODE_ID


def server_id(text: str) -> str:
    """A name that a server may have. Raises ValueError."""
    if not re.fullmatch(r"[A-Za-z0-9_-]+", text) or len(text) > NODE_ID:
        raise ValueError(f"{text!r} is not 1 to {NODE_ID} letters, digits, - and _")
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
    limit_links: options.LimitLinks = None,
    limit_links_each: options.LimitLinksEach = options.LIMIT_LINKS_EACH,
    limit_connects: options.LimitConnects = options.LIMIT_CONNECTS,
    limit_strangers: options.LimitStrangers = options.LIMIT_STRANGERS,
    limit_strangers_each: options.LimitStrangersEach = options.LIMIT_STRANGERS_EACH,
    login_patience: options.LoginPatience = options.LOGIN_PATIENCE,
    line_patience: options.LinePatience = options.LINE_PATIENCE,
    limit_unfinished: options.LimitUnfinished = options.LIMIT_UNFINISHED,
    limit_sessions: options.LimitSessions = options.LIMIT_SESSIONS,
    limit_activities: options.LimitActivities = 0.0,
    limit_bytes: options.LimitBytes = options.NONE,
    limit_loopback: options.LimitLoopback = False,
    web_origins: pages.WebOrigins = None,
    console: pages.Console = True,
    feed: pages.Feed = True,
    metrics_for: pages.MetricsFor = "any",
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

    The options --limit-... say what clients may cost it; 0 is no limit.

    \b
    Example:
      OYEZ_SECRET=... oyez server --central 127.0.0.1:3780 --id s1
    """
    secret = cluster_secret(secret_file)
    hostname = options.reachable(host, advertise)
    identity = links.identity(tls_cert, tls_key, tls_ca, hostname)

    from random import SystemRandom

    from oyez.core.limits.buckets import Rate
    from oyez.core.limits.settings import ServerLimits
    from oyez.core.server.server import Server
    from oyez.host.measures import Measures
    from oyez.host.unfinished import Unfinished
    from oyez.net.node import Node
    from oyez.protocol.messages import Address

    door = limiting.door(
        limit_links,
        limit_links_each,
        limit_connects,
        limit_strangers,
        limit_strangers_each,
        login_patience,
        limit_loopback,
    )
    activities = Rate(limit_activities, max(1.0, limit_activities))
    limits = ServerLimits(door, limit_sessions, activities, Rate(limit_bytes, limit_bytes))
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
            limits=limits,
            traced=log_level is logs.Level.DEBUG,
        )

    measures = Measures(__version__)
    node = Node(
        make_role,
        Address(host, port),
        identity=identity,
        plain_outside=insecure_plaintext,
        door=door,
        unfinished=Unfinished(line_patience, limit_unfinished),
        doorway=pages.server(web_origins, console, feed, metrics_for, measures, identity is not None),
        measures=measures,
        log=watch.report,
    )
    nodes.run(node, lambda _: watch.listening(central=str(central)), until_eof)
