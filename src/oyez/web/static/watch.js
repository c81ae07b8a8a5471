/**
 * Keeps asking how the network is: the main, as long as it answers; else whichever central does.
 *
 * The page is from one central, the home. The others are learned from what is answered, and stay known: a central
 * that has died comes back. A backup is asked only while there is no main, because it knows less.
 */

import { at } from "./page.js";

/** Milliseconds between two questions; the second is for a page that nobody sees. */
const PACE = [1000, 5000];

/** Milliseconds after which a central that has not answered does not answer. */
const PATIENCE = 2000;

/**
 * @typedef {object} Telling
 * @property {(network: object) => void} heard how the network is, as in /network.json
 * @property {(from: string, to: string, why: string) => void} moved another central is asked from now on
 * @property {() => void} silent no central answers
 */

export class Watch {
  /** @param {string} home the origin of the page. @param {Telling} telling */
  constructor(home, telling) {
    this.current = home;
    this._home = home;
    this._homeId = null;
    this._telling = telling;
    this._centrals = new Map([[home, { base: home }]]);
    this._seen = new Map(); // by central: the last event
    this._timer = 0;
    this._asking = false;
  }

  /** Begin. */
  start() {
    document.addEventListener("visibilitychange", () => document.hidden || this._turn());
    this._turn();
  }

  /** Where the centrals are, the one that is asked now first. */
  get centrals() {
    const bases = [...this._centrals.values()].map((central) => central.base);
    return [this.current, ...bases.filter((base) => base !== this.current)];
  }

  async _turn() {
    if (this._asking) return;
    this._asking = true;
    clearTimeout(this._timer);
    const began = performance.now();
    try {
      await this._ask();
    } finally {
      this._asking = false;
      const pace = PACE[Number(document.hidden)];
      this._timer = setTimeout(() => this._turn(), Math.max(50, began + pace - performance.now()));
    }
  }

  async _ask() {
    const network = await this._answer(this.current);
    if (network === null) return this._look("does not answer");
    this._learn(network);
    if (network.role === "main") return this._telling.heard(network);
    const main = network.centrals.find((central) => central.role === "main");
    const there = main && main.id !== network.id ? await this._answer(this._base(main)) : null;
    if (there === null || there.role !== "main") return this._telling.heard(network);
    return this._follow(there, this._base(main), "is a backup");
  }

  /** Ask all the others at once. */
  async _look(why) {
    const bases = this.centrals.slice(1);
    const answers = await Promise.all(bases.map((base) => this._answer(base)));
    const found = bases
      .map((base, index) => [base, answers[index]])
      .filter(([, network]) => network !== null)
      .sort(([, one], [, other]) => (other.role === "main") - (one.role === "main") || other.term - one.term);
    if (!found.length) return this._telling.silent();
    return this._follow(found[0][1], found[0][0], why);
  }

  _follow(network, base, why) {
    const from = this.current;
    this.current = base;
    this._learn(network);
    if (from !== base) this._telling.moved(from, base, why);
    this._telling.heard(network);
  }

  /** The home is asked at the address by which the page was found: its own may be one that only others reach. */
  _base(central) {
    return central.id === this._homeId ? this._home : `${location.protocol}//${at(central)}`;
  }

  _learn(network) {
    if (this.current === this._home && this._homeId === null) {
      this._homeId = network.id;
      this._centrals.delete(this._home);
      this._centrals.set(network.id, { base: this._home });
    }
    for (const central of network.centrals) this._centrals.set(central.id, { base: this._base(central) });
    const last = network.events.at(-1)?.number ?? this._seen.get(this.current)?.number ?? 0;
    this._seen.set(this.current, { journal: network.journal, number: last });
  }

  async _answer(base) {
    const { journal, number } = this._seen.get(base) ?? { journal: 0, number: 0 };
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      const response = await fetch(`${base}/network.json?since=${journal}-${number}`, { signal, credentials: "omit" });
      return response.ok ? await response.json() : null;
    } catch {
      return null; // it is down, or can't be reached, or has no right to be read from here: all one to the page
    }
  }
}
