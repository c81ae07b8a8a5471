"""The figures that stand in the middle of sentences are those of the code."""

import pytest

from oyez import log
from oyez.core import credentials, tickets, timing, uplink
from oyez.core.central import accounts, backups, balance, entries, placement, reception, replication, snapshot
from oyez.core.client import client
from oyez.core.server import arrivals, clients, holdings, leaving, repair, server, used
from oyez.net import node, transport
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
        f"is kept for {placement.KEPT:g} s",
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
        f"the same servers for {balance.SETTLED:g} s",
        f"for {balance.BATCH} sessions at most and for no more",
        f"all sessions in a second, or for {balance.LEAST_PACE}",
        f"for {leaving.BATCH} sessions at a time, until it has none",
        f"place is kept for each for {placement.KEPT:g} s",
        f"It gives up after {leaving.PATIENCE:g} s",
        f"no central has been there, for {leaving.NOBODY:g} s",
        f"more than {used.MOST:,} that were used",
        f"was lost less than {timing.SUSPICION:g} s ago",
        f"No more than {repair.PIECES} such questions",
        f"without an answer for {timing.SUSPICION:g} s may be asked again",
        f"as ACTIVITY_BROADCAST, {holdings.SUPPLY // 1024} KiB at most",
        f"and still is after {arrivals.AHEAD:g} s",
        f"([SETTLE](#settle)), for {arrivals.PATIENCE:g} s at most",
        f"when nobody has posted for {clients.LIFE:g} s",
    ],
    "operations.md": [
        f"give a server {node.LEAVING:g} s for that",
        f"sent to the other servers, {leaving.BATCH} at a time",
        f"It takes {leaving.PATIENCE:g} s at most",
        f"no central answers, after {leaving.NOBODY:g} s",
        f"by more than {balance.THRESHOLD:.0%} of the mean".replace("%", " %"),
        f"at most (or {balance.LEAST_PACE})",
        f"begins {balance.SETTLED:g} s after the last change of servers",
    ],
    "architecture.md": [
        f"keeps the place for {placement.KEPT:g} s",
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
    protocol = " ".join(read(DOCS / "protocol.md").split())
    assert "in the term in which it was signed and the four after it" in protocol
    assert tickets.KEPT_TERMS == 4
    assert "differ by more than 1 and more than a tenth of their mean" in protocol
    assert (balance.THRESHOLD, balance.PACE) == (0.1, 20)  # a tenth, a twentieth
    assert "up to four other servers" in protocol
    assert accounts.ALTERNATES == 4
    assert "the client of this project follows three" in " ".join(read(DOCS / "protocol.md").split())
    assert client.REDIRECTS == 3
    assert "sends four parts, then one more" in " ".join(read(DOCS / "protocol.md").split())
    assert snapshot.WINDOW == 4
    for page in ("protocol.md", "architecture.md", "glossary.md"):
        assert "twice a second" in read(DOCS / page).lower()
    assert timing.HEARTBEAT == 0.5
