/**
 * The activities as they come, the newest first: bounded, filtered, and still while somebody looks closer.
 *
 * However many come, the page draws a few times a second, and only what can be seen. What comes while the list is
 * still is kept, as far as there is room, and shown afterwards.
 */

import { clock, count, element, set, write } from "./page.js";

/** Most activities that are kept, and most that are listed. */
const KEPT = 500;
const LISTED = 150;

/** Milliseconds between two drawings. */
const PACE = 250;

/** Characters of an activity in one line. */
const LINE = 240;

export class Feed {
  /**
   * @param {Record<"log"|"list"|"filter"|"pause"|"heard"|"aloud", HTMLElement>} parts
   */
  constructor(parts) {
    this._parts = parts;
    this._kept = []; // the newest last
    this._heard = 0;
    this._missed = 0;
    this._drawnUpTo = 0;
    this._words = [];
    this._paused = false;
    this._near = false;
    this._timer = 0;
    const { log, filter, pause, aloud } = parts;
    filter.addEventListener("input", () => this._filter(filter.value));
    pause.addEventListener("click", () => (this._held ? this._goOn() : this._pause()));
    for (const event of ["focusin", "focusout", "toggle"]) log.addEventListener(event, () => this._later(), true);
    log.addEventListener("pointerenter", (event) => this._approach(event.pointerType === "mouse"));
    log.addEventListener("pointerleave", () => this._approach(false));
    log.addEventListener("scroll", () => this._later(), { passive: true });
    aloud.addEventListener("change", () => set(log, { "aria-live": aloud.checked ? "polite" : "off" }));
    this._say();
  }

  /** @param {{id: string, object: object}} activity as the library gives it */
  add({ id, object }) {
    this._heard += 1;
    this._kept.push({ id, object, at: Date.now() / 1000, number: this._heard, text: null });
    if (this._kept.length > KEPT) this._kept.shift();
    this._later();
  }

  /** So many can't be had any more. */
  missed(number) {
    this._missed += number;
    this._say();
  }

  /** Is something open, or out of sight, or has somebody asked for it? */
  get _held() {
    const { log } = this._parts;
    return this._paused || log.scrollTop > 4 || log.querySelector("details[open]") !== null;
  }

  /** Does somebody look closer, with whatever? */
  get _still() {
    const { log } = this._parts;
    return this._held || this._near || log.matches(":focus-visible") || log.querySelector(":focus-visible") !== null;
  }

  _pause() {
    this._paused = true;
    this._draw();
  }

  _goOn() {
    const { log } = this._parts;
    this._paused = false;
    for (const details of log.querySelectorAll("details[open]")) details.open = false;
    log.scrollTop = 0;
    this._draw();
  }

  _approach(near) {
    this._near = near;
    this._draw();
  }

  _filter(text) {
    this._words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this._parts.log.scrollTop = 0;
    this._drawnUpTo = 0;
    this._draw(true);
  }

  _later() {
    this._timer ||= setTimeout(() => {
      this._timer = 0;
      this._draw();
    }, PACE);
  }

  _draw(anyhow = false) {
    if (this._still && !anyhow) return this._say();
    const fresh = [];
    for (let at = this._kept.length - 1; at >= 0 && fresh.length < LISTED; at--) {
      const one = this._kept[at];
      if (one.number <= this._drawnUpTo) break;
      if (this._matches(one)) fresh.push(row(one));
    }
    const { list } = this._parts;
    if (this._drawnUpTo === 0) list.replaceChildren(...fresh);
    else list.prepend(...fresh);
    while (list.children.length > LISTED) list.lastElementChild.remove();
    this._drawnUpTo = this._heard;
    this._say();
  }

  _matches(one) {
    if (!this._words.length) return true;
    one.text ??= JSON.stringify(one.object).toLowerCase();
    return this._words.every((word) => one.text.includes(word));
  }

  _say() {
    const { log, list, heard, pause } = this._parts;
    const waiting = this._heard - this._drawnUpTo;
    const still = this._still;
    set(log, { "data-still": still || null });
    write(pause, this._held ? "Go on" : "Pause");
    set(pause, { "aria-pressed": this._held });
    const parts = [`${count(this._heard)} heard`];
    if (this._missed) parts.push(`${count(this._missed)} missed`);
    if (this._words.length) parts.push(`${list.children.length} shown of the last ${count(this._kept.length)}`);
    if (still) parts.push(waiting ? `still, ${count(waiting)} new` : "still");
    write(heard, parts.join(" · "));
  }
}

function row({ object, id, at }) {
  const [kind, text] = summary(object);
  const head = element(
    "summary",
    {},
    clock(at),
    element("b", {}, String(object.authenticated_user ?? "")),
    ...(kind ? [element("span", { class: "kind" }, kind)] : []),
    element("span", { class: "text" }, text),
  );
  const details = element("details", {}, head);
  details.addEventListener("toggle", () => {
    if (details.children.length > 1) return;
    details.append(element("pre", { tabindex: 0, "aria-label": `Activity ${id}` }, JSON.stringify(object, null, 2)));
  });
  return element("li", {}, details);
}

/** What it is, and what it says, as far as that can be told of any object. */
export function summary(activity) {
  const object = isObject(activity.object) ? activity.object : {};
  const plain = activity.type === "Create" && object.type ? object.type : activity.type;
  const said = [activity.content, activity.summary, activity.name, object.content, object.name, object.summary];
  const words = said.find((text) => typeof text === "string" && text);
  const where = typeof activity.object === "string" ? activity.object : object.id;
  const kind = Array.isArray(plain) ? plain.join(", ") : plain;
  const text = words ?? (typeof where === "string" ? where : rest(activity));
  return [typeof kind === "string" ? kind.slice(0, 40) : "", text.slice(0, LINE)];
}

function rest(activity) {
  const { authenticated_user: _user, type: _type, "@context": _context, ...others } = activity;
  return Object.keys(others).length ? JSON.stringify(others) : "";
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
