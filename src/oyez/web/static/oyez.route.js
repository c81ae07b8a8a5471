/**
 * Where a client looks for its network: the centrals in turn, and where none of them helps, alternates.
 *
 * A round dials each central once, then each alternate once. Whoever has just failed or been left comes last among the
 * alternates. Knows nothing of links, messages and time.
 */

const ALTERNATES = 8; // most that are kept; the oldest goes first

/** An address as it stands in a URL, and as our maps know it. */
export function show(hostname, port) {
  return `${hostname.includes(":") && !hostname.startsWith("[") ? `[${hostname}]` : hostname}:${port}`;
}

/** What a client knows of its network. `centrals` are HOST:PORT, given by its user. */
export class Route {
  centrals;
  #given; #next = 0;
  #tickets = new Map(); // by alternate, the newest last
  #last = null; // the server that had the session last
  #shunned = []; // failed, or left: tried last
  #centralsLeft = []; #alternatesLeft = []; // of this round, in which each is dialed once

  constructor(centrals) {
    this.#given = centrals;
    this.centrals = centrals;
  }

  get hasAlternates() { return this.#tickets.size > 0; }

  /** A new round; unless `whole` it is the next central alone. */
  begin(whole) {
    const from = this.#next % this.centrals.length;
    const turned = [...this.centrals.slice(from), ...this.centrals.slice(0, from)];
    this.#centralsLeft = whole ? turned : turned.slice(0, 1);
    const fresh = [...this.#tickets.keys()].reverse().filter((address) => !this.#shunned.includes(address));
    const lastFirst = fresh.filter((address) => address === this.#last);
    this.#alternatesLeft = whole ? [...new Set([...lastFirst, ...fresh, ...this.#shunned])] : [];
  }

  /** The next one of this round, `ticket` where it is an alternate; or undefined: it is over. */
  next() {
    if (this.#centralsLeft.length) return { address: this.#centralsLeft.shift(), ticket: null };
    const address = this.#alternatesLeft.find((one) => this.#tickets.has(one));
    this.#alternatesLeft = this.#alternatesLeft.slice(this.#alternatesLeft.indexOf(address) + 1);
    return address && { address, ticket: this.#tickets.get(address) };
  }

  takesIn(central) { this.#centralsLeft = this.#centralsLeft.filter((one) => one !== central); }

  centralFailed() { this.#next++; }

  /** Who they are; `here`, where it is one, has let the client in. They may have other names than those given. */
  learnCentrals(centrals, here) {
    const told = centrals.map(({ hostname, port }) => show(hostname, port));
    this.centrals = [...new Set([...(here ? [here] : []), ...told, ...this.#given])];
    this.#next = 0;
  }

  learnAlternates(alternates) {
    for (const { hostname, port, ticket } of alternates) this.#keep(show(hostname, port), ticket);
  }

  /** This server has the session now, and gives a ticket for itself. */
  opened(server, ticket) {
    this.#last = server;
    this.#shunned = this.#shunned.filter((one) => one !== server);
    if (ticket) this.#keep(server, ticket);
  }

  #keep(server, ticket) {
    this.#tickets.delete(server);
    this.#tickets.set(server, ticket);
    if (this.#tickets.size > ALTERNATES) this.#tickets.delete(this.#tickets.keys().next().value);
  }

  shun(server) {
    if (!this.#tickets.has(server)) return;
    this.#shunned = [...this.#shunned.filter((one) => one !== server && this.#tickets.has(one)), server];
  }

  drop(server) { this.#tickets.delete(server); }
}
