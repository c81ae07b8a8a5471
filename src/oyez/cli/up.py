"""`oyez up`: a whole network on this machine, as child processes."""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import sys
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from oyez.cli import logs, options
from oyez.cli.configured import CONFIG
from oyez.cli.failing import fail
from oyez.cli.secrets import cluster_secret, given_cluster_secret, open_to_others

if TYPE_CHECKING:
    from collections.abc import Callable

    from oyez.cli.children import Child

HOST = "127.0.0.1"

PORTS = range(10_000, 30_000)
"""Where free ports are looked for: no outgoing connection takes them while a node is being started again."""


MOST_SERVERS = 64


def processors() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parse_servers(text: str) -> int:
    """A number of servers; "auto" is one for each processor, and two at least. Raises ValueError."""
    if text == "auto":
        return min(max(2, processors()), MOST_SERVERS)
    if not (text.isascii() and text.isdecimal() and 1 <= int(text) <= MOST_SERVERS):
        raise ValueError(f"{text!r} is not a number from 1 to {MOST_SERVERS}, and not auto")
    return int(text)


_SERVERS: Any = "2"


def up(
    port: options.Port = 3780,
    servers: Annotated[
        int,
        typer.Option(
            metavar="N|auto",
            parser=options.reads(parse_servers),
            help="How many servers; auto: one for each processor, since each uses one, and two at least.",
        ),
    ] = _SERVERS,
    backups: Annotated[
        int, typer.Option(metavar="N", min=0, max=8, help="How many backup centrals, on the ports after the main's.")
    ] = 1,
    copies: options.Copies = options.COPIES,
    retention: options.Retention = options.RETENTION,
    retention_age: options.RetentionAge = None,
    data: options.Data = None,
    secret_file: options.SecretFile = None,
    log_format: logs.LogFormat = logs.Format.AUTO,
    log_level: logs.LogLevel = logs.Level.INFO,
) -> None:
    """Run a whole network on this machine: a central, its backups and its servers.

    A node that dies is started again; if it was the main, a backup has taken its place by then. A server that leaves
    (oyez drain, SIGTERM) is not. Ctrl-C stops the servers, at once, then the centrals. The cluster's secret is
    OYEZ_SECRET or, without that, made once and kept in the data folder, as the users are. A central that has data there
    is always started: the others may need its vote. The nodes get what is said here, and read no configuration.

    \b
    Example:
      oyez up
      oyez up --servers auto
      oyez up --servers 4 --backups 2 --data ./data
    """
    folder = (data or options.data_directory()).absolute()
    if not (secret := given_cluster_secret(secret_file)):
        secret, secret_file = _kept_secret(folder), folder / "secret"

    from oyez.cli.children import DidNotStart

    stores = _stores(folder, 1 + backups)
    if port + len(stores) > 65536:
        raise typer.BadParameter("the backups' ports come after it: choose a lower one", param_hint="'--port'")
    ports = [port + number for number in range(len(stores))] if port else _free_ports(len(stores))
    centrals = {f"c{number + 1}": (port, stores[number]) for number, port in enumerate(ports)}
    of_servers = _server_options(copies, retention, retention_age)
    network = LocalNetwork(centrals, servers, folder, secret, _Logs(log_format, log_level), of_servers, secret_file)
    try:
        code = asyncio.run(network.run())
    except DidNotStart as error:
        raise fail(error) from error
    raise typer.Exit(code)


def _server_options(copies: int, retention: int, age: float | None) -> list[str]:
    """What each server is started with."""
    old = [] if age is None else ["--retention-age", str(age)]
    return ["--copies", str(copies), "--retention", str(retention), *old]


def _kept_secret(folder: Path) -> str:
    """The secret in the data folder, made where there is none, for its owner alone. One that others may read or write
    is refused: they may have read it."""
    file = folder / "secret"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if file.exists() and (mode := open_to_others(file)):
            raise fail(
                f"others may read or write the cluster's secret in {file} (mode {mode:o}): remove the file, and the"
                f" nodes get a new secret; or, if you are sure that nobody has read it: chmod 600 {file}"
            )
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(secrets.token_urlsafe(32) + "\n")
    except FileExistsError:
        pass
    except OSError as error:
        raise fail(f"cannot keep the cluster's secret in {file}: {error.strerror}") from error
    return cluster_secret(file)


def _stores(folder: Path, wanted: int) -> list[Path]:
    """Where the centrals keep their data: the first in the folder itself, each other in one of its own."""
    folders = [folder]
    while len(folders) < wanted or _has_data(folder / f"c{len(folders) + 1}"):
        folders.append(folder / f"c{len(folders) + 1}")
    return folders


def _has_data(folder: Path) -> bool:
    return (folder / "central.sqlite").exists()


def _free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on."""
    with ExitStack() as probes:
        found: list[int] = []
        while len(found) < count:
            probe = probes.enter_context(socket.socket())
            with suppress(OSError):
                probe.bind((HOST, secrets.choice(PORTS)))
                found.append(probe.getsockname()[1])
        return found


def environment() -> dict[str, str]:
    """This process's, without what is meant for it alone: its configuration, and whom it tells that it is ready."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("OYEZ_", "NOTIFY_SOCKET"))}
    return ours | {CONFIG: os.devnull}


class LocalNetwork:
    """Centrals (by name: port and data folder) and `servers` servers as children of this process. `options` are the
    servers' own; others find the secret in `secret_file`, or have it."""

    def __init__(
        self,
        centrals: dict[str, tuple[int, Path]],
        servers: int,
        data: Path,
        secret: str,
        logs: "_Logs",
        options: list[str],
        secret_file: Path | None = None,
    ) -> None:
        self._options = options
        self._secret_file = secret_file
        self._stores = {name: store for name, (_, store) in centrals.items()}
        self._addresses = {name: f"{HOST}:{port}" for name, (port, _) in centrals.items()}
        self._data = data
        self._logs = logs
        self._environment = environment() | logs.environment | {"OYEZ_SECRET": secret}
        self._names = [f"s{number}" for number in range(1, servers + 1)]
        self._centrals: list[Child] = []
        self._servers: list[Child] = []
        self._signals = 0
        self._wanted_end = asyncio.Event()

    async def run(self) -> int:
        """Until SIGINT or SIGTERM; the exit code. Raises DidNotStart."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end)
        starting = asyncio.create_task(self._start())
        ending = asyncio.create_task(self._wanted_end.wait())
        try:
            await asyncio.wait([starting, ending], return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
            await ending
        finally:
            for task in (starting, ending):
                task.cancel()
            await self._stop()
        return 0

    async def _start(self) -> None:
        founder = self._founder()
        for name in self._stores:
            self._centrals.append(self._child(name, partial(self._central_arguments, name, founder)))
        for central in self._centrals:
            await central.started()
        self._servers = [self._child(name, partial(self._server_arguments, name), True) for name in self._names]
        servers = [await server.started() for server in self._servers]
        by_name = dict(zip(self._names, servers, strict=True))
        print(_banner(self._addresses, by_name, self._data, self._secret_file), flush=True)

    def _founder(self) -> str | None:
        """Who has a network to itself, or begins one, before the others join it; nobody where several were in one."""
        with_data = [name for name, store in self._stores.items() if _has_data(store)]
        return None if len(with_data) > 1 else (with_data or list(self._stores))[0]

    def _child(self, name: str, arguments: "Callable[[], list[str]]", may_leave: bool = False) -> "Child":
        from oyez.cli.children import Child

        return Child(name, arguments, self._environment, self._logs.line, self._logs.say, may_leave)

    def _central_arguments(self, name: str, founder: str | None) -> list[str]:
        """At each start: once there are others with data, the founder is one of them, and may come back as a backup."""
        port = self._addresses[name].rpartition(":")[2]
        others = [other for other in self._stores if other != name]
        alone = name == founder and not any(_has_data(self._stores[other]) for other in others)
        seeds = "" if alone else ",".join(self._addresses[other] for other in others)
        backup_of = ["--backup-of", seeds] if seeds else []
        data = str(self._stores[name])
        return ["central", "--host", HOST, "--port", port, "--data", data, *backup_of, *self._logs.options]

    def _server_arguments(self, name: str) -> list[str]:
        centrals = ",".join(self._addresses.values())
        return ["server", "--host", HOST, "--central", centrals, "--id", name, *self._options, *self._logs.options]

    def _end(self) -> None:
        """Cleanly at the first signal, at once at the second."""
        self._signals += 1
        self._wanted_end.set()
        if self._signals > 1:
            for child in (*self._servers, *self._centrals):
                child.kill()

    async def _stop(self) -> None:
        """The servers first: the main hears their goodbyes."""
        await asyncio.gather(*[server.stop() for server in self._servers])
        await asyncio.gather(*[central.stop() for central in self._centrals])


class _Logs:
    """The children's logs on our standard error: each line after its node's name, or as JSON, which has the name."""

    def __init__(self, format: logs.Format, level: logs.Level) -> None:
        terminal = sys.stderr.isatty()
        self._human = format == logs.Format.HUMAN or (format == logs.Format.AUTO and terminal)
        self._colours = terminal and not os.environ.get("NO_COLOR")
        made = logs.Format.HUMAN if self._human else logs.Format.JSON
        self.options = ["--log-format", made.value, "--log-level", level.value, "--until-eof"]
        self.environment = {"FORCE_COLOR": "1"} if self._colours else {}
        self._out = logs.StandardError()

    def line(self, name: str, text: str) -> None:
        """What a child has logged."""
        if self._human:
            prefix = f"{name:>7} |"
            text = f"\033[2m{prefix}\033[0m {text}" if self._colours else f"{prefix} {text}"
        if self._out.write(text) and self._out.skipped:
            skipped, self._out.skipped = self._out.skipped, 0
            self.say(f"{skipped} lines of the log were skipped, because nobody read them")

    def say(self, sentence: str) -> None:
        """What has become of one."""
        self._out.write(f"oyez: {sentence}")


def _banner(centrals: dict[str, str], servers: dict[str, str], data: Path, secret_file: Path | None) -> str:
    oyez = _program()
    first, *others = centrals.values()
    where = "" if first == f"{HOST}:3780" else f" --central {','.join(centrals.values())}"
    tries = {
        f"{oyez} tail{where}": "the live feed, one JSON activity a line",
        f'{oyez} post{where} "hear ye"': "an activity, to everyone",
        f"{oyez} register{where} alice": "take a name",
        f"{oyez} client{where} --user alice": "talk",
        f"{oyez} status{where}": "how the network is",
    }
    if len(servers) > 1:
        secret = "" if secret_file is None else f" --secret-file {secret_file}"
        tries[f"{oyez} drain{where}{secret} {next(iter(servers))}"] = "take a server out: nobody notices"
    width = max(map(len, tries))
    return "\n".join(
        [
            "",
            f"Oyez is up: {_count(centrals, 'central')} and {_count(servers, 'server')}.",
            "",
            f"  central   {first}   the only address that anybody needs",
            *[f"  backup    {address}   takes over when the central dies" for address in others],
            *[f"  {name:<9} {address}" for name, address in servers.items()],
            f"  data      {data}",
            "",
            "Try, in other terminals:",
            "",
            *[f"  {command:<{width}}   {what}" for command, what in tries.items()],
            "",
            "Ctrl-C stops it all.",
            "",
        ]
    )


def _count(nodes: dict[str, str], word: str) -> str:
    return f"a {word}" if len(nodes) == 1 else f"{len(nodes)} {word}s"


def _program() -> str:
    """How the reader can call this program: by its name where that is found, else as they called it."""
    called = Path(sys.argv[0])
    if shutil.which("oyez"):
        return "oyez"
    return str(called) if called.name == "oyez" else "python -m oyez"
