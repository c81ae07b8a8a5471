/**
 * What has happened: the journals of the centrals that were asked, and what this page did, as one list.
 */

import { at, clock, element, many } from "./page.js";

/** Most events that are listed. */
const KEPT = 200;

/** Seconds within which the servers link with a new main: they have not joined the network then. */
const LINKING = 15;

/** Seconds within which the same, from one journal, is one line. */
const TOGETHER = 3;

const SIGNS = { good: "+", bad: "−", change: "→", news: "•" };

/** By event: its tone, and its words; the names are of all that are on the line. */
const WORDS = {
  backup_joined: ["good", (names) => `${names} joined as backup`],
  backup_lost: ["bad", (names) => `${names}: backup lost`],
  backup_silent: ["bad", (names) => `${names}: backup fell silent`],
  central_silent: ["bad", (names) => `${names} fell silent`],
  draining: ["change", (names) => `${names}: draining`],
  elected: ["change", (names, fields) => `${names} is main: term ${fields.term}`],
  following: ["change", (names, fields) => `${names} is main: term ${fields.term}`],
  main_lost: ["bad", (names) => `${names}: main lost`],
  moved: ["change", (names, fields) => `${names}: ${many(fields.sessions, "session")} sent elsewhere`],
  server_joined: ["good", (names) => `${names} joined`],
  server_linked: ["news", (names) => `${names} linked with the new main`],
  server_left: ["change", (names) => `${names} left`],
  server_lost: ["bad", (names) => `${names}: connection lost`],
  server_removed: ["bad", (names) => `${names} removed`],
  stepped_down: ["change", (names, fields) => `main of term ${fields.term} stepped down`],
  page: ["news", (names, fields) => fields.text],
};

export class Happened {
  /** @param {Element} list */
  constructor(list) {
    this._list = list;
    this._events = new Map();
    this._names = new Map(); // of centrals, by id
    this._own = 0;
  }

  /** @param {object} network as in /network.json */
  show(network) {
    for (const central of network.centrals) this._names.set(central.id, at(central));
    for (const event of network.events) {
      this._events.set(`${network.journal}/${event.first}`, { ...event, journal: network.journal });
    }
    if (network.events.length) this._draw();
  }

  /** Something that this page has done. @param {string} text */
  say(text) {
    this._own += 1;
    this._events.set(`page/${this._own}`, { journal: "page", at: Date.now() / 1000, event: "page", fields: { text } });
    this._draw();
  }

  _draw() {
    const events = [...this._events].sort(([, one], [, other]) => one.at - other.at);
    for (const [key] of events.splice(0, events.length - KEPT)) this._events.delete(key);
    const lines = together(told(events.map(([, event]) => event)));
    this._list.replaceChildren(...lines.reverse().map((line) => this._line(line)));
  }

  _line({ event, at, fields, who }) {
    const [tone, words] = WORDS[event] ?? ["news", (names) => `${names} ${event}`];
    const names = who.map((id) => this._names.get(id) ?? id).join(", ");
    const sign = element("span", { class: `sign ${tone}`, "aria-hidden": "true" }, SIGNS[tone]);
    return element("li", { class: `event ${event}` }, clock(at), sign, element("span", {}, words(names, fields)));
  }
}

/** What is worth a line, and as what. */
function told(events) {
  const lines = [];
  const left = new Set();
  const elected = new Map(); // by journal: when
  for (const event of events) {
    const server = event.fields.server;
    if (event.event === "elected" && event.fields.term > 1) elected.set(event.journal, event.at);
    if (event.event === "server_left") left.add(server);
    if (event.event === "server_removed" && left.delete(server)) continue; // said already
    const linked = event.event === "server_joined" && event.at - elected.get(event.journal) < LINKING;
    const { central, main } = event.fields;
    const who = [server ?? central ?? main ?? ""];
    lines.push({ ...event, event: linked ? "server_linked" : event.event, who });
  }
  return lines;
}

/** Several of one kind, shortly after each other, are one line. */
function together(events) {
  const lines = [];
  for (const event of events) {
    const last = lines.at(-1);
    const same = last && last.event === event.event && last.journal === event.journal;
    if (same && event.event.startsWith("server_") && event.at - last.at < TOGETHER) {
      last.who = [...new Set([...last.who, ...event.who])].sort();
    } else {
      lines.push(event);
    }
  }
  return lines;
}
