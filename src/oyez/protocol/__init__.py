"""The wire: what may be said on a link, and how it becomes bytes and back.

`messages` and `nodes` hold one struct a command, `codec` turns lines into them and refuses everything else with a
sentence, `framing` cuts a byte stream into lines, `activity` makes the one line that carries an activity to everyone,
and `limits` bounds all of it. Nothing here knows of roles, sockets, time or storage.
"""
