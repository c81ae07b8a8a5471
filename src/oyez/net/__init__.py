"""The network shell: runs a role on sockets, threads and a clock (ADR 3).

`transport` carries the bytes of one link and `poller` watches all of them, `listener` and `dialer` make links,
`secrets` and `writer` do off the loop what would block it, `clock` tells the time, `environment` puts them together
behind the host's port, and `node` is one running process. Nothing here knows what a message means.
"""
