"""`python -m bench.tls_clients`: clients of one server over TLS, or without, in one process.

Either links that all get what one of them posts, saturated or so many a second, or one login after the other, each on a
link of its own. On standard output one JSON event a line: `ready`, and after a line on standard input `result`. What
arrives is counted: each link has to get as many lines as were posted, the last of them last. Must not know: what is
measured.
"""

import argparse
import json
import select
import socket
import ssl
import sys
import time
from typing import Any

from bench.machine import raise_descriptor_limit
from bench.peers.base import activity

LOGIN = b'{"command":"LOGIN","username":"anonymous"}\n'
POST = b'{"command":"ACTIVITY_MESSAGE","username":"anonymous","activity":' + activity() + b"}\n"
PATIENCE = 30.0
PIECE = 256 * 1024


class Link:
    """A session. `lines` is how many have come since the login."""

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext | None) -> None:
        self.socket = socket.create_connection(address, PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is not None:
            self.socket = context.wrap_socket(self.socket, server_hostname=address[0])
        self.lines = 0
        self.size = 0
        self.socket.sendall(LOGIN)
        answer = b""
        while not answer.endswith(b"\n"):
            answer += self._receive()
        if b'"LOGIN_SUCCESS"' not in answer:
            raise SystemExit(f"no login: {answer!r}")
        self.lines = 0
        self.size = 0

    def _receive(self) -> bytes:
        data = self.socket.recv(PIECE)
        if not data:
            raise SystemExit("the server has closed a link")
        self.lines += data.count(b"\n")
        self.size += len(data)
        return data

    def read(self) -> None:
        """All that is here."""
        try:
            while True:
                self._receive()
        except (BlockingIOError, ssl.SSLWantReadError):
            pass

    def send(self, data: bytes) -> None:
        self.socket.settimeout(PATIENCE)
        self.socket.sendall(data)
        self.socket.setblocking(False)


def deliver(options: argparse.Namespace, context: ssl.SSLContext | None) -> dict[str, Any]:
    links = [Link(options.address, context) for _ in range(options.clients)]
    tell("ready")
    sys.stdin.readline()
    poll = select.epoll()
    by_number = {link.socket.fileno(): link for link in links}
    for number, link in by_number.items():
        link.socket.setblocking(False)
        poll.register(number, select.EPOLLIN)
    began, cpu = time.monotonic(), time.process_time()
    sent = 0
    while True:
        slowest = min(link.lines for link in links)
        posting = time.monotonic() - began < options.seconds
        if not posting and slowest == sent:
            break
        more = min(options.window - (sent - slowest), 64) if posting else 0
        if options.rate and posting:
            more = min(more, int((time.monotonic() - began) * options.rate) + 1 - sent)
        if more > 0:
            links[0].send(POST * more)
            sent += more
        pause = 0.0 if more > 0 else PATIENCE
        if options.rate and posting and sent - slowest < options.window:
            pause = max(0.0, sent / options.rate - (time.monotonic() - began))
        ready = poll.poll(pause)
        if not ready and pause == PATIENCE:
            raise SystemExit(f"{sent - slowest} of {sent} lines have not come")
        for number, _ in ready:
            by_number[number].read()
    took = time.monotonic() - began
    lines = sum(link.lines for link in links)
    if lines != sent * len(links):
        raise SystemExit(f"{lines} lines came of {sent} to {len(links)}")
    size = sum(link.size for link in links)
    return {"sent": sent, "deliveries": lines, "seconds": took, "bytes": size, "cpu_seconds": time.process_time() - cpu}


def log_in(options: argparse.Namespace, context: ssl.SSLContext | None) -> dict[str, Any]:
    tell("ready")
    sys.stdin.readline()
    began, cpu, count = time.monotonic(), time.process_time(), 0
    while time.monotonic() - began < options.seconds:
        Link(options.address, context).socket.close()
        count += 1
    return {"logins": count, "seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - cpu}


def stay(options: argparse.Namespace, context: ssl.SSLContext | None) -> dict[str, Any]:
    links = [Link(options.address, context) for _ in range(options.clients)]
    tell("ready")
    sys.stdin.readline()
    return {"clients": len(links)}


def tell(event: str, **fields: object) -> None:
    print(json.dumps({"event": event} | fields), flush=True)


def address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host, int(port)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.tls_clients")
    parser.add_argument("what", choices=["deliver", "log_in", "stay"])
    parser.add_argument("--address", type=address, required=True, metavar="HOST:PORT")
    parser.add_argument("--ca", metavar="FILE", help="encrypt, and believe this authority")
    parser.add_argument("--clients", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--window", type=int, default=1, help="lines under way to the slowest link")
    parser.add_argument("--rate", type=float, default=0.0, help="lines a second; 0: as the window allows")
    return parser.parse_args()


if __name__ == "__main__":
    raise_descriptor_limit()
    given = parse()
    chosen = ssl.create_default_context(cafile=given.ca) if given.ca else None
    tell("result", **{"deliver": deliver, "log_in": log_in, "stay": stay}[given.what](given, chosen))
