"""The library that people import, as `oyez`: `oyez.connect(...)` and what it gives.

`network` is the connection that a program holds; `outbox` and `inbox` are its two directions; `central` asks a central
one thing on a link of its own; `addresses` reads addresses as people write them. The client role (`core.client`) does
the talking; this package gives it a user. Must not know: sockets' details (`net` has them, and `oyez.connect` puts the
two together), the command line.
"""
