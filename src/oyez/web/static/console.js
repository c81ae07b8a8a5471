/**
 * The page of the network: puts its parts together.
 */

import { $, at, clock, count, element, many, rate, write } from "./page.js";
import { Feed } from "./feed.js";
import { Happened } from "./happened.js";
import { Picture } from "./picture.js";
import { Rates } from "./rates.js";
import { Watch } from "./watch.js";

const picture = new Picture($("picture"), $("legend"));
const rates = new Rates($("figures"));
const happened = new Happened($("events"));
const host = (base) => base.replace(/^https?:\/\//, "");
let last = null;

const watch = new Watch(location.origin, {
  heard(network) {
    last = network;
    document.body.dataset.standing = network.role === "main" && network.acknowledging ? "well" : "trouble";
    write($("standing"), standing(network));
    picture.show(network);
    happened.show(network);
    showCounts(network);
    showTable(network);
    reveal();
    if (!performance.getEntriesByName("picture").length) performance.mark("picture"); // the first; for measuring
  },
  moved(from, to, why) {
    happened.say(`${host(from)} ${why}: this page now asks ${host(to)}`);
  },
  silent() {
    document.body.dataset.standing = "silent";
    if (last) write($("counts"), `as it was at ${clock(last.now).textContent}`);
    const asked = watch.centrals.map(host).join(", ");
    write($("standing"), `No central answers (${asked}). Asking on; who is connected stays connected.`);
    reveal();
  },
});

function reveal() {
  $("main").classList.remove("unknown");
}

function standing(network) {
  const where = watch.current === location.origin ? "" : ` · asked in place of ${location.host}`;
  if (network.role !== "main") {
    const main = network.centrals.some((central) => central.role === "main");
    return main ? `This is what a backup knows; the main can't be asked from here${where}`
      : `There is no main now: registrations and logins wait, sessions go on${where}`;
  }
  if (!network.acknowledging) return `Too few voters are connected: registrations can't be acknowledged now${where}`;
  return `Main ${at(network)}, term ${count(network.term)}${where}`;
}

/** Of a server that is not connected only the past is known; a backup knows of none whether it is. */
function showCounts(network) {
  const main = network.role === "main";
  const known = main ? network.servers.filter((server) => server.ready) : network.servers;
  const sum = (key) => known.reduce((total, server) => total + server[key], 0);
  const sessions = sum("load");
  write($("counts"), [many(known.length, "server"), many(sessions, "session"), many(network.users, "user")].join(" · "));
  if (main) rates.show(performance.now() / 1000, { sessions, accepted: sum("accepted_rate"), delivered: sum("delivered_rate") });
}

function showTable(network) {
  if (!$("table").open) return;
  const cell = (text, number = false) => element("td", { class: number && "number" }, text);
  const centrals = network.centrals.map((one) => [
    one.id, at(one), one.role + (one.in_sync ? "" : ", not in sync"), "", "", "", count(one.lag),
  ]);
  const servers = byName(network.servers).map((one) => [
    one.id, at(one), one.leaving ? "leaving" : one.ready ? "ready" : "not connected",
    count(one.load), rate(one.accepted_rate), rate(one.delivered_rate), count(one.lag),
  ]);
  $("rows").replaceChildren(
    ...[...centrals, ...servers].map(([name, ...others]) =>
      element("tr", {}, element("th", { scope: "row" }, name), ...others.map((text, index) => cell(text, index > 1))),
    ),
  );
}

const byName = (nodes) => [...nodes].sort((one, other) => one.id.localeCompare(other.id, "en", { numeric: true }));

const feed = new Feed({
  log: $("feed"), list: $("activities"), filter: $("filter"), pause: $("pause"), heard: $("heard"), aloud: $("aloud"),
});
$("table").addEventListener("toggle", () => last && showTable(last));
setTimeout(reveal, 1500); // nobody has answered: the page says so
watch.start();

// And the library: the picture need not wait for them. Where they don't arrive, the page waits here for its own end.
const loadedAnew = () => new Promise(() => setTimeout(() => location.reload(), 1000));
const { Joining } = await import("./joining.js").catch(loadedAnew);
const joining = new Joining(() => watch.centrals, {
  heard: (activity) => feed.add(activity),
  missed: (number) => feed.missed(number),
  moved: (text) => happened.say(text),
});
joining.start();
