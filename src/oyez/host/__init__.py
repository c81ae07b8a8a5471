"""Runs a role without doing I/O (`host`), between its links (`link`) and the world (`ports`); ADR 3."""

from oyez.host.host import OUTBOX, Host
from oyez.host.link import PIECE, Link
from oyez.host.ports import Environment, Hearer, Transport

__all__ = ["OUTBOX", "PIECE", "Environment", "Hearer", "Host", "Link", "Transport"]
