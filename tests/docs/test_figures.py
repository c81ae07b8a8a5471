"""The figures that stand in the middle of sentences are those of the code."""

import pytest

from oyez import log
from oyez.core import (
    accounts,
    arrivals,
    backups,
    client,
    clients,
    credentials,
    entries,
    holdings,
    reception,
    repair,
    replication,
    server,
    snapshot,
    tickets,
    timing,
    uplink,
)
from oyez.net import transport
from oyez.protocol import limits
from tests.docs.markdown import DOCS, read

FIGURES = {
    "protocol.md": [
        f"sends what it has said, for up to {transport.LAST_WORDS:g} s",
        f"for up to {transport.LINGER:g} s reads and throws away",
        f"each side says something twice a second; after {timing.SUSPICION:g} s of silence",
        f"heard nothing at all on such a link for {timing.SUSPICION:g} s closes it",
        f"gets no hello in answer for {timing.SUSPICION:g} s closes",
        f"The session took nothing for {timing.PATIENCE:g} s",
        f"deeper than {limits.DEPTH}",
        f"is kept for {tickets.FOR_SERVER:g} s",
        f"for {tickets.FOR_SERVER:g} s, opens one session of this user on that server",
        f"for {tickets.FOR_CENTRALS / 3600:g} h, logs this user in at any central",
        f"within {clients.ANNOUNCE:g} s of a client's arrival",
        f"could not commit it within {replication.UNSETTLED:g} s says `unsettled`",
        f"the registration is committed, for up to {replication.UNSETTLED:g} s",
        f"until nobody has repeated it for {accounts.OPEN:g} s",
        f"told so, or has not repeated it for {accounts.OPEN:g} s",
        f"to none of them more than {replication.WINDOW} ahead",
        f"waits to be committed, else after {replication.GRACE:g} s",
        f"after {uplink.WAIT:g} s without a welcome it closes",
        f"was silent it passes over for {uplink.SHUN:g} s",
        f"waiting for up to {reception.PATIENCE:g} s (REGISTER and WHO, too)",
        f"has said nothing for {uplink.WELCOME:g} s after AUTHENTICATE",
        f"owes an answer for {replication.STALLED:g} s is taken out",
        f"it holds the last {entries.KEPT:,} since its start",
        f"up to {snapshot.PART} users, with `part`",
        f"and within {backups.LOADS:g} s of each change",
        f"was lost less than {timing.SUSPICION:g} s ago",
        f"No more than {repair.PIECES} such questions",
        f"without an answer for {timing.SUSPICION:g} s may be asked again",
        f"as ACTIVITY_BROADCAST, {holdings.SUPPLY // 1024} KiB at most",
        f"and still is after {arrivals.AHEAD:g} s",
        f"([SETTLE](#settle)), for {arrivals.PATIENCE:g} s at most",
        f"when nobody has posted for {clients.LIFE:g} s",
    ],
    "architecture.md": [
        f"keeps the place for {tickets.FOR_SERVER:g} s",
        f"Within {clients.ANNOUNCE:g} s `Membership.announce`",
        f"up to {log.READ // 1024} KiB at a time",
        f"have not moved for {timing.PATIENCE:g} s",
        f"{server.RETENTION // 1024**2} MiB are held",
        f"not back within {timing.SUSPICION:g} s",
    ],
    "glossary.md": [
        f"good once and for {tickets.FOR_SERVER:g} s; one for the centrals for {tickets.FOR_CENTRALS / 3600:g} h",
        f"takes nothing for {timing.PATIENCE:g} s",
        f"long enough to act on: {timing.SUSPICION:g} s",
    ],
}


@pytest.mark.parametrize(("page", "figure"), [(page, figure) for page in FIGURES for figure in FIGURES[page]])
def test_a_figure_is_the_codes(page: str, figure: str) -> None:
    assert figure in " ".join(read(DOCS / page).split())


def test_figures_that_are_written_as_words() -> None:
    assert "verified within the last ten minutes" in " ".join(read(DOCS / "architecture.md").split())
    assert credentials.LIFE == 600
    assert "the client of this project follows three" in " ".join(read(DOCS / "protocol.md").split())
    assert client.REDIRECTS == 3
    assert "sends four parts, then one more" in " ".join(read(DOCS / "protocol.md").split())
    assert snapshot.WINDOW == 4
    for page in ("protocol.md", "architecture.md", "glossary.md"):
        assert "twice a second" in read(DOCS / page).lower()
    assert timing.HEARTBEAT == 0.5
