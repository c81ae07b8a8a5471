// What a program sees: loops, listeners, the bound on what waits for it, cursors, the end.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import {
  alone, broadcast, joined, letIn, link, oyez, readCursor, redirect, reset, Seen, settle, wait, welcome, writeCursor,
} from "./stage.mjs";

beforeEach(reset);

/** Takes so many, and no more. */
async function take(network, count) {
  const taken = [];
  if (count) for await (const activity of network) if (taken.push(activity.object.content) === count) break;
  return taken;
}

test("a loop gets every activity from the login on, and ends when the network is closed", async () => {
  const { network, server } = await joined();
  await server.say(broadcast("s1.1-6", "a"), broadcast("s1.1-7", "b"));
  const all = (async () => {
    const found = [];
    for await (const { id, user, object } of network) found.push([id, user, object.content]);
    return found;
  })();
  await settle();
  await server.say(broadcast("s1.1-8", "c"));
  network.close();
  assert.deepEqual(await all, [["s1.1-6", "bob", "a"], ["s1.1-7", "bob", "b"], ["s1.1-8", "bob", "c"]]);
  assert.deepEqual(server.heard(), [{ command: "LOGOUT" }]);
  assert.ok(alone());
  await wait(60);
  assert.ok(alone());
  await assert.rejects(network.post("x"), oyez.Closed);
});

test("a loop that is left takes nothing more", async () => {
  const { network, server } = await joined();
  await server.say(broadcast("s1.1-6", "a"), broadcast("s1.1-7", "b"));
  assert.deepEqual(await take(network, 1), ["a"]);
  assert.deepEqual(await take(network, 1), ["b"]);
});

test("a listener gets what came before it, and then all; one that throws disturbs nobody", async () => {
  const { network, server } = await joined();
  await server.say(broadcast("s1.1-6", "a"));
  const wrong = [];
  globalThis.reportError = (error) => wrong.push(error.message);
  const heard = [];
  network.on("activity", () => { throw new Error("mine"); });
  const off = network.on("activity", ({ object }) => heard.push(object.content));
  await server.say(broadcast("s1.1-7", "b"));
  off();
  await server.say(broadcast("s1.1-8", "c"));
  delete globalThis.reportError;
  assert.deepEqual(heard, ["a", "b"]);
  assert.deepEqual(wrong, ["mine", "mine", "mine"]);
  assert.throws(() => network.on("activities", () => {}), TypeError);
});

test("a listener and a loop both get everything", async () => {
  const { network, server } = await joined();
  const heard = [];
  const taken = take(network, 2);
  network.on("activity", ({ object }) => heard.push(object.content));
  await server.say(broadcast("s1.1-6", "a"), broadcast("s1.1-7", "b"));
  assert.deepEqual([await taken, heard], [["a", "b"], ["a", "b"]]);
});

test("a program that does not take its activities has its link let go, and goes on where it was", async () => {
  const states = [];
  const { network, server } = await joined({ buffer: 2000, onstate: ({ state }) => states.push(state) });
  for (let number = 6; !server.closed; number++) {
    assert.ok(number < 20, "it takes without end");
    await server.say(broadcast(`s1.1-${number}`, `${number}`));
  }
  await server.say(broadcast("s1.1-15", "on its way when the link was let go")).catch(() => {});
  assert.ok(alone());
  await wait(60);
  assert.ok(alone());
  const last = Number(Buffer.from(network.cursor, "base64url").toString().match(/"s1.1":(\d+)/)[1]);
  assert.equal(last, 5); // nothing has been taken
  const unsent = assert.rejects(network.post("x", { timeout: 1 }), /are not taken/);
  await wait(1);
  await unsent;
  const taken = [];
  for await (const { object } of network) {
    taken.push(Number(object.content));
    if (!alone()) break;
  }
  const central = await link("ws://c1:1/").open();
  await central.say(letIn(), redirect("s1", 2, "t2"));
  const [login] = (await link("ws://s1:2/").open()).heard();
  const seen = login.resume.origins["s1.1"];
  assert.ok(seen < 15 && taken.at(-1) < seen, `${taken} ${seen}`);
  await link().say(welcome("s1"), broadcast(`s1.1-${seen + 1}`, `${seen + 1}`));
  taken.push(...(await take(network, seen + 1 - taken.at(-1))).map(Number));
  assert.deepEqual(taken, Array.from({ length: seen - 4 }, (_, index) => 6 + index));
  assert.deepEqual(states, ["connected", "held", "connected"]);
});

test("who only posts need not take anything", async () => {
  const { network, server } = await joined({ receive: false, buffer: 1 });
  const post = network.post("a");
  await settle();
  await server.say(broadcast("s1.1-6", "a", "tag-1"));
  assert.equal(await post, "s1.1-6");
  assert.equal(network.state, "connected");
});

test("a cursor says how far the program has come, and a later session goes on there", async () => {
  const { network, server } = await joined();
  await server.say(broadcast("s1.1-6", "a"), broadcast("s2.1-3", "b"), broadcast("s1.1-7", "c"));
  await take(network, 1);
  const { cursor } = network;
  network.close();
  reset();
  oyez.connect("c1:1", { cursor }).catch(() => {});
  assert.deepEqual((await link().open()).heard()[0].resume, { network: "n", origins: { "s1.1": 6, "s2.1": 2 } });
});

test("a cursor is the text that the library for Python keeps", () => {
  const text = "WzEsIjVkMWUiLHsiczEuNyI6NDIsIsO8LjEiOjN9XQ"; // tests/web/test_javascript.py reads it
  const origins = new Map([["s1.7", 42], ["ü.1", 3]]);
  assert.equal(writeCursor("5d1e", origins), text);
  assert.deepEqual(readCursor(text), { network: "5d1e", origins });
  for (const wrong of ["", "x", 1, "e30", btoa('[1,"n",{"a":"b"}]'), btoa('[2,"n",{}]'), btoa('[1,"",{}]')]) {
    assert.throws(() => readCursor(wrong), TypeError);
  }
});

test("what a session remembers is bounded", () => {
  const seen = new Seen({ network: "n", origins: new Map() });
  for (let number = 1; number <= 3000; number++) seen.isNew(`${"o".repeat(50)}${number}.1-1`);
  const names = Object.keys(seen.resume().origins);
  assert.ok(names.length < 1024 && JSON.stringify(seen.resume()).length < 65_000);
  assert.equal(names.at(-1), `${"o".repeat(50)}3000.1`);
  assert.equal(seen.origins.size, 1024);
  for (let number = 1; number <= 80; number += 2) assert.ok(seen.isNew("", `tag-${number}`));
  assert.equal(seen.isNew("", "tag-2"), false); // too many numbers were left out: the oldest is forgotten
  assert.equal(seen.isNew("", "tag-78"), true);
});

test("after a move, what came back by the new server says that the old one holds nothing back", () => {
  const seen = new Seen();
  for (const origin of ["a.1", "b.1", "a.1", "c.1"]) seen.welcomed({ network: "n", origin, origins: {} }, true);
  assert.deepEqual(seen.resume().last, ["b.1", "a.1", "c.1"]);
  seen.cameBack("b.1-1");
  assert.equal(seen.last.length, 3);
  seen.cameBack("c.1-1");
  assert.deepEqual(seen.last, ["c.1"]);
  seen.welcomed({ network: "n", origin: "d.1" }, false);
  assert.deepEqual(seen.last, ["d.1"]); // it has never posted
});
