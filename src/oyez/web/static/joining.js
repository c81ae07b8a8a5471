/**
 * The page's own session: anonymous until somebody logs in, and the box to post.
 */

import { connect } from "/oyez.js";
import { $, set, write } from "./page.js";

/** Milliseconds after which a session that could not begin, or has ended, is begun again. */
const AGAIN = 3000;

/** Milliseconds for which it stays on the page that something was done. */
const LINGER = 6000;

export class Joining {
  /**
   * @param {() => string[]} centrals where to connect
   * @param {{heard: (activity: object) => void, missed: (count: number) => void, moved: (text: string) => void}} telling
   */
  constructor(centrals, telling) {
    this._centrals = centrals;
    this._telling = telling;
    this._network = null;
    this._user = null;
    this._secret = null;
    this._server = null;
    this._turn = 0;
    this._fading = 0;
    this._busy = new Set();
    this._wire();
  }

  /** Read as anonymous. */
  async start() {
    await this._begin({}).catch((error) => this._failed(error));
  }

  _wire() {
    $("login").addEventListener("submit", (event) => {
      event.preventDefault();
      this._enter(false);
    });
    $("register").addEventListener("click", () => {
      if ($("login").reportValidity()) this._enter(true);
    });
    $("logout").addEventListener("click", () => this._leave());
    $("post").addEventListener("submit", (event) => {
      event.preventDefault();
      this._post();
    });
    $("text").addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) $("post").requestSubmit();
    });
  }

  async _begin(credentials) {
    const turn = ++this._turn;
    let network;
    try {
      network = await connect(this._centrals(), credentials);
    } catch (error) {
      if (turn === this._turn) throw error;
      return; // something newer has begun
    }
    if (turn !== this._turn) return network.close();
    this._network?.close();
    this._network = network;
    this._user = credentials.username ?? null;
    this._secret = credentials.secret ?? null;
    network.on("state", (event) => network === this._network && this._changed(event));
    network.on("gap", (gap) => this._telling.missed(gap.count));
    network.on("activity", (activity) => this._telling.heard(activity));
    this._server = network.server;
    this._show();
  }

  _changed(event) {
    if (event.state === "closed") return this._failed(event.error ?? new Error(event.info ?? "the session has ended"));
    const before = this._server;
    if (event.server) this._server = event.server;
    if (event.server && before && event.server !== before) this._telling.moved(`Your session moved from ${before} to ${event.server}`);
    this._show(event.state === "disconnected" ? "connecting again …" : "");
  }

  /** There is no session. Who was refused for good goes on as anonymous; where that is refused, nothing is read. */
  _failed(error) {
    const refused = error.reason !== undefined;
    const [username, secret] = [this._user, this._secret];
    if (refused) this._user = this._secret = null;
    this._network = null;
    this._server = null;
    this._show(`not connected: ${error.message}`);
    if (username) this._again(refused ? {} : { username, secret });
    else if (!refused) this._again({});
  }

  _again(credentials) {
    const turn = this._turn;
    setTimeout(() => turn === this._turn && this._begin(credentials).catch((error) => this._failed(error)), AGAIN);
  }

  async _enter(register) {
    if (this._busy.has("login")) return;
    const credentials = { username: $("username").value, secret: $("secret").value, register };
    this._say(register ? "Registering …" : "Logging in …");
    this._work("login", true);
    try {
      await this._begin(credentials);
      $("secret").value = "";
      this._say(register ? `Registered, and logged in as ${credentials.username}.` : "");
      $("text").focus();
    } catch (error) {
      this._say(error.message, true);
      if (!this._network) this._again({});
    } finally {
      this._work("login", false);
    }
  }

  async _leave() {
    this._network?.close();
    this._network = null;
    this._user = this._secret = this._server = null;
    this._show();
    $("username").focus();
    await this.start();
  }

  async _post() {
    const text = $("text").value.trim();
    if (!text || this._busy.has("post")) return;
    let activity = text;
    if (text.startsWith("{")) {
      try {
        activity = JSON.parse(text);
      } catch (error) {
        return this._say(`This begins like JSON, and is none: ${error.message}`, true);
      }
    }
    if (!this._network) return this._say("There is no connection now; try again in a moment.", true);
    this._say("Posting …");
    this._work("post", true);
    try {
      const id = await this._network.post(activity);
      if ($("text").value.trim() === text) $("text").value = "";
      this._say(`Posted: ${id}`);
    } catch (error) {
      this._say(error.message, true);
    } finally {
      this._work("post", false);
    }
  }

  /** Once is enough: while it is under way the same is not begun again. */
  _work(form, busy) {
    this._busy[busy ? "add" : "delete"](form);
    for (const button of $(form).querySelectorAll("button")) set(button, { "aria-disabled": busy || null });
  }

  _say(text, wrong = false) {
    clearTimeout(this._fading);
    write($("said"), text);
    set($("said"), { "data-wrong": wrong || null });
    if (text && !wrong) this._fading = setTimeout(() => write($("said"), ""), LINGER);
  }

  _show(trouble = "") {
    const known = this._user !== null;
    set($("login"), { hidden: known });
    set($("logout"), { hidden: !known });
    const where = this._server ? ` at ${this._server}` : "";
    write($("who"), trouble || (this._network ? `${known ? this._user : "reading as anonymous"}${where}` : "connecting …"));
  }
}
