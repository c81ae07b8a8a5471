/**
 * One session of one user, wherever it is: registers, logs in, follows REDIRECTs, and comes back to where it left off.
 *
 * At most `REDIRECTS` redirects in a row are followed; the centrals are tried in turn, and where none of them helps,
 * alternates; once it has been connected it tries again, with jittered backoff, until it is stopped or refused for
 * good; before that it gives up with a reason. A server that shows no life is left. A post that has not come back is
 * sent again, in order, until it is withdrawn. Knows nothing of what its user does with the activities.
 */

import { Route, show } from "./oyez.route.js";
import { Seen, apart } from "./oyez.seen.js";

const REDIRECTS = 3; // followed in a row
const FIRST_TRIES = 4; // at each central, before a client that has never been connected gives up
const MOST_BACKOFF = 5, FIRST_BACKOFF = 0.1;
// Seconds that a dial may take, and a step of a login: at all; at a central where there are others, or alternates, too;
// at a server that has just been silent.
const REACH = 3, STEP = 10, STEP_OF_SEVERAL = 5, STEP_OF_MANY = 3, STEP_AT_SUSPECT = 1;
const SUSPICION = 3, WATCH = 1; // seconds of silence after which a server is left; between two looks
const LASTED = 1; // seconds for which a session has lasted whose loss does not count as another failure
// What is dialed: a central; the server to which it, or the own one, has sent us; a server for which we hold a ticket.
const CENTRAL = "central", PLACED = "placed", MOVED = "moved", ALTERNATE = "alternate";
const REFUSED_FOR_NOW = new Set(
  ["no_server", "joining", "central_away", "no_main", "unsettled", "busy", "too_many_registrations"],
);

const now = () => performance.now() / 1000;

/** `tell` has deliver, settled, doubtful, connected, disconnected, gap, gaveUp. `centrals` are HOST:PORT. */
export class Session {
  live = false;
  seen;
  #tell; #scheme; #route; #username; #secret; #register;
  #name = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  #tag = ""; #posts = 0;
  #unsettled = new Map(); // posts that were sent and have not come back
  #link = null; #open = false; #place = CENTRAL; #there = null;
  #ticket = null; // for the centrals
  #permit = null; // for the server that is dialed
  #registering = false; // REGISTER has been sent on this link, and not been answered
  #mayBeOurs = false; // one was not answered at all, and may have been carried out
  #taken = null; // the answer to the one after it
  #suspect = null; // the server that was silent for too long
  #step = STEP; // seconds that the present one may take
  #redirects = 0; #tries = 0; #failures = 0; #everLive = false; #lasted = false;
  #postedBefore = 0; // this login
  #liveSince = 0; #heardAt = 0; #lookedAt = 0;
  #timers = new Map();

  constructor(tell, scheme, centrals, username, secret, register, cursor) {
    this.#tell = tell;
    this.#scheme = scheme;
    this.#route = new Route(centrals);
    this.#username = username;
    this.#secret = username === "anonymous" ? null : secret;
    this.#register = register;
    this.seen = new Seen(cursor);
  }

  // -- its user's side ----------------------------------------------------------------------------------------

  /** Look for a server, from the beginning. */
  setOut() {
    this.#route.begin(this.#everLive);
    this.#dialNext();
  }

  /** Post JSON, while live; gives its number. */
  post(text) {
    this.#unsettled.set(++this.#posts, text);
    this.#send(this.#message(this.#posts, text));
    return this.#posts;
  }

  /** Send this post no more. What was sent may still arrive. */
  withdraw(number) { this.#unsettled.delete(number); }

  /** Let the link go until `setOut`; what was not heard until now comes then. */
  hold() {
    this.live = false;
    this.#leave();
  }

  /** Log out, for good. */
  stop() {
    if (this.live) this.#send('{"command":"LOGOUT"}');
    this.hold();
  }

  // -- the link -----------------------------------------------------------------------------------------------

  #dialNext() {
    const step = this.#route.next();
    if (!step) return this.#retry();
    this.#redirects = 0;
    this.#permit = step.ticket;
    this.#dial(step.address, step.ticket ? ALTERNATE : CENTRAL);
  }

  #retry() {
    const most = Math.min(MOST_BACKOFF, FIRST_BACKOFF * 2 ** this.#failures++);
    this.#after("retry", most * (0.5 + Math.random() / 2), () => this.setOut());
  }

  #dial(address, place) {
    this.#there = address;
    this.#place = place;
    this.#open = false;
    const url = `${this.#scheme}//${address}/`;
    const nobody = `nobody answers at ${url}, or pages from here may not speak with it`;
    this.#step = this.#patience();
    this.#after("step", Math.min(REACH, this.#step), () => this.#lost(nobody));
    try {
      const link = (this.#link = new WebSocket(url));
      const ours = (heard) => (event) => { if (link === this.#link) heard(event); };
      link.onopen = ours(() => this.#opened());
      link.onmessage = ours(({ data }) => this.#heard(data));
      link.onclose = ours(() => this.#lost(this.#open ? "the link was lost" : nobody));
    } catch (error) { // a page that came over TLS may not speak without
      this.#after("step", 0, () => this.#lost(error.message));
    }
  }

  #opened() {
    this.#open = true;
    this.#after("step", this.#step, () => this.#lost("no answer came in time"));
    this.#registering = this.#place === CENTRAL && this.#register;
    this.#send(this.#registering
      ? JSON.stringify({ command: "REGISTER", username: this.#username, secret: this.#secret })
      : this.#login());
  }

  #send(line) { this.#link.send(line); }

  /** Nothing that becomes of the link matters any more. */
  #leave() {
    const link = this.#link;
    this.#link = null;
    link?.close();
    for (const key of [...this.#timers.keys()]) this.#cancel(key);
  }

  #after(key, seconds, act) {
    this.#cancel(key);
    this.#timers.set(key, setTimeout(act, seconds * 1000));
  }

  #cancel(key) {
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
  }

  #patience() {
    if (this.#place !== CENTRAL) {
      const suspect = this.#suspect;
      this.#suspect = null; // once: it may just be slow
      return suspect === this.#there ? STEP_AT_SUSPECT : STEP;
    }
    if (this.#everLive && this.#route.hasAlternates) return STEP_OF_MANY;
    return this.#route.centrals.length > 1 ? STEP_OF_SEVERAL : STEP;
  }

  // -- what is said -------------------------------------------------------------------------------------------

  /** The same at a central and at a server, because a page may have been given the address of either. */
  #login() {
    const ticket = this.#place === CENTRAL ? this.#ticket : this.#permit;
    const secret = ticket ? undefined : this.#secret ?? undefined;
    return JSON.stringify({
      command: "LOGIN", username: this.#username, secret, ticket: ticket ?? undefined,
      session: this.#name, resume: this.seen.resume(),
    });
  }

  #message(id, text) {
    const secret = this.#permit ? undefined : this.#secret ?? undefined;
    const around = JSON.stringify({ command: "ACTIVITY_MESSAGE", username: this.#username, secret, id });
    return `${around.slice(0, -1)},"activity":${text}}`;
  }

  #heard(line) {
    let message;
    try {
      message = JSON.parse(line);
    } catch {
      return this.#lost("what answers there is no node of Oyez");
    }
    this.#heardAt = now();
    switch (message.command) {
      case "ACTIVITY_BROADCAST": return this.#activity(message, line.length);
      case "REGISTER_SUCCESS":
        this.#register = this.#registering = false;
        return this.#send(this.#login());
      case "LOGIN_SUCCESS":
        return this.#place === CENTRAL && message.server == null ? this.#letIn(message) : this.#loggedIn(message);
      case "REDIRECT": return this.#redirected(message);
      case "LOGIN_FAILED": return this.#loginFailed(message);
      case "REGISTER_FAILED": return this.#registerFailed(message);
      case "AUTHENTICATION_FAIL": return this.#giveUp(message);
      case "INVALID_MESSAGE":
        return message.reason === "cursor_ahead" ? this.#giveUp(message) : this.#lost(message.info);
      case "GAP": return this.#gap(message.gaps);
    }
  }

  #activity({ id = "", post, activity }, size) {
    if (this.seen.isNew(id, post)) this.#tell.deliver(id, activity, size);
    if (!this.#unsettled.size || !post) return;
    const [tag, number] = apart(post);
    if (tag !== this.#tag || !this.#unsettled.delete(number)) return;
    this.#tell.settled(number, id);
    if (number > this.#postedBefore) this.seen.cameBack(id);
  }

  /** Posts that had left before may be among what is missed: they are not sent again, lest they be shown twice. */
  #gap(gaps) {
    const missed = this.seen.skip(gaps);
    if (missed.some(({ origin }) => this.seen.last.includes(origin))) {
      const doubtful = [...this.#unsettled.keys()].filter((number) => !this.live || number <= this.#postedBefore);
      for (const number of doubtful) {
        this.#unsettled.delete(number);
        this.#tell.doubtful(number);
      }
    }
    if (missed.length) this.#tell.gap(missed);
  }

  /** Leave a server that shows no life, unless it is we who have not listened. */
  #watch() {
    const slept = now() - this.#lookedAt > 2 * WATCH;
    this.#lookedAt = now();
    if (slept) this.#heardAt = now();
    if (now() - this.#heardAt < SUSPICION) return this.#after("watch", WATCH, () => this.#watch());
    this.#suspect = this.#there;
    this.#route.shun(this.#there);
    this.#lost(`the server showed no life for ${SUSPICION} seconds`);
  }

  // -- logging in ---------------------------------------------------------------------------------------------

  /** By a central; a REDIRECT follows. */
  #letIn({ ticket, centrals, alternates }) {
    this.#ticket = ticket ?? null;
    if (centrals?.length) this.#route.learnCentrals(centrals, this.#there);
    this.#route.learnAlternates(alternates ?? []);
  }

  /** At a server. What has not come back goes out again, before anything newer. */
  #loggedIn(message) {
    if (this.#place === CENTRAL) { // it was a server's address that we had
      this.#permit = null;
      this.#place = PLACED;
    }
    if (message.centrals?.length) this.#route.learnCentrals(message.centrals);
    if (!this.#everLive) this.#failures = 0;
    this.live = this.#everLive = true;
    this.#liveSince = this.#lookedAt = now();
    this.#suspect = null;
    this.#tag = message.session ?? "";
    this.#tries = this.#redirects = 0;
    this.#route.opened(this.#there, message.ticket);
    this.#cancel("step");
    if (message.origin != null) { // else it knows no cursors, and shows no life
      this.#postedBefore = this.#posts;
      this.seen.welcomed(message, this.#posts > 0);
      this.#after("watch", WATCH, () => this.#watch());
    }
    for (const [number, text] of this.#unsettled) this.#send(this.#message(number, text));
    this.#tell.connected(message.server ?? "");
  }

  #redirected({ hostname, port, ticket }) {
    this.#registering = false;
    if (++this.#redirects > REDIRECTS) return this.#lost(`more than ${REDIRECTS} redirects in a row`);
    const there = show(hostname, port);
    if (this.live) {
      this.#route.shun(this.#there);
      this.#route.begin(true);
    }
    // Without a ticket it is a backup's, to its main, or that of a server that stops, to its central.
    const place = !ticket ? CENTRAL : this.live ? MOVED : PLACED;
    if (place === CENTRAL) this.#route.takesIn(there);
    this.#permit = ticket ?? null;
    this.#endOfLive("the network has sent this session elsewhere", true);
    this.#leave();
    this.#dial(there, place);
  }

  #loginFailed(message) {
    if (message.reason?.startsWith("ticket_")) {
      if (this.#place === ALTERNATE) this.#route.drop(this.#there);
      if (this.#place === CENTRAL) { // else it is the server's permit, and the central gives another
        this.#ticket = null;
        if (!this.#secret && this.#username !== "anonymous") return this.#giveUp(message);
      }
    } else if (!REFUSED_FOR_NOW.has(message.reason)) {
      return this.#giveUp(this.#taken ?? message);
    }
    this.#lost(message.info);
  }

  #registerFailed(message) {
    this.#registering = false;
    if (message.reason === "already_registered" && this.#mayBeOurs) {
      this.#register = false;
      this.#taken = message; // by whom, the secret will tell
    } else if (!REFUSED_FOR_NOW.has(message.reason)) {
      return this.#giveUp(message);
    }
    this.#mayBeOurs ||= message.reason === "unsettled";
    this.#lost(message.info);
  }

  // -- losing it ----------------------------------------------------------------------------------------------

  /** Go on to the next place, at once where there is one; a round that has led nowhere is followed by a pause. */
  #lost(why) {
    this.#mayBeOurs ||= this.#registering;
    this.#registering = false;
    if (!this.#open && this.#place !== CENTRAL) this.#route.shun(this.#there);
    const wasIn = this.live || this.#place === MOVED;
    this.#endOfLive(why);
    this.#leave();
    if (wasIn && this.#lasted) {
      this.#failures = 0;
      return this.setOut();
    }
    if (this.#place === CENTRAL) this.#route.centralFailed();
    if (!this.#everLive && ++this.#tries >= FIRST_TRIES * this.#route.centrals.length) {
      return this.#tell.gaveUp(null, `${this.#route.centrals[0]}: ${why}`);
    }
    if (wasIn || this.#place === PLACED) return this.#retry(); // the centrals are there, and soon know better
    this.#dialNext();
  }

  #endOfLive(why, moving = false) {
    if (!this.live) return;
    this.live = false;
    this.#lasted = now() - this.#liveSince >= LASTED;
    this.#tell.disconnected(why, moving);
  }

  #giveUp({ reason, info }) {
    this.#endOfLive(info);
    this.#leave();
    this.#tell.gaveUp(reason, info);
  }
}
