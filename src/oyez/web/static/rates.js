/**
 * Numbers of the network, and how they were in the last minutes.
 */

import { count, drawn, element, rate, set, write } from "./page.js";

/** Seconds that are shown: at first few, then more, then the last. */
const SPANS = [60, 120, 300];
const SPAN = SPANS.at(-1);

/** Values of which the mean is shown: rates jump from second to second. */
const MEAN = 5;

/** Seconds without a value after which the line breaks. */
const HOLE = 6.5;

const WIDTH = 300;
const HEIGHT = 48;

/** Key, title, how it is written, unit, and of how many values the mean is shown. */
const KINDS = [
  ["sessions", "Sessions", count, "", 1],
  ["accepted", "Accepted", rate, "activities/s", MEAN],
  ["delivered", "Delivered", rate, "deliveries/s", MEAN],
];

export class Rates {
  constructor(parent) {
    this._plots = KINDS.map((kind) => new Plot(parent, ...kind));
  }

  /** @param {number} now seconds. @param {Record<string, number>} values by kind */
  show(now, values) {
    for (const plot of this._plots) plot.add(now, values[plot.key]);
  }
}

class Plot {
  constructor(parent, key, title, shown, unit, mean) {
    this.key = key;
    this._mean = mean;
    this._latest = [];
    this._title = title;
    this._shown = shown;
    this._values = [];
    this._number = element("span", { class: "big" }, "–");
    this._area = drawn("path", { class: "area" });
    this._line = drawn("path", { class: "line", "vector-effect": "non-scaling-stroke" });
    const base = drawn("path", { class: "base", d: `M0,${HEIGHT - 0.5}H${WIDTH}`, "vector-effect": "non-scaling-stroke" });
    this._plot = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
    this._plot.append(this._area, base, this._line);
    this._span = element("span");
    this._most = element("span");
    parent.append(
      element(
        "figure",
        { id: `rate-${key}` },
        element("figcaption", {}, title),
        element("p", { class: "value" }, this._number, element("span", { class: "unit" }, unit)),
        this._plot,
        element("p", { class: "axis" }, this._span, this._most),
      ),
    );
  }

  add(now, latest) {
    this._latest = [...this._latest, latest].slice(-this._mean);
    const value = this._latest.reduce((sum, one) => sum + one, 0) / this._latest.length;
    this._values.push([now, value]);
    while (this._values[0][0] < now - SPAN) this._values.shift();
    write(this._number, this._shown(value));
    const most = Math.max(...this._values.map(([, value]) => value));
    const least = Math.min(...this._values.map(([, value]) => value));
    write(this._most, `most ${this._shown(most)}`);
    const shown = [least, most, value].map(this._shown);
    set(this._plot, {
      "aria-label": `${this._title} in the last minutes: from ${shown[0]} to ${shown[1]}, now ${shown[2]}`,
    });
    const span = SPANS.find((span) => now - this._values[0][0] <= span) ?? SPAN;
    write(this._span, `${span / 60} min`);
    this._draw(now, ceiling(most), span);
  }

  _draw(now, top, span) {
    const x = (at) => (WIDTH * (1 - (now - at) / span)).toFixed(1);
    const y = (value) => (HEIGHT - 1 - (HEIGHT - 4) * (value / top)).toFixed(1);
    let line = "";
    let area = "";
    for (const run of runs(this._values)) {
      const points = run.map(([at, value]) => `${x(at)},${y(value)}`).join("L");
      line += `M${points}`;
      area += `M${x(run[0][0])},${HEIGHT}L${points}L${x(run.at(-1)[0])},${HEIGHT}Z`;
    }
    set(this._line, { d: line });
    set(this._area, { d: area });
  }
}

/** The values in runs without a hole. */
function runs(values) {
  const found = [];
  for (const value of values) {
    const last = found.at(-1);
    if (last && value[0] - last.at(-1)[0] < HOLE) last.push(value);
    else found.push([value]);
  }
  return found;
}

/** The next of 10, 20, 50, 100, 200 …: so that the scale seldom changes. */
export function ceiling(most) {
  let step = 10;
  while (step < most) step *= String(step)[0] === "2" ? 2.5 : 2;
  return step;
}
