"""The regular server: sessions, the mesh, and the way of an activity between them (DESIGN sections 1 and 4, ADR 9).

The role is `server`; `clients` has its sessions, `mesh` and `repair` the other servers, `broadcast` what is posted,
`membership` its place in the network. Must not know the other roles' parts.
"""
