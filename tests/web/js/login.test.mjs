// How a session comes in: registration, redirects, refusals, tries.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { alone, dialed, joined, letIn, link, oyez, redirect, refused, reset, settle, untilDialed, wait, welcome } from "./stage.mjs";

beforeEach(reset);

test("it logs in at the central, and with the ticket at the server", async () => {
  const { network, central, login } = await joined({ username: "ann", secret: "s" });
  const [{ session, ...rest }] = central.heard();
  assert.match(session, /^[0-9a-f]{32}$/);
  assert.deepEqual(rest, { command: "LOGIN", username: "ann", secret: "s", resume: {} });
  assert.deepEqual(login, [{ command: "LOGIN", username: "ann", ticket: "t1", session, resume: {} }]);
  assert.equal(network.state, "connected");
  assert.equal(network.server, "s1");
  assert.ok(central.closed);
});

test("addresses are URLs, or HOST:PORT, or the page's own; TLS stays TLS", async () => {
  globalThis.location = { origin: "https://c1:9", protocol: "https:" };
  oyez.connect().catch(() => {});
  await (await link("wss://c1:9/").open()).say(letIn(), redirect("2001:db8::1", 2, "t1"));
  await link("wss://[2001:db8::1]:2/").break();
  reset();
  oyez.connect("c2:7, c3:8").catch(() => {});
  link("ws://c2:7/");
  reset();
  oyez.connect(["https://c2"]).catch(() => {});
  link("wss://c2:443/");
  for (const wrong of [undefined, "", "ws://a:1,wss://b:2", "ftp://a:1", "c1:99999"]) {
    await assert.rejects(oyez.connect(wrong), TypeError, wrong);
  }
});

test("what no central would accept is an error of the program", async () => {
  for (const wrong of [{ username: "" }, { username: "ann" }, { register: true }, { cursor: "x" }, { username: "a".repeat(129), secret: "s" }]) {
    await assert.rejects(oyez.connect("c1:1", wrong), TypeError);
  }
  assert.deepEqual(dialed(), []);
});

test("it registers first, and only once", async () => {
  const opening = oyez.connect("c1:1", { username: "ann", secret: "s", register: true });
  const central = await link().open();
  assert.deepEqual(central.heard(), [{ command: "REGISTER", username: "ann", secret: "s" }]);
  await central.say({ command: "REGISTER_SUCCESS", info: "" });
  assert.equal(central.heard()[0].command, "LOGIN");
  await central.say(letIn(), redirect("s1", 2, "t1"));
  await (await link("ws://s1:2/").open()).say(welcome("s1", { origins: {} }));
  await opening;
  await link().break();
  await wait(1);
  assert.equal((await link("ws://c1:1/").open()).heard()[0].command, "LOGIN");
});

test("a registration whose answer was lost is repeated, and is its own if the secret is", async () => {
  const refusal = assert.rejects(
    oyez.connect("c1:1", { username: "ann", secret: "s", register: true }), { name: "Refused", reason: "already_registered" },
  );
  await (await link().open()).break();
  await wait(1);
  const again = await link().open();
  assert.equal(again.heard()[0].command, "REGISTER");
  await again.say(refused("REGISTER_FAILED", "already_registered"));
  await wait(1);
  const third = await link().open();
  assert.equal(third.heard()[0].command, "LOGIN");
  await third.say(refused("LOGIN_FAILED", "wrong_credentials"));
  await refusal;
});

test("a name that is taken is refused at once", async () => {
  const refusal = assert.rejects(oyez.connect("c1:1", { username: "ann", secret: "s", register: true }), { reason: "already_registered" });
  await (await link().open()).say(refused("REGISTER_FAILED", "already_registered"));
  await refusal;
  assert.ok(alone());
});

test("a backup sends to its main, which is asked like any central", async () => {
  oyez.connect("c2:1", { username: "ann", secret: "s" }).catch(() => {});
  await (await link("ws://c2:1/").open()).say(redirect("c1", 1));
  assert.equal((await link("ws://c1:1/").open()).heard()[0].secret, "s");
});

test("three redirects in a row are followed, and not a fourth", async () => {
  oyez.connect("c1:1").catch(() => {});
  for (const port of [1, 2, 3]) await (await link(`ws://c1:${port}/`).open()).say(redirect("c1", port + 1));
  await (await link("ws://c1:4/").open()).say(redirect("c1", 5));
  assert.ok(alone());
  await wait(1);
  link("ws://c1:1/");
});

test("the address of a server will do, and then the secret goes with each post", async () => {
  const opening = oyez.connect("s1:2", { username: "ann", secret: "s" });
  const server = await link().open();
  await server.say(welcome("s1", { origins: {}, centrals: [{ hostname: "c1", port: 1 }] }));
  const network = await opening;
  server.heard();
  network.post({ n: 1 }).catch(() => {});
  await settle();
  assert.deepEqual(server.heard(), [{ command: "ACTIVITY_MESSAGE", username: "ann", secret: "s", id: 1, activity: { n: 1 } }]);
  await server.say(redirect("c1", 1));
  const central = await link("ws://c1:1/").open();
  await central.say(letIn(), redirect("s1", 2, "t9"));
  const [login] = (await link("ws://s1:2/").open()).heard();
  assert.equal(login.ticket, "t9");
  assert.equal(login.secret, undefined);
});

test("a server whose address was given tells who the centrals are, and they help when it dies", async () => {
  const opening = oyez.connect("s1:2");
  await (await link().open()).say(welcome("s1", { origins: {}, centrals: [{ hostname: "c1", port: 1 }] }));
  await opening;
  await wait(1);
  await link().break();
  await (await link("ws://c1:1/").open()).say(letIn(), redirect("s2", 3, "t2"));
  assert.equal((await link("ws://s2:3/").open()).heard()[0].ticket, "t2");
});

test("a refusal for good ends it, one that passes does not", async () => {
  const refusal = assert.rejects(oyez.connect("c1:1", { username: "ann", secret: "s" }), (error) => {
    assert.ok(error instanceof oyez.Refused && error instanceof oyez.OyezError);
    assert.equal(error.reason, "wrong_credentials");
    assert.equal(error.message, "because wrong_credentials");
    return true;
  });
  await (await link().open()).say(refused("LOGIN_FAILED", "no_server"));
  await wait(1);
  await (await link().open()).say(refused("INVALID_MESSAGE", "too_many_links"));
  await wait(1);
  await (await link().open()).say(refused("LOGIN_FAILED", "wrong_credentials"));
  await refusal;
  await wait(20);
  assert.equal(dialed().length, 3);
});

test("what answers may be no node at all", async () => {
  const refusal = assert.rejects(oyez.connect("c1:1", { timeout: 60 }), /no node of Oyez/);
  for (let tries = 0; tries < 4; tries++) {
    if (tries) await untilDialed();
    await (await link().open()).say("<html>");
  }
  await refusal;
});

test("who was never connected gives up after four tries at each central, with pauses that double", async () => {
  const refusal = assert.rejects(oyez.connect("c1:1,c2:1", { timeout: 60 }), { name: "Unreachable", message: /nobody answers at ws:/ });
  const pauses = [];
  for (let tries = 0; tries < 8; tries++) {
    if (tries) pauses.push(await untilDialed());
    await link(`ws://c${1 + (tries % 2)}:1/`).break();
  }
  await refusal;
  assert.deepEqual(pauses, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5]);
  await wait(60);
  assert.equal(dialed().length, 8);
});

test("a central that says nothing is left for the next one", async () => {
  oyez.connect("c1:1,c2:1").catch(() => {});
  await link("ws://c1:1/").open();
  await wait(4.9);
  link("ws://c1:1/");
  await wait(0.15);
  assert.equal(await untilDialed(), 0.05);
  link("ws://c2:1/");
  await wait(3); // it does not even take the link
  assert.ok(alone());
  await untilDialed();
  link("ws://c1:1/");
});

test("the first login has a time", async () => {
  const refusal = assert.rejects(oyez.connect("c1:1", { timeout: 7 }), { name: "Unreachable", message: "c1:1: no login within 7 s" });
  await link().open();
  await wait(7);
  await refusal;
  assert.ok(alone());
});

test("a page may not be let out at all", async () => {
  const fake = globalThis.WebSocket;
  globalThis.WebSocket = class { constructor() { throw new Error("this page came over TLS"); } };
  const refusal = assert.rejects(oyez.connect("c1:1"), { name: "Unreachable", message: /came over TLS/ });
  await wait(5);
  await refusal;
  globalThis.WebSocket = fake;
});
