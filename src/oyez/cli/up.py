"""`oyez up`: a whole network on this machine, as child processes."""

import asyncio
import os
import secrets
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from oyez.cli import logs, options
from oyez.cli.failing import fail
from oyez.cli.secrets import cluster_secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from oyez.cli.children import Child

HOST = "127.0.0.1"


def up(
    port: options.Port = 3780,
    servers: Annotated[int, typer.Option(metavar="N", min=1, max=64, help="How many servers.")] = 2,
    backups: Annotated[int, typer.Option(metavar="N", min=0, help="How many backup centrals (none so far).")] = 0,
    data: options.Data = None,
    log_format: logs.LogFormat = logs.Format.AUTO,
    log_level: logs.LogLevel = logs.Level.INFO,
) -> None:
    """Run a whole network on this machine: a central and its servers.

    A node that dies is started again. Ctrl-C stops the servers, then the central. The cluster's secret is
    OYEZ_SECRET or, without that, made once and kept in the data folder, as the users are.

    \b
    Example:
      oyez up
      oyez up --servers 4 --data ./data
    """
    if backups:
        raise typer.BadParameter("there are no backup centrals yet: only 0 is possible", param_hint="'--backups'")
    folder = (data or options.data_directory()).absolute()
    secret = cluster_secret(None) if os.environ.get("OYEZ_SECRET") else _kept_secret(folder)

    from oyez.cli.children import DidNotStart

    network = LocalNetwork(port, servers, folder, secret, _Logs(log_format, log_level))
    try:
        code = asyncio.run(network.run())
    except DidNotStart as error:
        raise fail(error) from error
    raise typer.Exit(code)


def _kept_secret(folder: Path) -> str:
    """The secret in the data folder, made where there is none."""
    file = folder / "secret"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as new:
            new.write(secrets.token_urlsafe(32) + "\n")
    except FileExistsError:
        pass
    except OSError as error:
        raise fail(f"cannot keep the cluster's secret in {file}: {error.strerror}") from error
    return cluster_secret(file)


class LocalNetwork:
    """A central and `servers` servers as children of this process."""

    def __init__(self, port: int, servers: int, data: Path, secret: str, logs: "_Logs") -> None:
        self._port = port
        self._data = data
        self._logs = logs
        self._environment = logs.environment | {"OYEZ_SECRET": secret}
        self._names = [f"s{number}" for number in range(1, servers + 1)]
        self._central: Child | None = None
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
        self._central = self._child("central", self._central_arguments)
        address = await self._central.started()
        self._port = int(address.rpartition(":")[2])
        self._servers = [self._child(name, self._server_arguments(name, address)) for name in self._names]
        addresses = [await server.started() for server in self._servers]
        print(_banner(address, dict(zip(self._names, addresses, strict=True)), self._data), flush=True)

    def _child(self, name: str, arguments: "Callable[[], list[str]]") -> "Child":
        from oyez.cli.children import Child

        return Child(name, arguments, self._environment, self._logs.line, self._logs.say)

    def _central_arguments(self) -> list[str]:
        return ["central", "--host", HOST, "--port", str(self._port), "--data", str(self._data), *self._logs.options]

    def _server_arguments(self, name: str, central: str) -> "Callable[[], list[str]]":
        return lambda: ["server", "--host", HOST, "--central", central, "--id", name, *self._logs.options]

    def _end(self) -> None:
        """Cleanly at the first signal, at once at the second."""
        self._signals += 1
        self._wanted_end.set()
        if self._signals > 1:
            for child in self._children:
                child.kill()

    @property
    def _children(self) -> "list[Child]":
        return [*self._servers, *([self._central] if self._central is not None else [])]

    async def _stop(self) -> None:
        """The servers first: the central hears their goodbyes."""
        await asyncio.gather(*[server.stop() for server in self._servers])
        if self._central is not None:
            await self._central.stop()


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


def _banner(central: str, servers: dict[str, str], data: Path) -> str:
    oyez = _program()
    where = "" if central == f"{HOST}:3780" else f" --central {central}"
    count = "a server" if len(servers) == 1 else f"{len(servers)} servers"
    tries = {
        f"{oyez} tail{where}": "the live feed, one JSON activity a line",
        f'{oyez} post{where} "hear ye"': "an activity, to everyone",
        f"{oyez} register{where} alice": "take a name",
        f"{oyez} client{where} --user alice": "talk",
        f"{oyez} status{where}": "how the network is",
    }
    width = max(map(len, tries))
    return "\n".join(
        [
            "",
            f"Oyez is up: a central and {count}.",
            "",
            f"  central   {central}   the only address that anybody needs",
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


def _program() -> str:
    """How the reader can call this program: by its name where that is found, else as they called it."""
    called = Path(sys.argv[0])
    if shutil.which("oyez"):
        return "oyez"
    return str(called) if called.name == "oyez" else "python -m oyez"
