/**
 * Oyez for browsers, and wherever else there is a WebSocket: `connect` logs in, and gives a `Network`.
 *
 * It keeps the promises of the library for Python: it follows redirects, comes back by itself after each loss to where
 * it left off, misses nothing and shows nothing twice, and sends posts that have not come back again, each of which
 * appears once. Where something can't be had any more, it says so ("gap"). What it holds is bounded: a program that
 * does not take its activities has its link let go until it has taken half of them; the network holds the rest.
 * Depends on nothing. This file is the program's side; oyez.session.js talks with the nodes, which oyez.route.js finds;
 * oyez.seen.js knows how far a session has come. Types are in oyez.d.ts, the wire is docs/protocol.md of the project.
 */

import { show } from "./oyez.route.js";
import { apart, readCursor, writeCursor } from "./oyez.seen.js";
import { Session } from "./oyez.session.js";

const LINE = 65536, ENVELOPE = 256, DEPTH = 128; // of a post: bytes of its line, of what stands around it, nesting
const WINDOW = 1 << 20, OVERHEAD = 256; // bytes of posts on their way; what each, and each activity, costs besides
const NOT_TAKEN = 'the activities are not taken: iterate over the network, or listen with on("activity", …)';

const report = (error) => (globalThis.reportError ?? console.error)(error);
const bytes = (text) => new TextEncoder().encode(text).length;

/** Anything that can go wrong; `message` is a sentence for a person. */
export class OyezError extends Error {
  get name() { return this.constructor.name; }
}
/** The network said no, for good; `reason` is for a program. */
export class Refused extends OyezError {
  constructor(reason, info) { super(info); this.reason = reason; }
}
/** No central let us in. */
export class Unreachable extends OyezError {}
/** A post has not come back in time. It was sent so many `times`: 0, and it may be posted again without a thought. */
export class PostUnsettled extends OyezError {
  constructor(info, times) { super(info); this.times = times; }
}
/** What was to be posted is no JSON object, or none that the network carries. */
export class NotAnActivity extends OyezError {}
/** The connection was closed by this program. */
export class Closed extends OyezError {}

/** Connect to the network that any of these addresses belongs to, and log in; see oyez.d.ts for the options. */
export async function connect(address, options = {}) {
  const network = new Network(address, options);
  await network.opened;
  return network;
}

/** A session. `on` and `for await` give what everybody posts, `post` posts. Made by `connect`. */
class Network {
  #session; #opening; #end = null; #timeout; #around; #receive; #buffer; #moving = false;
  #listeners = { activity: new Set(), gap: new Set(), state: new Set() };
  #inbox = []; #size = 0; #held = false; #iterated = false; #takers = [];
  #waiting = []; #sent = new Map(); #onTheWay = 0;

  constructor(address, options) {
    const { username = "anonymous", secret = null, register = false, timeout = 10, receive = true } = options;
    checkCredentials(username, secret, register);
    const { scheme, addresses } = parse(address ?? globalThis.location?.origin);
    this.username = username;
    /** "connecting", "connected" or "closed"; and the id of the server that has the session, or null. */
    this.state = "connecting";
    this.server = null;
    this.#timeout = timeout;
    this.#receive = receive;
    this.#buffer = options.buffer ?? 8 << 20;
    this.#around = bytes(username) + bytes(secret ?? "");
    if (options.onstate) this.on("state", options.onstate);
    const cursor = options.cursor == null ? null : readCursor(options.cursor);
    this.#session = new Session(this.#ears(), scheme, addresses, username, secret, register, cursor);
    this.opened = new Promise((resolve, reject) => { this.#opening = { resolve, reject }; });
    const late = () => this.#finish(new Unreachable(`${addresses.join(", ")}: no login within ${timeout} s`));
    this.#opening.timer = setTimeout(late, timeout * 1000);
    this.#session.setOut();
  }

  /** Call `listener` with each "activity", "gap" or "state"; returns a function that ends that. */
  on(event, listener) {
    const listeners = this.#listeners[event];
    if (!listeners) throw new TypeError(`there is no event ${event}: there are activity, gap and state`);
    listeners.add(listener);
    if (event === "activity") queueMicrotask(() => this.#handOut());
    return () => { listeners.delete(listener); };
  }

  /** Every activity from the login on; several loops share them. Ends once this is closed, throws if refused. */
  [Symbol.asyncIterator]() {
    this.#iterated = true;
    const iterator = { next: () => this.#next(), return: async () => ({ value: undefined, done: true }) };
    return { ...iterator, [Symbol.asyncIterator]() { return this; } };
  }

  /** Post a JSON object (a string: a Note that says it) to everyone; gives its id once it has come back. */
  async post(given, { timeout = this.#timeout } = {}) {
    const text = encode(given, this.#around);
    if (this.#end) throw this.#end;
    return new Promise((resolve, reject) => {
      const post = { text, cost: bytes(text) + OVERHEAD, number: null, times: 0, resolve, reject };
      post.timer = setTimeout(() => this.#late(post, timeout), timeout * 1000);
      this.#waiting.push(post);
      this.#pump();
    });
  }

  /** How far this program has taken the activities: a string for a later `connect`; null before the first login. */
  get cursor() {
    const { network, origins } = this.#session.seen;
    if (!network) return null;
    const taken = new Map(origins);
    for (const { id } of this.#inbox.toReversed()) {
      const [origin, sequence] = apart(id);
      if (sequence) taken.set(origin, sequence - 1);
    }
    return writeCursor(network, taken);
  }

  /** Log out. Loops end after what is here; posts on their way are unsettled. */
  close() { this.#finish(new Closed("this connection was closed")); }

  // -- what the session tells ---------------------------------------------------------------------------------

  #ears() {
    return {
      deliver: (id, object, size) => this.#deliver(new Activity(id, object, size)),
      settled: (number, id) => this.#back(number, (post) => post.resolve(id)),
      doubtful: (number) => this.#back(number, (post) => post.reject(unsettled(post,
        `${sent(post)}, and may be among the activities that this session has missed`))),
      connected: (server) => {
        for (const post of this.#sent.values()) post.times++;
        clearTimeout(this.#opening.timer);
        this.#opening.resolve();
        this.#tell("connected", { state: this.#moving ? "moved" : "connected", server }, server);
        this.#moving = false;
        this.#pump();
      },
      disconnected: (info, moving) => {
        this.#moving = moving;
        this.#tell("connecting", this.#moving ? null : { state: "disconnected", info });
      },
      gap: (ranges) => {
        const count = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
        queueMicrotask(() => this.#emit("gap", { ranges, count }));
      },
      gaveUp: (reason, info) => this.#finish(reason ? new Refused(reason, info) : new Unreachable(info)),
    };
  }

  #tell(state, event, server = null) {
    this.state = state;
    this.server = server;
    if (event) queueMicrotask(() => this.#emit("state", event)); // outside of the session's turn
  }

  #emit(name, event) {
    for (const listener of [...this.#listeners[name]]) {
      try {
        listener(event);
      } catch (error) {
        report(error); // the program's own affair
      }
    }
  }

  #finish(error) {
    if (this.#end) return;
    this.#end = error;
    this.#session.stop();
    clearTimeout(this.#opening.timer);
    this.#opening.reject(error); // nothing, once it has been resolved
    for (const post of this.#sent.values()) {
      this.#settle(post).reject(unsettled(post, `${sent(post)}, and had not come back at the end: ${error.message}`));
    }
    for (const post of this.#waiting) this.#settle(post).reject(error);
    this.#sent.clear();
    this.#waiting = [];
    for (const taker of this.#takers.splice(0)) this.#next().then(taker.resolve, taker.reject);
    this.#tell("closed", { state: "closed", info: error.message, error });
  }

  // -- activities, on their way in ----------------------------------------------------------------------------

  #deliver(activity) {
    if (!this.#receive) return;
    if (this.#iterated) this.#emit("activity", activity);
    const taker = this.#takers.shift();
    if (taker) return void taker.resolve({ value: activity, done: false });
    this.#inbox.push(activity);
    this.#size += activity.size;
    this.#handOut();
    if (this.#size >= this.#buffer && !this.#held) {
      this.#held = true;
      this.#session.hold();
      this.#tell("connecting", { state: "held", info: NOT_TAKEN });
    }
  }

  #handOut() {
    while (this.#inbox.length && !this.#iterated && this.#listeners.activity.size) this.#emit("activity", this.#take());
  }

  #take() {
    const activity = this.#inbox.shift();
    this.#size -= activity.size;
    if (this.#held && this.#size <= this.#buffer / 2) {
      this.#held = false;
      if (!this.#end) this.#session.setOut();
    }
    return activity;
  }

  async #next() {
    if (this.#inbox.length) return { value: this.#take(), done: false };
    if (this.#end instanceof Closed) return { value: undefined, done: true };
    if (this.#end) throw this.#end;
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }

  // -- posts, on their way out: at most a window of them, the others wait here -----------------------------------

  #pump() {
    while (this.#session.live && this.#waiting.length) {
      const [post] = this.#waiting;
      if (this.#sent.size && this.#onTheWay + post.cost > WINDOW) return;
      this.#waiting.shift();
      post.times = 1;
      this.#onTheWay += post.cost;
      post.number = this.#session.post(post.text);
      this.#sent.set(post.number, post);
    }
  }

  #back(number, settle) {
    const post = this.#sent.get(number);
    if (!post) return;
    this.#sent.delete(number);
    settle(this.#settle(post));
    this.#pump();
  }

  #settle(post) {
    clearTimeout(post.timer);
    if (post.number !== null) this.#onTheWay -= post.cost;
    return post;
  }

  #late(post, timeout) {
    const why = this.#held ? `; ${NOT_TAKEN}` : "";
    if (post.number !== null) {
      this.#session.withdraw(post.number);
      this.#back(post.number, () => {});
      post.reject(unsettled(post, `${sent(post)}, but has not come back within ${timeout} s${why}`));
      return;
    }
    this.#waiting.splice(this.#waiting.indexOf(post), 1);
    post.reject(unsettled(post, this.#sent.size
      ? `the post was not sent within ${timeout} s: those before it have not come back${why}`
      : `no server could be reached within ${timeout} s; the post was not sent${why}`));
  }
}

const sent = ({ times }) => `the post was sent${times === 1 ? "" : ` ${times} times`}`;
const unsettled = (post, info) => new PostUnsettled(info, post.times);

/** One activity: `id` names it in the network, `user` posted it, `object` is what was posted. */
class Activity {
  constructor(id, object, size) {
    this.id = id;
    this.object = object;
    Object.defineProperty(this, "size", { value: size + OVERHEAD });
  }
  get user() { return this.object.authenticated_user; }
}

/** JSON for what is to be posted. `around`: bytes that username and secret take beside it. */
function encode(given, around) {
  const object = typeof given === "string" ? { type: "Note", content: given } : given;
  let text, levels;
  try {
    text = JSON.stringify(object);
    levels = text?.startsWith("{") ? depth(JSON.parse(text)) : 0;
  } catch (error) { // a circle, a BigInt, or nested so deeply that the stack ends
    throw new NotAnActivity(`not a JSON object: ${error.message}`);
  }
  if (!levels) throw new NotAnActivity("not a JSON object");
  if (levels > DEPTH) throw new NotAnActivity(`nested deeper than ${DEPTH}`);
  const size = bytes(text), room = LINE - ENVELOPE - around;
  if (size > room) throw new NotAnActivity(`the activity has ${size} bytes, and at most ${room} fit into a line`);
  return text;
}

function depth(value) {
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((most, member) => Math.max(most, 1 + depth(member)), 1);
}

/** "ws:" or "wss:", and the centrals as HOST:PORT: of URLs, or of HOST:PORT with the page's own scheme. */
function parse(given) {
  const texts = [given ?? []].flat().flatMap((text) => String(text).split(",")).map((text) => text.trim());
  const secure = globalThis.location?.protocol === "https:";
  const urls = texts.map((text) => new URL(text.includes("://") ? text : `${secure ? "wss" : "ws"}://${text}`));
  const schemes = new Set(urls.map(({ protocol }) => protocol.replace("http", "ws")));
  const [scheme] = schemes;
  if (schemes.size !== 1 || !["ws:", "wss:"].includes(scheme)) {
    throw new TypeError(`${texts.join(",") || "nothing"}: an address is ws://HOST:PORT, or wss:// for all of them`);
  }
  const port = scheme === "wss:" ? 443 : 80;
  return { scheme, addresses: [...new Set(urls.map((url) => show(url.hostname, url.port || port)))] };
}

function checkCredentials(username, secret, register) {
  const fits = (text, most) => typeof text === "string" && text.length > 0 && [...text].length <= most;
  if (!fits(username, 128)) throw new TypeError("a username has 1 to 128 characters");
  if (username === "anonymous") {
    if (register) throw new TypeError("anonymous can't be registered: choose a name with `username`");
  } else if (!fits(secret, 1024)) throw new TypeError(`${username} needs a secret of 1 to 1024 characters`);
}
