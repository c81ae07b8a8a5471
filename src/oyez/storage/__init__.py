"""Durable storage of the directory: a narrow port, with SQLite as the embedded default and a memory one for tests.

The port is in `port`; whatever implements it must pass the contract tests. Knows records, not roles.
"""
