/**
 * What a session has seen: its cursor, and the posts behind the activities.
 *
 * No activity is new twice, and neither is a post that two sides of a partition have accepted under two ids; bounded,
 * however many origins and sessions there are. Knows nothing of links, nor of what is in an activity.
 */

const ORIGINS = 1024; // most in a cursor; the one that moved longest ago goes first
const ORIGINS_BYTES = 48 * 1024, MEMBER = 24; // most bytes of them in a LOGIN; of one sequence, with what is around it
const SERVERS = 8; // most that a session names which had it before, and may still hold posts of it back
const TAGS = 10_000; // most sessions whose posts are remembered
const HOLES = 16; // most numbers, or rows of numbers, that were left out and may come late, of each

/** Origin and sequence of an id, or tag and number of a post; the second is 0 where there is none. */
export function apart(name) {
  const end = name.lastIndexOf("-");
  const digits = name.slice(end + 1);
  return /^\d{1,15}$/.test(digits) ? [name.slice(0, Math.max(0, end)), Number(digits)] : [name, 0];
}

/** A cursor as programs keep it: one line of text, the same that the library for Python gives. */
export function writeCursor(network, origins) {
  const kept = new TextEncoder().encode(JSON.stringify([1, network, Object.fromEntries(origins)]));
  const encoded = btoa(Array.from(kept, (byte) => String.fromCharCode(byte)).join(""));
  return encoded.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The opposite; throws TypeError for anything else. */
export function readCursor(text) {
  try {
    const kept = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    const decoded = new TextDecoder().decode(Uint8Array.from(kept, (character) => character.charCodeAt()));
    const [version, network, origins] = JSON.parse(decoded);
    const moved = new Map(Object.entries(origins));
    if (version === 1 && network && typeof network === "string" && [...moved.values()].every(Number.isSafeInteger)) {
      return { network, origins: moved };
    }
  } catch { /* said below */ }
  throw new TypeError("this is not a cursor: keep what network.cursor gives, as it is");
}

/** Begins with the cursor of an earlier session, or with nothing: then a server gives the first one. */
export class Seen {
  network;
  origins; // highest sequence by origin; the one that moved last is last
  last = []; // origins of servers that had the session, and may still hold posts of it back
  #highest = new Map(); // number by tag; the one heard last is last
  #holes = new Map(); // rows of numbers that were left out, by tag

  constructor(cursor) {
    this.network = cursor?.network ?? "";
    this.origins = cursor?.origins ?? new Map();
  }

  /** By a server. `first` is its cursor, for a session that has none yet; `posted`: the session has. */
  welcomed({ network = "", origin, origins: first }, posted) {
    const before = posted ? this.last.filter((last) => last !== origin) : [];
    this.last = [...before, origin].slice(-SERVERS);
    if (!this.network && network) {
      this.network = network;
      this.origins = new Map(Object.entries(first ?? {}).slice(-ORIGINS));
    }
  }

  /** Move to this activity; false where it, or another that carries the same post, was here before. */
  isNew(id, post) {
    const [origin, sequence] = apart(id);
    if (sequence) { // else it has no id, and nothing can be known
      if (sequence <= (this.origins.get(origin) ?? 0)) return false;
      this.#move(origin, sequence);
    }
    const [tag, number] = apart(post ?? "");
    return !number || this.#isNewPost(tag, number);
  }

  /** A post of this session has, by way of this origin: those that had the session before hold nothing back. */
  cameBack(id) {
    const [origin] = apart(id);
    if (origin === this.last.at(-1)) this.last = [origin];
  }

  /** These will never come; gives what of them was not seen before. */
  skip(gaps) {
    return gaps.flatMap(({ origin, first, last }) => {
      const from = Math.max(first, (this.origins.get(origin) ?? 0) + 1);
      if (from > last) return [];
      this.#move(origin, last);
      return [{ origin, first: from, last }];
    });
  }

  /** For LOGIN. Without a cursor it is empty, which says that GAP and HEARTBEAT are understood. */
  resume() {
    const last = this.last.length ? [...this.last] : undefined;
    if (!this.network) return { last };
    const cost = (origin) => new TextEncoder().encode(origin).length + MEMBER;
    const kept = [...this.origins];
    let size = kept.reduce((sum, [origin]) => sum + cost(origin), 0);
    while (size > ORIGINS_BYTES) size -= cost(kept.shift()[0]);
    return { network: this.network, origins: Object.fromEntries(kept), last };
  }

  #move(origin, sequence) {
    this.origins.delete(origin);
    this.origins.set(origin, sequence);
    if (this.origins.size > ORIGINS) this.origins.delete(this.origins.keys().next().value);
  }

  #isNewPost(tag, number) {
    const highest = this.#highest.get(tag) ?? 0;
    this.#highest.delete(tag);
    this.#highest.set(tag, Math.max(highest, number));
    if (number <= highest) return this.#fills(tag, number);
    if (number > highest + 1) this.#leave(tag, [...(this.#holes.get(tag) ?? []), [highest + 1, number - 1]]);
    if (this.#highest.size > TAGS) {
      const oldest = this.#highest.keys().next().value;
      this.#highest.delete(oldest);
      this.#holes.delete(oldest);
    }
    return true;
  }

  #fills(tag, number) {
    const holes = this.#holes.get(tag) ?? [];
    const index = holes.findIndex(([first, last]) => first <= number && number <= last);
    if (index < 0) return false;
    const [first, last] = holes[index];
    const parts = [[first, number - 1], [number + 1, last]].filter(([from, to]) => from <= to);
    this.#leave(tag, holes.toSpliced(index, 1, ...parts));
    return true;
  }

  #leave(tag, holes) {
    if (holes.length) this.#holes.set(tag, holes.slice(-HOLES));
    else this.#holes.delete(tag);
  }
}
