"""Log files of many machines in one place.

python logtail.py FILE    on each machine: posts every line that is added to FILE, also after it was rotated
python logtail.py         anywhere: prints them
"""

import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import oyez.sync

CENTRAL = os.environ.get("OYEZ_CENTRAL", "127.0.0.1:3780")


def follow(path: Path) -> Iterator[str]:
    """The lines that are added to this file, for ever."""
    file, line = path.open(errors="replace"), ""
    file.seek(0, os.SEEK_END)
    print(f"following {path}", file=sys.stderr, flush=True)
    while True:
        line += file.readline()
        if line.endswith("\n"):
            yield line.rstrip("\n")
            line = ""
            continue
        with suppress(FileNotFoundError):  # it is being rotated
            there, here = path.stat(), os.fstat(file.fileno())
            if there.st_ino != here.st_ino or there.st_size < file.tell():
                file.close()
                file, line = path.open(errors="replace"), ""
                continue
        time.sleep(0.2)


def send(path: Path) -> None:
    # receive=False: nothing of what others post is kept here. A long timeout: lines wait while no server is there.
    with oyez.sync.connect(CENTRAL, receive=False, timeout=60) as network:
        for line in follow(path):
            network.post({"type": "LogLine", "host": socket.gethostname(), "file": path.name, "content": line})


def show() -> None:
    with oyez.sync.connect(CENTRAL) as network:
        print(f"listening at {network.server}", file=sys.stderr, flush=True)
        for activity in network.activities(type="LogLine"):
            line = activity.object
            print(f"{line['host']} {line['file']}: {line['content']}", flush=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        send(Path(sys.argv[1])) if len(sys.argv) > 1 else show()
