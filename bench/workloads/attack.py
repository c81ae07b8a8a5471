"""Attacks: what ordinary clients notice while somebody does to a node whatever a stranger can (ADR 11)."""

import json
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.build import program
from bench.generator import Generator, Plan, load_command
from bench.line import Address
from bench.machine import LOAD_CORE, SERVER_CORE
from bench.meter import Meter
from bench.peers.base import Peer, activity
from bench.peers.oyez import LOGIN, Oyez
from bench.processes import Process
from bench.workloads.base import Case, Column, Outcome, Session, Workload, faults_of

READERS, RATE = 100, 100
"""Ordinary clients: so many, to whom so many posts a second go."""

NEWCOMERS = 40
"""Logins a second at the node that is attacked; one address may connect 50 times a second."""

SECONDS = 4.0
"""For which is measured, without the attack and during it; in a quick run a fifth of it."""

SETTLES = 12.0
"""Seconds after a flood in which all its links have been given up."""

HEAD_START = 0.5
"""Seconds from the attack's beginning to that of the measurement."""

OPTIONS = ("--limit-loopback",)
"""Attackers have addresses of their own on this machine; limits by address hold for them."""


@dataclass(frozen=True)
class Attack(Case):
    """Who attacks, and how: see strangers.c. `links` at once, from `sources` addresses."""

    at_central: bool = False
    links: int = 64
    sources: int = 1
    say: bytes = b""
    until: bytes = b""
    flood: bytes = b""
    drip: int = 0
    leave: int = 0
    deaf: bool = False
    encrypted: bool = False
    options: tuple[str, ...] = ()
    """Of the server."""
    seconds: float = SECONDS
    most: int = 0
    """Links in all; 0: any number."""


def line(**said: object) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode() + b"\n"


def post(activity: bytes, username: str = "anonymous") -> bytes:
    return b'{"command":"ACTIVITY_MESSAGE","username":"%s","activity":%s}\n' % (username.encode(), activity)


def greeting() -> bytes:
    """The first words of a TLS client."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    said = ssl.MemoryBIO()
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), said).do_handshake()
    return said.read()


def garbage() -> bytes:
    """A LOGIN by what is no ticket."""
    return line(command="LOGIN", username="u@@@@@@@@", ticket="A" * 200)


def attacks(seconds: float) -> list[Attack]:
    """All that are measured."""
    inside: dict[str, Any] = {"say": LOGIN.send, "until": LOGIN.wait}
    guess = line(command="LOGIN", username="u@@@@@@@@", secret="guessed")
    new = line(command="REGISTER", username="u@@@@@@@@", secret="not a secret")
    found = [
        Attack("connects", leave=1),
        Attack("connects, central", at_central=True, leave=1),
        Attack("connects, 1000 addresses", sources=1000, leave=1),
        Attack("silent links", links=2000),
        Attack("wrong secrets, central", at_central=True, say=guess, leave=2),
        Attack("wrong secrets, 200 addresses", at_central=True, sources=200, say=guess, leave=2),
        Attack("registrations, central", at_central=True, say=new, leave=2),
        Attack("registrations, 200 addresses", at_central=True, sources=200, say=new, leave=2),
        Attack("garbage for tickets", say=garbage(), leave=2),
        Attack("slow lines", links=1000, flood=b'{"command":"', drip=50),
        Attack("slow readers", links=200, **inside, deaf=True),
        Attack("lines too long", links=10, **inside, flood=b"x" * 50_000),
        Attack("deep JSON", links=10, **inside, flood=post(b'{"a":' + b"[" * 25_000 + b"]" * 25_000 + b"}")),
        Attack("brackets side by side", links=1, **inside, flood=post(b'{"a":[' + b"[]," * 16_000 + b"[]]}")),
        Attack("forged author", links=10, **inside, flood=post(b'{"a":1}', "somebody")),
        Attack("posts", links=1, **inside, flood=post(b'{"a":1}') * 500),
        Attack("posts, 10 sessions", links=10, **inside, flood=post(b'{"a":1}') * 500),
        Attack(
            "posts, limited to 1000/s",
            links=1,
            **inside,
            flood=post(b'{"a":1}') * 500,
            options=("--limit-activities", "1000"),
        ),
        Attack("TLS, and leave", say=greeting(), leave=1, encrypted=True),
        Attack("TLS, and stay", links=500, say=greeting(), encrypted=True),
        Attack("TLS, 200 addresses", sources=200, say=greeting(), leave=2, encrypted=True),
    ]
    return [Attack(**{**vars(one), "seconds": seconds}) for one in found]


class Attacked(Workload[Attack]):
    """A central and a server, 100 clients there, and newcomers at the node that is attacked.

    What the attackers' own CPU time takes from those who measure, on the core that they share, is seen in the same
    attack on a node that nobody uses and that runs on that core, too: `elsewhere`.
    """

    name = "attack"
    title = "Attacks: what ordinary clients notice"
    columns = (
        Column("post_quiet_p50_ms", "post p50 ms", 2, spread=False),
        Column("post_quiet_p99_ms", "p99", 2, spread=False),
        Column("post_attack_p99_ms", "attacked p99", 2),
        Column("post_ratio", "×", 2),
        Column("post_elsewhere_ratio", "× elsewhere", 2, spread=False),
        Column("login_quiet_p50_ms", "login p50 ms", 2, spread=False),
        Column("login_quiet_p99_ms", "p99", 2, spread=False),
        Column("login_attack_p99_ms", "attacked p99", 2),
        Column("login_ratio", "×", 2),
        Column("login_elsewhere_ratio", "× elsewhere", 2, spread=False),
        Column("memory_before_mib", "MiB before", 1, spread=False),
        Column("memory_after_mib", "MiB after", 1, spread=False),
        Column("links", "links made", 0, spread=False),
        Column("refused", "refused", 0, spread=False),
        Column("attacked_core_percent", "nodes' core %", 0, spread=False),
    )
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[Attack]:
        return attacks(SECONDS / 5 if quick else SECONDS)

    def run(self, case: Attack, peer: Peer, session: Session) -> list[Outcome]:
        assert isinstance(peer, Oyez)
        with ExitStack() as stack:
            nodes = stack.enter_context(pair(case, peer, session.scratch, SERVER_CORE))
            other = stack.enter_context(pair(case, peer, session.scratch, LOAD_CORE))
            before = nodes.attacked.memory()
            quiet = measure(case, nodes, None, session)
            during = measure(case, nodes, nodes, session)
            after = nodes.attacked.memory()
            elsewhere = measure(case, nodes, other, session)
        figures = {"memory_before_mib": before.resident / 1024, "memory_after_mib": after.resident / 1024}
        figures |= {"links": during.attack["connected"], "refused": during.attack["refused"]}
        figures |= {f"refused_{reason}": count for reason, count in during.attack["reasons"].items()}
        figures |= {"attacker_cpu_seconds": during.attack["cpu_seconds"], "attacked_core_percent": during.core_percent}
        figures |= {"attacker_sent_bytes": during.attack["sent"], "foreign_cores": during.foreign_cores}
        faults = []
        for name, one in (("quiet", quiet), ("attack", during), ("elsewhere", elsewhere)):
            for what, took in (("post", one.posts["latency_ms"]), ("login", one.logins)):
                for quantile in ("p50", "p99", "max"):
                    figures[f"{what}_{name}_{quantile}_ms"] = took.get(quantile) or took[f"{quantile}_ms"]
            figures[f"login_{name}_unanswered"] = one.logins["begun"] - one.logins["answered"]
            faults += [f"{name}: {fault}" for fault in faults_of(one.posts)]
        for what in ("post", "login"):
            figures[f"{what}_ratio"] = figures[f"{what}_attack_p99_ms"] / figures[f"{what}_quiet_p99_ms"]
            at_rest = figures[f"{what}_elsewhere_p99_ms"] / figures[f"{what}_quiet_p99_ms"]
            figures[f"{what}_elsewhere_ratio"] = at_rest
        return [Outcome(case.name, figures, faults)]


@dataclass(frozen=True)
class Nodes:
    """A network of two."""

    central: Process
    central_address: Address
    server: Process
    server_address: Address
    at_central: bool

    @property
    def attacked(self) -> Process:
        return self.central if self.at_central else self.server

    @property
    def address(self) -> Address:
        """Of that one."""
        return self.central_address if self.at_central else self.server_address


@dataclass(frozen=True)
class Measured:
    """What the programs have said, and how busy the nodes were."""

    posts: dict[str, Any]
    logins: dict[str, Any]
    attack: dict[str, Any]
    core_percent: float
    foreign_cores: float


class Flood(Workload[Attack]):
    """The connects that an hour at the limit of one address brings, 180,000, as fast as they go; and the memory of the
    node that they are brought to."""

    name = "flood"
    title = "An hour's flood: memory of the node"
    columns = (
        Column("links", "links made", 0, spread=False),
        Column("answered", "answered", 0, spread=False),
        Column("refused", "refused", 0, spread=False),
        Column("seconds", "s", 1, spread=False),
        Column("memory_before_mib", "MiB before", 1),
        Column("memory_after_mib", "MiB after", 1),
        Column("memory_settled_mib", "12 s later", 1),
    )
    peers = frozenset({"oyez"})

    def cases(self, quick: bool, line_bytes: int) -> list[Attack]:
        seconds = 3.0 if quick else 60.0
        logins: dict[str, Any] = {"say": LOGIN.send, "until": LOGIN.wait}
        guess = line(command="LOGIN", username="u@@@@@@@@", secret="guessed")
        hour: dict[str, Any] = {"most": 180_000, "seconds": seconds}
        return [
            Attack("sessions, 400 addresses", sources=400, **logins, leave=2, **hour),
            Attack("ticket garbage, 30,000 addresses", sources=30_000, say=garbage(), leave=2, **hour),
            Attack("wrong secrets, 30,000 addresses", at_central=True, sources=30_000, say=guess, leave=2, **hour),
            Attack("connects, one address", leave=1, seconds=seconds),
        ]

    def run(self, case: Attack, peer: Peer, session: Session) -> list[Outcome]:
        assert isinstance(peer, Oyez)
        with pair(case, peer, session.scratch, SERVER_CORE) as nodes:
            before = nodes.attacked.memory()
            with Generator(attack_command(case, nodes.address, case.seconds), lambda heard: None) as attack:
                attack.wait_for("ready")
                attack.go()
                result = attack.wait_for("result")
            after = nodes.attacked.memory()
            time.sleep(SETTLES)
            settled = nodes.attacked.memory()
            nodes.attacked.check_alive()
        figures = {"links": result["connected"], "seconds": result["seconds"]}
        figures |= {what: result[what] for what in ("answered", "refused", "closed", "failed")}
        figures |= {f"refused_{reason}": count for reason, count in result["reasons"].items()}
        for name, memory in (("before", before), ("after", after), ("settled", settled)):
            figures[f"memory_{name}_mib"] = memory.resident / 1024
        return [Outcome(case.name, figures)]


@contextmanager
def pair(case: Attack, peer: Oyez, scratch: Path, core: int) -> Iterator[Nodes]:
    """A central and a server on this core."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=scratch)))
        told = peer.certificate(scratch)[0] if case.encrypted else []
        central = stack.enter_context(peer.central(scratch, folder, core, options=OPTIONS))
        host, port = central.wait_ready()
        options = (*OPTIONS, *case.options, *told)
        server = stack.enter_context(peer.server(scratch, f"{host}:{port}", core, options=options))
        yield Nodes(central, (host, port), server, server.wait_ready(), case.at_central)


def measure(case: Attack, nodes: Nodes, attacked: Nodes | None, session: Session) -> Measured:
    """Posts and newcomers at these nodes, while those others are attacked, or nobody is."""
    plan = Plan(READERS, 1, messages=round(RATE * case.seconds), warmup=RATE // 5, rate=RATE, latency=True)
    speech = Oyez().speech(activity(200))
    with ExitStack() as stack:
        posts = stack.enter_context(Generator(load_command(plan, speech, nodes.server_address), lambda heard: None))
        posts.go_first()
        posts.wait_for("warm")
        logins = stack.enter_context(Generator(newcomers_command(nodes.address, case.seconds), lambda heard: None))
        logins.go_first()
        logins.wait_for("ready")
        attack = None
        if attacked is not None:
            seconds = case.seconds + 2 * HEAD_START
            attack = stack.enter_context(Generator(attack_command(case, attacked.address, seconds), lambda heard: None))
            attack.wait_for("ready")
            attack.go()
            time.sleep(HEAD_START)
        meter = Meter(nodes.central, nodes.server)
        posts.go()
        logins.go()
        newcomers = logins.wait_for("result")
        meter.stop()
        posted = posts.wait_for("result")
        result = {"cpu_seconds": 0.0} if attack is None else attack.wait_for("result")
    share = sum(meter.used) / case.seconds * 100
    own = posted["cpu_seconds"] + newcomers["cpu_seconds"] + result["cpu_seconds"]
    return Measured(posted, newcomers, result, share, meter.foreign_cores(own))


def newcomers_command(address: Address, seconds: float) -> list[str]:
    return strangers_command(
        address,
        links=500,
        pace=NEWCOMERS,
        say=LOGIN.send,
        until=LOGIN.wait,
        leave=2,
        milliseconds=round(seconds * 1000),
    )


def attack_command(case: Attack, address: Address, seconds: float) -> list[str]:
    return strangers_command(
        address,
        links=case.links,
        most=case.most,
        source="127.66.0.1",
        sources=case.sources,
        say=case.say,
        until=case.until,
        flood=case.flood,
        drip=case.drip,
        leave=case.leave,
        deaf=int(case.deaf),
        milliseconds=round(seconds * 1000),
    )


def strangers_command(address: Address, **options: int | str | bytes) -> list[str]:
    """The command line of bench/strangers.c."""
    command = [program("strangers"), "--address", f"{address[0]}:{address[1]}"]
    for name, value in options.items():
        if value != b"":
            command += [f"--{name}", value.hex() if isinstance(value, bytes) else str(value)]
    return command
