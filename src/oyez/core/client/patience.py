"""How long a client waits for what: every figure of it in one place, in seconds. Must not know: for whom."""

STEP = 10.0
"""Seconds that one step of a login may take."""

STEP_OF_SEVERAL = 5.0
"""The same at a central where there are others: one that accepts connections and says nothing may be frozen."""

STEP_OF_MANY = 3.0
"""The same where there are alternates, too: longer than a central that looks for its main keeps a client waiting."""

STEP_AT_SERVER = 10.0
"""The same at a server: longer than it waits for what the cursor covers, so that it can say that it waited in vain."""

STEP_AT_SUSPECT = 1.0
"""The same at a server that has just been silent for too long: the central may have noticed later than we did."""

WATCH = 1.0
"""Seconds between two looks for silence."""

LASTED = 1.0
"""Seconds for which a session must have lasted for its loss to be news; after a shorter one, the backoff goes on."""
