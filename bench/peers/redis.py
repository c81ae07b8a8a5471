"""Redis: SUBSCRIBE and PUBLISH. A command is an array of bulk strings.

The protocol is what Redis' documentation calls RESP ("Redis serialization protocol specification").
"""

from pathlib import Path

from bench.peers.base import Speech, Step
from bench.peers.broker import HOST, TOPIC, Broker


def command(*words: bytes) -> bytes:
    """RESP arrays `*count` of bulk strings `$length`."""
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)


# The reply to SUBSCRIBE ends with the channel, and to how many this connection is subscribed now.
SUBSCRIBE = Step(command(b"SUBSCRIBE", TOPIC), b"$%d\r\n%b\r\n:1\r\n" % (len(TOPIC), TOPIC))
# HELLO: with RESP2, which is where a connection begins, one that is subscribed may not publish; with RESP3 it may.
RESP3 = Step(command(b"HELLO", b"3"), b"modules\r\n")


class Redis(Broker):
    """redis-server that keeps nothing on disk. Subscribers speak RESP2, in which a delivery costs it a little less."""

    name = "redis"
    program = "redis-server"
    package = "redis-server"

    def configuration(self, port: int, scratch: Path) -> str:
        # client-output-buffer-limit: by default a subscriber with 32 MiB before it is closed.
        return f"""
            bind {HOST}
            port {port}
            dir "{scratch}"
            daemonize no
            logfile /dev/stderr
            save ""
            appendonly no
            io-threads 1
            maxclients 20000
            tcp-backlog 4096
            timeout 0
            client-output-buffer-limit pubsub 0 0 0
        """

    def speech(self, activity: bytes) -> Speech:
        return Speech(command(b"PUBLISH", TOPIC, activity), (SUBSCRIBE,), (RESP3, SUBSCRIBE))
