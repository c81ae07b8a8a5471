"""Whoever confirms and whoever elects have a voter in common, through every change of voters (ADR 8, rules 2 to 4)."""

from collections.abc import Iterable
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from oyez.core import configuration as cfg
from oyez.protocol.nodes import CentralAddress, Configuration


def central(name: str) -> CentralAddress:
    return CentralAddress(name, "127.0.0.1", 3780)


def configuration(
    centrals: str, servers: Iterable[str] = (), version: int = 1, before: Iterable[str] = ()
) -> Configuration:
    members = tuple(central(name) for name in centrals)
    return Configuration(1, version, centrals[0], (centrals[0],), members, tuple(servers), tuple(before))


def subsets(voters: Iterable[str]) -> Iterable[set[str]]:
    names = sorted(voters)
    return (set(chosen) for size in range(len(names) + 1) for chosen in combinations(names, size))


def everyone(*configurations: Configuration) -> set[str]:
    return {voter for one in configurations for group in cfg.groups(one) for voter in group}


def could_elect(one: Configuration, voters: set[str]) -> bool:
    """May these elect somebody? Who is elected is a central of that configuration, and votes for itself."""
    return any(member.id in voters for member in one.centrals) and cfg.elected(one, voters)


SERVERS = ["s1.1", "s2.1", "s3.1"]
memberships = st.tuples(
    st.sampled_from(["m", "mb", "mbc"]), st.lists(st.sampled_from(SERVERS), unique=True, max_size=3).map(sorted)
)


@given(memberships)
def test_a_confirmation_and_an_election_share_a_voter(members: tuple[str, list[str]]) -> None:
    one = configuration(*members)
    for confirming in subsets(cfg.voters(one)):
        if cfg.confirmed(one, confirming):
            others = set(cfg.voters(one)) - confirming
            by_all_centrals = {member.id for member in one.centrals} <= others
            assert by_all_centrals or not could_elect(one, others)


@given(memberships, memberships)
def test_no_election_in_any_step_of_a_change_passes_by_those_who_confirmed_it(
    old_members: tuple[str, list[str]], new_members: tuple[str, list[str]]
) -> None:
    old = configuration(*old_members)
    changed = cfg.changed(old, "m", tuple(map(central, new_members[0])), tuple(new_members[1]))
    if changed is None:
        return
    final = cfg.changed(changed, "m", changed.centrals, changed.servers)
    everybody = everyone(old, changed)
    main = {"m"}  # confirms always, and votes for nobody else
    for confirming in subsets(everybody):
        confirming = confirming | main
        others = everybody - confirming
        if cfg.confirmed(old, confirming) and cfg.confirmed(changed, confirming):
            # in doubt whether the change was adopted: neither the old voters nor the new can elect without them
            assert not could_elect(old, others)
            assert not could_elect(changed, others)
        if final is not None and cfg.confirmed(changed, confirming) and cfg.confirmed(final, confirming):
            assert not could_elect(changed, others)
            assert not could_elect(final, others)


def test_half_confirms_and_more_than_half_elects() -> None:
    one = configuration("mb", ["s1.1", "s2.1"])
    assert cfg.confirmed(one, {"m", "s1.1"})
    assert not cfg.confirmed(one, {"m"})
    assert not cfg.elected(one, {"b", "s1.1"})
    assert cfg.elected(one, {"b", "s1.1", "s2.1"})


def test_all_centrals_elect_though_all_servers_are_gone() -> None:
    one = configuration("mb", ["s1.1", "s2.1", "s3.1"])
    assert cfg.elected(one, {"m", "b"})
    assert not cfg.elected(one, {"b"})


def test_all_centrals_confirm_though_all_servers_are_gone() -> None:
    """Else a main that they elected could never give the servers that came instead a vote."""
    one = configuration("mb", ["s1.1", "s2.1", "s3.1"])
    assert cfg.confirmed(one, {"m", "b"})
    assert not cfg.confirmed(one, {"m"})
    assert not could_elect(one, {"s1.1", "s2.1", "s3.1"})


def test_while_voters_change_all_centrals_are_the_old_ones_too() -> None:
    one = configuration("mb", ["s1.2", "s2.2", "s3.2"], before=["m", "c", "s1.1", "s2.1", "s3.1"])
    assert not cfg.confirmed(one, {"m", "b"})
    assert cfg.confirmed(one, {"m", "b", "c"})


def test_with_one_central_servers_have_no_say() -> None:
    alone = configuration("m", ["s1.1", "s2.1"])
    assert cfg.voters(alone) == ("m",)
    assert cfg.confirmed(alone, {"m"})
    assert cfg.elected(alone, {"m"})


def test_a_change_of_voters_names_the_old_ones_until_the_next_version() -> None:
    old = configuration("m", ["s1.1"])
    changed = cfg.changed(old, ["m", "b"], (central("m"), central("b")), ("s1.1",))
    assert changed is not None
    assert changed.before == ("m",)
    assert changed.version == old.version + 1
    settled = cfg.changed(changed, ["m", "b"], changed.centrals, changed.servers)
    assert settled is not None
    assert settled.before == ()
    assert cfg.changed(settled, ["m", "b"], settled.centrals, settled.servers) is None


def test_a_change_of_the_in_sync_set_alone_leaves_the_voters() -> None:
    old = configuration("mb", ["s1.1"])
    changed = cfg.changed(old, ["m", "b"], old.centrals, old.servers)
    assert changed is not None
    assert changed.in_sync == ("m", "b")
    assert changed.before == ()


def test_a_new_main_keeps_who_votes_and_who_is_in_sync_and_an_unfinished_change() -> None:
    old = Configuration(1, 7, "m", ("m", "b"), (central("m"), central("b")), ("s1.1",), ("m",))
    mine = cfg.taken_over(old, central("b"), 2)
    assert (mine.term, mine.version, mine.main) == (2, 1, "b")
    assert (mine.in_sync, mine.centrals) == (old.in_sync, old.centrals)
    assert (mine.servers, mine.before) == (old.servers, old.before)


def test_newer_is_by_term_then_by_version() -> None:
    places = [cfg.place(None), (1, 2), (1, 10), (2, 1)]
    assert places == sorted(places)
