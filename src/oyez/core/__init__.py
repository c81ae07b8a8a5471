"""The roles, as pure state machines: what the network decides, apart from every effect of deciding it.

`central`, `server` and `client` are the roles; `role` says what a role is and `effects` what it may ask for. The rest
is what they are made of: `directory`, `placement`, `credentials` and `tickets` of the central; `sessions`, `mesh`,
`uplink` and `origin` of the server. No I/O, clock, randomness or logging: times, entropy and results are given.
"""
