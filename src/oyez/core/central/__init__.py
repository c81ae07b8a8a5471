"""The central: who there is, who is who, and where everybody goes (DESIGN sections 3, 4 and 5).

The role is `central`; `office` says whether it is main; the others are what it does as main, as backup, and
for clients, servers and operators. Must not know the other roles' parts.
"""
