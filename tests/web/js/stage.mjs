// A world for oyez.js: WebSockets whose other ends are played by the test, and a clock that the test moves.

import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

// In a folder that says that they are modules: an older Node takes no file.js for one.
const folder = mkdtempSync(join(tmpdir(), "oyez-js-"));
process.on("exit", () => rmSync(folder, { recursive: true }));
cpSync(fileURLToPath(new URL("../../../src/oyez/web/static/", import.meta.url)), folder, { recursive: true });
writeFileSync(join(folder, "package.json"), '{"type":"module"}');

export const oyez = await import(pathToFileURL(join(folder, "oyez.js")));
export const { Seen, readCursor, writeCursor } = await import(pathToFileURL(join(folder, "oyez.seen.js")));

// -- time -------------------------------------------------------------------------------------------------------

let time = 0;
let timers = new Map();
let number = 0;

globalThis.setTimeout = (act, milliseconds) => {
  timers.set(++number, { at: time + milliseconds / 1000, act });
  return number;
};
globalThis.clearTimeout = (id) => timers.delete(id);
performance.now = () => time * 1000;
Math.random = () => 1; // the longest pause of those that jitter may give

/** Everything that has been caused happens. */
export const settle = () => new Promise((resolve) => setImmediate(resolve));

/** So many seconds go by; `asleep`, and all timers are late. */
export async function wait(seconds, { asleep = false } = {}) {
  await settle();
  const until = time + seconds;
  if (asleep) time = until;
  for (;;) {
    const due = [...timers].filter(([, timer]) => timer.at <= until).sort(([a, one], [b, other]) => one.at - other.at || a - b)[0];
    if (!due) break;
    time = Math.max(time, due[1].at);
    timers.delete(due[0]);
    due[1].act();
    await settle();
  }
  time = until;
}

/** Time goes by until somebody is dialed: so many seconds. */
export async function untilDialed() {
  await settle();
  const begun = time;
  while (alone()) {
    if (!timers.size) throw new Error("nobody will ever be dialed");
    await wait(Math.max(0, Math.min(...[...timers.values()].map(({ at }) => at)) - time));
  }
  return Math.round((time - begun) * 1000) / 1000;
}

// -- links ------------------------------------------------------------------------------------------------------

let links = [];

class Link {
  constructor(url) {
    this.url = url;
    this.at = time;
    this.said = [];
    this.closed = false;
    links.push(this);
  }

  send(line) { this.said.push(JSON.parse(line)); }

  close() { this.closed = true; }

  /** What was said since the last look. */
  heard() { return this.said.splice(0); }

  /** The other end takes it. */
  async open() {
    this.onopen({});
    await settle();
    return this;
  }

  async say(...messages) {
    for (const message of messages) this.onmessage({ data: typeof message === "string" ? message : JSON.stringify(message) });
    await settle();
    return this;
  }

  /** It breaks. */
  async break() {
    this.closed = true;
    this.onclose({});
    await settle();
  }
}

globalThis.WebSocket = Link;

/** The link that was dialed last, where nothing else is open. */
export function link(url) {
  const open = links.filter(({ closed }) => !closed);
  if (open.length !== 1) throw new Error(`open links: ${open.map((one) => one.url).join(" ") || "none"}`);
  if (url && open[0].url !== url) throw new Error(`${open[0].url} is dialed, not ${url}`);
  return open[0];
}

/** Are there none? */
export const alone = () => links.every(({ closed }) => closed);

/** All that were dialed, since `reset`. */
export const dialed = () => links;

export function reset() {
  links = [];
  timers = new Map();
  delete globalThis.location;
}

// -- parts of nodes ---------------------------------------------------------------------------------------------

export const CENTRALS = [{ hostname: "c1", port: 1 }];
export const letIn = (more = {}) => ({ command: "LOGIN_SUCCESS", info: "", ticket: "ct", centrals: CENTRALS, alternates: [], ...more });
export const redirect = (hostname, port, ticket) => ({ command: "REDIRECT", hostname, port, ticket });
export const welcome = (server, more = {}) => ({
  command: "LOGIN_SUCCESS", info: "", server, session: "tag", ticket: `own-${server}`, network: "n", origin: `${server}.1`, ...more,
});
export const broadcast = (id, content, post) => ({
  command: "ACTIVITY_BROADCAST", id, post, activity: { authenticated_user: "bob", content },
});
export const refused = (command, reason) => ({ command, info: `because ${reason}`, reason });

/** A network that has been opened: at c1, then at s1, whose cursor is s1.1-5. */
export async function joined(options = {}, extra = {}) {
  const opening = oyez.connect("ws://c1:1", options);
  const central = await link("ws://c1:1/").open();
  await central.say(letIn(extra), redirect("s1", 2, "t1"));
  const server = await link("ws://s1:2/").open();
  const login = server.heard();
  await server.say(welcome("s1", { origins: { "s1.1": 5 } }));
  return { network: await opening, central, server, login };
}
