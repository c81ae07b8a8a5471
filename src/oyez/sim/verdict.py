"""One history from a seed or a plan, and what the checkers say of it."""

from dataclasses import dataclass

from oyez.sim.checkers import violations
from oyez.sim.history import Entry
from oyez.sim.plan import ANY, STEPS, Plan, Topology, draw
from oyez.sim.scenario import Scenario
from oyez.sim.story import digest, narrate


class Broken(Exception):
    """A role or the host has raised: a bug of ours. `history` is what had happened until then."""

    def __init__(self, plan: Plan, history: list[Entry]) -> None:
        super().__init__(f"a node broke in the history of seed {plan.seed}, at {history[-1].at:.4f}")
        self.plan = plan
        self.history = history


@dataclass(slots=True, frozen=True)
class Verdict:
    """A history and the promises that were broken in it."""

    plan: Plan
    history: list[Entry]
    violations: list[str]

    @property
    def ok(self) -> bool:
        """Every promise was kept."""
        return not self.violations

    @property
    def digest(self) -> str:
        """The history's fingerprint."""
        return digest(self.history)

    def told(self, activities: bool = True) -> str:
        """What happened, and the verdict."""
        return "\n".join([*narrate(self.history, activities), "", self.summary()])

    def summary(self) -> str:
        """The verdict."""
        seconds = self.history[-1].at
        head = f"seed {self.plan.seed}: {len(self.history)} events in {seconds:.1f} virtual seconds, {self.digest[:16]}"
        if self.ok:
            return f"{head}\nevery promise was kept"
        return "\n".join([head, *[f"BROKEN {violation}" for violation in self.violations]])


def simulate(seed: int, steps: int = STEPS, topology: Topology = ANY) -> Verdict:
    """Run the history of this seed, with about `steps` posts, logins and faults. Raises Broken where a node does."""
    return judge(draw(seed, steps, topology))


def judge(plan: Plan) -> Verdict:
    """Run the history of this plan."""
    scenario = Scenario(plan)
    try:
        history = scenario.run()
    except Exception as error:
        raise Broken(plan, scenario.world.history) from error
    return Verdict(plan, history, violations(history))
