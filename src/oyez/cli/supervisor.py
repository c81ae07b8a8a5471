"""What is told to the supervisor that has started this process, where it wants to hear it (systemd's `Type=notify`).

Guarantees: nothing waits for the supervisor, and what it does not hear ends nothing. Must not know: roles.
"""

import os
import socket
from contextlib import suppress

READY = "READY=1"
STOPPING = "STOPPING=1"


def notify(*states: str) -> None:
    """Tell it: `READY`, `STOPPING`, or STATUS= and a line for people.

    The protocol is sd_notify(3)'s: a datagram to the Unix socket in NOTIFY_SOCKET, whose name is abstract where it
    begins with @.
    """
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as supervisor:
        supervisor.setblocking(False)
        supervisor.sendto("\n".join(states).encode(), address)
