// What becomes of a session when its server dies, falls silent, or sends it away; of its activities and posts.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import {
  alone, broadcast, dialed, joined, letIn, link, oyez, redirect, refused, reset, settle, untilDialed, wait, welcome,
} from "./stage.mjs";

beforeEach(reset);

const heard = (network) => {
  const contents = [];
  network.on("activity", ({ object }) => contents.push(object.content));
  return contents;
};

/** From the loss of the server to the LOGIN at the next one. */
async function again(more = {}) {
  await (await link("ws://c1:1/").open()).say(letIn(more), redirect("s2", 3, "t2"));
  const server = await link("ws://s2:3/").open();
  return { server, login: server.heard()[0] };
}

test("a session that breaks goes on at another server, behind what it has seen", async () => {
  const states = [];
  const { network, server } = await joined({ onstate: ({ state }) => states.push(state) });
  const contents = heard(network);
  await server.say(broadcast("s1.1-6", "a"), broadcast("s2.1-1", "b"));
  await wait(1);
  await server.break();
  assert.equal(network.state, "connecting");
  assert.equal(network.server, null);
  const { server: next, login } = await again();
  assert.deepEqual(login.resume, { network: "n", origins: { "s1.1": 6, "s2.1": 1 }, last: ["s1.1"] });
  await next.say(welcome("s2"), broadcast("s2.1-2", "c"), broadcast("s1.1-6", "a"), broadcast("s1.1-7", "d"));
  assert.deepEqual(contents, ["a", "b", "c", "d"]);
  assert.deepEqual(states, ["connected", "disconnected", "connected"]);
});

test("a post that two sides of a partition have accepted is shown once; one that comes late is shown", async () => {
  const { network, server } = await joined();
  const contents = heard(network);
  await server.say(broadcast("s1.1-6", "a", "x-1"), broadcast("s2.1-1", "a again", "x-1"), broadcast("s2.1-2", "c", "x-3"));
  await server.say(broadcast("s2.1-3", "b", "x-2"), broadcast("s3.1-1", "b again", "x-2"), broadcast("s3.1-2", "no number"));
  assert.deepEqual(contents, ["a", "c", "b", "no number"]);
});

test("posts are settled when they come back, and those that have not are sent again, in order, under their numbers", async () => {
  const { network, server } = await joined({ username: "ann", secret: "s" });
  const posts = ["a", "b", "c"].map((content) => network.post({ content }));
  await settle();
  assert.deepEqual(server.heard().map(({ id, activity, secret }) => [id, activity.content, secret]), [
    [1, "a", undefined], [2, "b", undefined], [3, "c", undefined],
  ]);
  await server.say(broadcast("s1.1-6", "a", "tag-1"));
  assert.equal(await posts[0], "s1.1-6");
  await server.break();
  network.post("d").catch(() => {});
  await wait(1);
  const { server: next, login } = await again();
  assert.deepEqual(login.resume.last, ["s1.1"]);
  await next.say(welcome("s2"));
  assert.deepEqual(next.heard().map(({ id, activity }) => [id, activity.content]), [[2, "b"], [3, "c"], [4, "d"]]);
  await next.say(broadcast("s1.1-7", "b", "tag-2"), broadcast("s2.1-1", "c", "other-3"), broadcast("s2.1-2", "c", "tag-3"));
  assert.deepEqual(await Promise.all(posts.slice(1)), ["s1.1-7", "s2.1-2"]);
});

test("a post that does not come back in time is withdrawn", async () => {
  const { network, server } = await joined();
  const late = assert.rejects(network.post("a", { timeout: 2 }), { name: "PostUnsettled", times: 2, message: /sent 2 times, but has not come back within 2 s/ });
  await settle();
  await server.break();
  await wait(1);
  await (await again()).server.say(welcome("s2"));
  await wait(1.5);
  await late;
  await link().break();
  await wait(1);
  const { server: third } = await again();
  await third.say(welcome("s2"));
  assert.deepEqual(third.heard(), []);
});

test("a post without a link waits for one, for as long as it may", async () => {
  const { network, server } = await joined();
  await server.break();
  const unsent = assert.rejects(network.post("a", { timeout: 2 }), { times: 0, message: /no server could be reached within 2 s/ });
  await wait(2);
  await unsent;
});

test("posts beyond a window wait until those before them are back", async () => {
  const { network, server } = await joined();
  const posts = Array.from({ length: 40 }, () => network.post("x".repeat(60_000)));
  await settle();
  const sent = server.heard().length;
  assert.ok(sent > 1 && sent < 20, `${sent} of 40`);
  await server.say(broadcast("s1.1-6", "", "tag-1"));
  assert.equal(server.heard().length, 1);
  for (let number = 2; number <= 40; number++) await server.say(broadcast(`s1.1-${5 + number}`, "", `tag-${number}`));
  assert.equal((await Promise.all(posts)).at(-1), "s1.1-45");
});

test("what is no activity is not sent", async () => {
  const { network, server } = await joined();
  const circle = {};
  circle.self = circle;
  let deep = {};
  for (let level = 1; level < 129; level++) deep = { deep };
  for (const wrong of [undefined, null, 1, [], new Date(), () => {}, circle, { n: 1n }, deep, { text: "x".repeat(70_000) }]) {
    await assert.rejects(network.post(wrong), oyez.NotAnActivity);
  }
  assert.deepEqual(server.heard(), []);
  network.post(deep.deep).catch(() => {});
  await settle();
  assert.equal(server.heard().length, 1);
});

test("what is missed is told, once, and a post that may be among it is not sent again", async () => {
  const { network, server } = await joined();
  const gaps = [];
  network.on("gap", (gap) => gaps.push(gap));
  const doubtful = assert.rejects(network.post("a"), { name: "PostUnsettled", times: 1 });
  await settle();
  await server.break();
  await wait(1);
  const { server: next } = await again();
  await next.say({ command: "GAP", gaps: [{ origin: "s1.1", first: 4, last: 9 }] }, welcome("s2"));
  await doubtful;
  assert.deepEqual(gaps, [{ ranges: [{ origin: "s1.1", first: 6, last: 9 }], count: 4 }]);
  assert.deepEqual(next.heard(), []);
  await next.say({ command: "GAP", gaps: [{ origin: "s1.1", first: 4, last: 9 }] });
  assert.equal(gaps.length, 1);
});

test("a server that shows no life is left, and one that shows some is not", async () => {
  const { network, server } = await joined();
  for (let times = 0; times < 4; times++) {
    await wait(2.5);
    await server.say({ command: "HEARTBEAT" });
  }
  assert.equal(network.state, "connected");
  const told = new Promise((resolve) => network.on("state", resolve));
  await wait(4.1);
  assert.match((await told).info, /no life/);
  const { server: same } = await (async () => {
    await (await link("ws://c1:1/").open()).say(letIn(), redirect("s1", 2, "t2"));
    return { server: await link("ws://s1:2/").open() };
  })();
  await wait(1.1); // the central did not know yet: it gets one second
  assert.ok(same.closed);
});

test("a page that has slept blames nobody", async () => {
  const { network } = await joined();
  await wait(30, { asleep: true });
  assert.equal(network.state, "connected");
});

test("where no central answers, alternates are tried, the last server first; a ticket that is not good goes", async () => {
  const alternates = [{ hostname: "s2", port: 3, ticket: "a2" }, { hostname: "s3", port: 4, ticket: "a3" }];
  const { server } = await joined({}, { alternates });
  await wait(1);
  await server.break();
  await link("ws://c1:1/").break();
  const own = await link("ws://s1:2/").open();
  assert.equal(own.heard()[0].ticket, "own-s1");
  await own.say(refused("LOGIN_FAILED", "ticket_used"));
  await link("ws://s3:4/").break();
  const other = await link("ws://s2:3/").open();
  assert.equal(other.heard()[0].ticket, "a2");
  await other.say(welcome("s2"));
  await wait(1);
  await other.break();
  await link("ws://c1:1/").break();
  await link("ws://s2:3/").break();
  await link("ws://s3:4/").break(); // s1 is left out, and s3 has failed before: last
  assert.ok(alone());
  await wait(0.2);
  const central = await link("ws://c1:1/").open();
  assert.equal(central.heard()[0].ticket, "ct");
});

test("who has failed, or was left, comes last among the alternates", async () => {
  const alternates = [2, 3, 4, 5].map((number) => ({ hostname: `s${number}`, port: 1, ticket: `a${number}` }));
  const { server } = await joined({}, { alternates });
  await wait(1);
  await server.break();
  for (const url of ["ws://c1:1/", "ws://s1:2/", "ws://s5:1/"]) await link(url).break();
  await (await link("ws://s4:1/").open()).say(welcome("s4"));
  await wait(1);
  await link().break();
  for (const url of ["c1:1", "s4:1", "s3:1", "s2:1", "s1:2", "s5:1"]) await link(`ws://${url}/`).break();
  assert.ok(alone());
});

test("a session that breaks at once is a failure like others: a pause follows", async () => {
  const { server } = await joined();
  await wait(0.9);
  await server.break();
  assert.equal(await untilDialed(), 0.1);
  await (await again()).server.say(welcome("s2"));
  await link().break();
  assert.equal(await untilDialed(), 0.2);
  await (await again()).server.say(welcome("s2"));
  await wait(1);
  await link().break();
  link("ws://c1:1/");
});

test("once connected it never gives up; its pauses grow up to five seconds", async () => {
  const { network, server } = await joined();
  await wait(1);
  await server.break();
  for (let round = 0; round < 10; round++) {
    await link("ws://c1:1/").break();
    await link("ws://s1:2/").break(); // it has given a ticket for itself
    await wait(Math.min(5, 0.1 * 2 ** round) - 0.01);
    assert.ok(alone());
    await wait(0.02);
  }
  link("ws://c1:1/");
  assert.equal(network.state, "connecting");
});

test("a session that the network moves says so, and loses nothing", async () => {
  const states = [];
  const { network, server } = await joined({ onstate: (event) => states.push(event) });
  await server.say(redirect("s2", 3, "t2"));
  assert.equal(network.state, "connecting");
  await (await link("ws://s2:3/").open()).say(welcome("s2"));
  assert.deepEqual(states, [{ state: "connected", server: "s1" }, { state: "moved", server: "s2" }]);
  assert.ok(server.closed);
});

test("where the server to which it was moved does not take it, it looks elsewhere at once", async () => {
  const { server } = await joined();
  await wait(1);
  await server.say({ command: "HEARTBEAT" }, redirect("s2", 3, "t2"));
  await link("ws://s2:3/").break();
  link("ws://c1:1/");
});

test("a server that is stopped sends to its central, where the ticket of the first login is good", async () => {
  const { server } = await joined({ username: "ann", secret: "s" });
  await server.say(redirect("c1", 1));
  const [login] = (await link("ws://c1:1/").open()).heard();
  assert.equal(login.ticket, "ct");
  assert.equal(login.secret, undefined);
  await link().say(refused("LOGIN_FAILED", "ticket_expired"));
  await wait(1);
  assert.equal((await link("ws://s1:2/").open()).heard()[0].ticket, "own-s1");
  await link().break();
  await wait(1);
  assert.equal((await link("ws://c1:1/").open()).heard()[0].secret, "s");
});

test("a refusal in a session ends it for good", async () => {
  const { network, server } = await joined();
  const posted = assert.rejects(network.post("a"), { name: "PostUnsettled", times: 1 });
  const looped = assert.rejects((async () => { for await (const _ of network); })(), { name: "Refused", reason: "revoked" });
  await settle();
  await server.say(refused("AUTHENTICATION_FAIL", "revoked"));
  await Promise.all([posted, looped]);
  await assert.rejects(network.post("b"), { reason: "revoked" });
  assert.equal(network.state, "closed");
  await wait(20);
  assert.ok(alone());
});

test("a cursor that is ahead is refused for good, other troubles of a link are not", async () => {
  const { network, server } = await joined();
  await server.say(refused("INVALID_MESSAGE", "slow_consumer"));
  await wait(1);
  const { server: next } = await again();
  await next.say(refused("INVALID_MESSAGE", "cursor_ahead"));
  await assert.rejects(network.post("b"), { reason: "cursor_ahead" });
});
