/** A client of Oyez: see oyez.js. Times are in seconds. */

/** What may be posted: any JSON object; a string is the text of a Note. */
export type Postable = { [member: string]: unknown } | string;

export interface Options {
  /** Whose session it is; "anonymous" unless given, which needs no secret. */
  username?: string;
  secret?: string;
  /** Take the username for good first. */
  register?: boolean;
  /** How long the first login may take, and each post unless it says otherwise; 10. */
  timeout?: number;
  /** false: activities are not kept; for programs that only post. */
  receive?: boolean;
  /** Bytes of activities that wait for the program before its link is let go; 8 MiB. */
  buffer?: number;
  /** Go on where an earlier session was: its `cursor`. */
  cursor?: string | null;
  /** A listener of "state" from the beginning on. */
  onstate?: (event: StateEvent) => void;
}

/** What everybody on the network gets, once and in order. */
export interface Activity {
  /** Its name in the network, "origin-sequence". */
  readonly id: string;
  /** Who posted it, as checked by the network. */
  readonly user: string;
  /** What was posted, with `authenticated_user`. */
  readonly object: { authenticated_user: string; [member: string]: any };
}

/** What this session will never get: of each origin the sequences from `first` to `last`; `count` in all. */
export interface GapEvent {
  readonly ranges: readonly { readonly origin: string; readonly first: number; readonly last: number }[];
  readonly count: number;
}

export type StateEvent =
  /** Logged in, for the first time or again. */
  | { readonly state: "connected"; readonly server: string }
  /** The network has sent this session to another server, which has it now. */
  | { readonly state: "moved"; readonly server: string }
  /** The link is gone; another server is looked for. */
  | { readonly state: "disconnected"; readonly info: string }
  /** The activities are not taken: the link is let go until half of those that are here have been. */
  | { readonly state: "held"; readonly info: string }
  /** The end: `error` is Closed, or why it can't go on. */
  | { readonly state: "closed"; readonly info: string; readonly error: OyezError };

/** A session that comes back by itself after each loss, misses nothing, and shows nothing twice. */
export interface Network extends AsyncIterable<Activity> {
  readonly username: string;
  readonly state: "connecting" | "connected" | "closed";
  /** The id of the server that has the session now. */
  readonly server: string | null;
  /** How far this program has taken the activities; null before the first login, unless one was given. */
  readonly cursor: string | null;
  /**
   * Gives the id once the activity has come back, like to everyone. Posts keep their order. After a loss what has not
   * come back is sent again, and appears once. Rejects with NotAnActivity, PostUnsettled, Refused, Closed.
   */
  post(activity: Postable, options?: { timeout?: number }): Promise<string>;
  /**
   * Listen; gives a function that ends it. Activities that came before the first listener are given to it, unless
   * somebody iterates; who iterates gets them all, too.
   */
  on(event: "activity", listener: (activity: Activity) => void): () => void;
  on(event: "gap", listener: (gap: GapEvent) => void): () => void;
  on(event: "state", listener: (event: StateEvent) => void): () => void;
  /** Every activity from the login on; several loops share them. Throws Refused, Unreachable at such an end. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Activity>;
  /** Log out. Loops end after what is here; posts on their way are rejected with PostUnsettled. */
  close(): void;
}

/**
 * Connect and log in. `address` is that of a central, or several, as "ws://HOST:PORT", "wss://…", "http(s)://…", or
 * "HOST:PORT" (as secure as the page); the page's own unless given. A server's address does, too.
 * Rejects with TypeError for arguments that can't be meant, else with Refused, Unreachable.
 */
export function connect(address?: string | string[] | null, options?: Options): Promise<Network>;

export class OyezError extends Error {}
/** The network said no, for good: `message` says why to a person, `reason` (see docs/protocol.md) to a program. */
export class Refused extends OyezError {
  readonly reason: string;
}
/** No central let us in: nobody answers, not in time, or not in a way that leads anywhere. */
export class Unreachable extends OyezError {}
/** A post has not come back in time; it was sent so many times: 0, and it may be posted again without a thought. */
export class PostUnsettled extends OyezError {
  readonly times: number;
}
/** What was to be posted is no JSON object, or one that the network does not carry. */
export class NotAnActivity extends OyezError {}
/** The connection was closed by this program. */
export class Closed extends OyezError {}
