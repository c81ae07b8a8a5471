"""What comes over HTTP, on the port where lines come in: WebSocket, streams of events, pages (ADR 14).

`doorway` tells from the first bytes whether a link speaks HTTP, and what it asks for. `websocket` and `events` stand
between a transport and the host from then on, and turn lines into what their readers speak; the host, and the role
behind it, know nothing of it. `frames` is the encoding of WebSocket, `origins` decides whose pages may speak with a
node. Stands on the ports of `host` alone, so that it runs on sockets and in the simulator alike.
"""
