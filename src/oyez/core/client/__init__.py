"""The client: one session of one user, wherever it is (DESIGN section 3, ADR 9).

The role is `client`; `route` says where it dials, `seen` how far it has come. Must not know the other roles' parts.
"""
