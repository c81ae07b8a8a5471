"""How many activities of each type there are, each second: a live plot. Needs matplotlib.

In a notebook, with this file beside it:

    import oyez.sync, plot

    with oyez.sync.connect() as network:
        plot.live(network, seconds=60)

As a script, without a display: `python plot.py rates.png 60` draws the file anew each second, for a minute.
"""

import io
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from matplotlib.figure import Figure

import oyez.sync

CENTRAL = os.environ.get("OYEZ_CENTRAL", "127.0.0.1:3780")
WINDOW = 60
"""Seconds that are shown."""


def live(network: oyez.sync.Network, seconds: float = 60, show: Callable[[Figure], object] | None = None) -> None:
    """Count what comes, and `show` the plot each second: in the notebook, unless told otherwise."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    show = show or in_notebook()
    counts: dict[str, Counter[int]] = defaultdict(Counter)  # by type, then by second
    activities = network.activities()
    end = time.time() + seconds
    while (now := time.time()) < end:
        count(activities, counts, until=min(now + 1, end))
        draw(figure, counts)
        show(figure)


def count(activities: oyez.sync.Activities, counts: dict[str, Counter[int]], until: float) -> None:
    while (left := until - time.time()) > 0:
        try:
            activity = activities.take(timeout=left)
        except TimeoutError:
            return
        counts[str(activity.object.get("type", "none"))][int(time.time())] += 1


def draw(figure: Figure, counts: dict[str, Counter[int]]) -> None:
    figure.clear()
    axes = figure.subplots()
    now = int(time.time())
    ages = range(-WINDOW, 1)
    for kind, by_second in sorted(counts.items()):
        axes.plot(ages, [by_second[now + age] for age in ages], label=kind, drawstyle="steps-post")
    axes.set(xlabel="seconds ago", ylabel="activities a second", xlim=(-WINDOW, 0), ylim=(0, None))
    if counts:
        axes.legend(loc="upper left")


def in_notebook() -> Callable[[Figure], object]:
    """Shows a figure below the cell, each time in the place of the one before."""
    from IPython.display import Image, display

    def image(figure: Figure) -> object:
        png = io.BytesIO()
        figure.savefig(png, format="png")
        return Image(data=png.getvalue())

    place = display(image(Figure()), display_id=True)
    return lambda figure: place.update(image(figure))


def into_file(path: Path) -> Callable[[Figure], object]:
    """Writes a PNG; whoever looks at it sees a whole one."""
    partial = path.with_suffix(".part")

    def write(figure: Figure) -> None:
        figure.savefig(partial, format="png")
        partial.replace(path)

    return write


if __name__ == "__main__":
    with suppress(KeyboardInterrupt), oyez.sync.connect(CENTRAL) as network:
        print(f"counting at {network.server}", flush=True)
        live(network, float(sys.argv[2]), into_file(Path(sys.argv[1])))
