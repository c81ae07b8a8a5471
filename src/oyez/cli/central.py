"""`oyez central`: a central as this process, the main or a backup."""

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oyez import __version__
from oyez.cli import limiting, links, logs, nodes, options, pages
from oyez.cli.failing import fail
from oyez.cli.printing import counted
from oyez.cli.secrets import cluster_secret
from oyez.client.addresses import show

if TYPE_CHECKING:
    from ssl import SSLContext

    from oyez.core.central.central import Central
    from oyez.core.central.stored import Stored


def central(
    host: options.Host = "127.0.0.1",
    port: options.Port = 3780,
    data: options.Data = None,
    advertise: options.Advertise = None,
    backup_of: Annotated[
        list[options.Centrals] | None,
        typer.Option(
            metavar="HOST:PORT",
            parser=options.centrals,
            show_default="none: the main of a network of its own",
            help="A central of the network to join as a backup; several, with commas between or repeated.",
        ),
    ] = None,
    secret_file: options.SecretFile = None,
    anonymous: Annotated[
        bool, typer.Option("--anonymous/--no-anonymous", help="Whether people may log in without a name of their own.")
    ] = True,
    rebalance: Annotated[
        bool,
        typer.Option(
            "--rebalance/--no-rebalance",
            help="Whether sessions move when servers come or go, until loads are even; programs without a cursor miss"
            " what is posted while they move.",
        ),
    ] = True,
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
    limit_registrations: options.LimitRegistrations = 0.0,
    limit_registrations_each: options.LimitRegistrationsEach = options.LIMIT_REGISTRATIONS_EACH,
    limit_guesses: options.LimitGuesses = options.LIMIT_GUESSES,
    limit_hashing: options.LimitHashing = options.LIMIT_HASHING,
    limit_hashing_each: options.LimitHashingEach = options.LIMIT_HASHING_EACH,
    limit_questions: options.LimitQuestions = options.LIMIT_QUESTIONS,
    limit_loopback: options.LimitLoopback = False,
    web_origins: pages.WebOrigins = None,
    console: pages.Console = True,
    feed: pages.Feed = True,
    metrics_for: pages.MetricsFor = "any",
    log_format: logs.LogFormat = logs.Format.AUTO,
    log_level: logs.LogLevel = logs.Level.INFO,
    until_eof: nodes.UntilEof = False,
) -> None:
    """Run a central: the one address that everybody knows.

    The main registers users, checks their secrets, and sends each client to a server. A backup has everything that
    the main has acknowledged, and takes its place when it dies; the old main becomes a backup when it is started
    again. Everything is kept in central.sqlite in the data folder. SIGTERM or Ctrl-C ends the central cleanly.

    The options --limit-... say what strangers may cost it; 0 is no limit.

    \b
    Example:
      OYEZ_SECRET=... oyez central --port 3780 --data /var/lib/oyez
      OYEZ_SECRET=... oyez central --port 3781 --data /var/lib/oyez-2 --backup-of 127.0.0.1:3780
    """
    secret = cluster_secret(secret_file)
    hostname = options.reachable(host, advertise)
    identity = links.identity(tls_cert, tls_key, tls_ca, hostname)
    seeds = options.all_of(backup_of)

    from random import SystemRandom

    from oyez.core.central.central import Central
    from oyez.core.limits.buckets import Rate
    from oyez.core.limits.settings import CentralLimits
    from oyez.host.measures import Measures
    from oyez.host.unfinished import Unfinished
    from oyez.net.node import Node
    from oyez.protocol.messages import Address
    from oyez.storage.port import StorageError
    from oyez.storage.sqlite import SqliteStore
    from oyez.web.journal import Journal

    try:
        store = SqliteStore((data or options.data_directory()) / "central.sqlite")
        stored = store.load()
    except StorageError as error:
        raise fail(error) from error

    if seeds:
        _join(stored, seeds, store.path, None if identity is None else identity.load().dialing)
    logs.configure(log_format, log_level, node=stored.id)
    door = limiting.door(
        limit_links,
        limit_links_each,
        limit_connects,
        limit_strangers,
        limit_strangers_each,
        login_patience,
        limit_loopback,
    )
    limits = CentralLimits(
        door,
        limiting.guesses(limit_guesses, limit_loopback),
        registrations=Rate(limit_registrations, max(1.0, limit_registrations * 10)),
        registrations_each=Rate(limit_registrations_each, max(1.0, limit_registrations_each * 20)),
        jobs=limit_hashing,
        jobs_each=limit_hashing_each,
        questions=Rate(limit_questions, max(1.0, limit_questions * 10)),
    )
    role: Central
    journal = Journal(time.time)
    watch = nodes.Watch("central", lambda: _waits_for(role, seeds), lambda: _complain(role))

    def make_role(address: Address) -> Central:
        nonlocal role
        watch.address = Address(hostname, address.port)
        role = Central(watch.address, secret, stored, SystemRandom(), seeds, anonymous, limits, rebalance)
        return role

    def listening(address: Address) -> None:
        watch.listening(data=str(store.path), users=len(stored.users))

    measures = Measures(__version__)
    node = Node(
        make_role,
        Address(host, port),
        store=store,
        secret_threads=2,
        identity=identity,
        plain_outside=insecure_plaintext,
        door=door,
        unfinished=Unfinished(line_patience, limit_unfinished),
        doorway=pages.central(web_origins, console, feed, metrics_for, measures, identity is not None, journal),
        measures=measures,
        log=journal.before(watch.report),
    )
    nodes.run(node, listening, until_eof)


def _join(stored: "Stored", seeds: options.Centrals, file: Path, tls: "SSLContext | None") -> None:
    """See that `--backup-of` is not said to a central that would be a main all the same, of a network of its own.

    One that has had no other centrals so far needs nobody's vote. It may be one that these have taken in since, whose
    folder was restored; if it is a stranger to them, the operator has to choose.
    """
    from oyez.core.voter import VoterState

    configuration = stored.voter.configuration
    if configuration is None and not stored.users:
        return  # a new one
    if configuration is not None and len(configuration.centrals) > 1:
        return
    known = _centrals_of(seeds, tls)
    if stored.id in known:
        stored.voter = VoterState(stored.voter.promised, stored.voter.voted_for)
    elif known:
        raise fail(
            f"{file} holds a network of its own with {counted(len(stored.users), 'user')}, and {seeds} is another one:"
            " to run a backup of that, choose an empty folder with --data"
        )


def _centrals_of(seeds: options.Centrals, tls: "SSLContext | None") -> list[str]:
    """The ids of the centrals in the network of these; none where there is no main now."""
    import oyez

    try:
        report = asyncio.run(oyez.status(seeds.texts, timeout=2.0, tls=tls))
    except oyez.OyezError:
        return []
    has_main = any(central.role == "main" for central in report.centrals)
    return [central.id for central in report.centrals] if has_main else []


def _waits_for(role: "Central", seeds: options.Centrals) -> dict[str, object]:
    """Why this central is neither main nor backup: whom it misses, and what its operator can do."""
    missing = role.office.missing
    if not missing:
        return {"backup_of": str(seeds)}
    return {"missing": ", ".join(show(address) for address in missing), "otherwise": "oyez promote"}


def _complain(role: "Central") -> None:
    """A main that too few voters are connected with can't acknowledge registrations: whom it misses."""
    from oyez.core.configuration import voters

    main = role.office.replication
    if main is not None and not main.can_acknowledge:
        missing = [voter for voter in voters(main.configuration) if voter not in (role.me.id, *main.voters)]
        logs.report("cannot_acknowledge", {"missing": ", ".join(missing)})
