"""Who decides, and how many of them are enough (ADR 8, DESIGN section 5.3).

A `Configuration` is made by a main alone. A change of voters needs the old ones and the new; so does an election
while a change is under way. With one central there is nobody to elect, and servers have no say.

Pure functions of configurations. Guarantees: whoever confirms (half of each group, or every central) and whoever elects
(more than half of each group, the candidate among them, which is a central; or every central) have a voter in common.
"""

from collections.abc import Collection

from oyez.protocol.nodes import CentralAddress, Configuration

Place = tuple[int, int]
"""Term and version: which of two configurations is newer."""


def place(configuration: Configuration | None) -> Place:
    """Where a configuration stands among all; none stands before the first."""
    return (0, 0) if configuration is None else (configuration.term, configuration.version)


def voters(configuration: Configuration) -> tuple[str, ...]:
    """Ids of the centrals, and origins of the servers, that decide."""
    centrals = tuple(central.id for central in configuration.centrals)
    return centrals if len(centrals) == 1 else centrals + configuration.servers


def groups(configuration: Configuration) -> list[frozenset[str]]:
    """The sets of voters each of which must agree."""
    before = [frozenset(configuration.before)] if configuration.before else []
    return [frozenset(voters(configuration)), *before]


def confirmed(configuration: Configuration, by: Collection[str]) -> bool:
    """Do at least half of each group stand behind it? Or every central: then nobody is left who could be elected."""
    if all(2 * len(group.intersection(by)) >= len(group) for group in groups(configuration)):
        return True
    return _every_central(configuration, by)


def elected(configuration: Configuration, by: Collection[str]) -> bool:
    """Do more than half of each group want this candidate? Or every central: then no other main can be."""
    if all(2 * len(group.intersection(by)) > len(group) for group in groups(configuration)):
        return True
    return _every_central(configuration, by)


def _every_central(configuration: Configuration, by: Collection[str]) -> bool:
    centrals = {central.id for central in configuration.centrals}
    centrals.update(voter for voter in configuration.before if "." not in voter)  # origins have a dot, ids have none
    return centrals.issubset(by)


def first(main: CentralAddress, term: int) -> Configuration:
    """The configuration of a network that has one central."""
    return Configuration(term, 1, main.id, (main.id,), (main,))


def taken_over(old: Configuration, main: CentralAddress, term: int) -> Configuration:
    """The first configuration of a new main: the voters are the same, and so are those in sync: each of them holds
    everything that was committed, and nothing will be committed without them until they are taken out."""
    centrals = tuple(main if central.id == main.id else central for central in old.centrals)
    return Configuration(term, 1, main.id, old.in_sync, centrals, old.servers, old.before)


def changed(
    old: Configuration,
    in_sync: Collection[str],
    centrals: tuple[CentralAddress, ...],
    servers: tuple[str, ...],
) -> Configuration | None:
    """The next version with these members, or None if there is nothing to change. `old` must have been adopted."""
    members = tuple(central.id for central in centrals if central.id in in_sync)
    new = Configuration(old.term, old.version + 1, old.main, members, centrals, servers)
    if set(voters(new)) != set(voters(old)):
        return Configuration(new.term, new.version, new.main, members, centrals, servers, voters(old))
    same = (set(members), centrals, set(servers)) == (set(old.in_sync), old.centrals, set(old.servers))
    return None if same and not old.before else new
