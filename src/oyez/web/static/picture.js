/**
 * The network as a picture: centrals above, servers below, and the links between them.
 *
 * A full mesh is drawn as a rail: every server on it is linked with every other. Cards are made once and then changed,
 * so that they can glide where they get another place.
 */

import { at, brief, briefer, drawn, many, rate, set, write } from "./page.js";
import { ceiling } from "./rates.js";

const GAP = 14;
const EDGE = 16; // room for the trunks at both sides
const RAIL = 20; // between a card and its rail
const BEND = 7;

const CENTRAL = { least: 92, most: 190, height: 60 };
const NARROW = { ...CENTRAL, height: 78, below: 170 }; // one line more
const SERVER = { least: 128, most: 210, height: 80 };
const SMALL = { least: 112, most: 150, height: 50 }; // where there are many

/** Servers above which they are drawn small. */
const MANY = 12;

export class Picture {
  /** @param {SVGElement} svg @param {Element} legend */
  constructor(svg, legend) {
    this._svg = svg;
    this._legend = legend;
    this._lines = drawn("g", { "aria-hidden": "true" });
    this._group = drawn("g");
    svg.append(this._lines, this._group);
    this._cards = new Map();
    this._network = null;
    new ResizeObserver(() => this._network && this._draw()).observe(svg);
  }

  /** @param {object} network as in /network.json */
  show(network) {
    this._network = network;
    this._draw();
  }

  _draw() {
    const width = Math.round(this._svg.clientWidth);
    if (!width) return;
    const { centrals, servers } = ordered(this._network);
    const size = servers.length > MANY ? SMALL : SERVER;
    const scale = ceiling(1.1 * Math.max(0, ...servers.map((server) => server.load)));
    const replicated = centrals.length > 1;
    const top = replicated ? RAIL + 4 : 4;
    let above = place(centrals, CENTRAL, width - 4, 2, top, GAP);
    if (above.wide < NARROW.below) above = place(centrals, NARROW, width - 4, 2, top, GAP);
    const below = place(servers, size, width - 2 * EDGE, EDGE, above.bottom + 2 * RAIL + 6, 2 * RAIL + 10);
    const height = (servers.length ? below.bottom : above.bottom + 60) + RAIL + 4;
    set(this._svg, { viewBox: `0 0 ${width} ${height}`, height, "aria-label": told(centrals, servers) });
    this._link(width, above, below.cards);
    const cards = [
      ...above.cards.map((card) => ({ ...card, key: `central ${card.node.id}`, fill: fillCentral, term: this._network.term })),
      ...below.cards.map((card) => ({ ...card, key: `server ${card.node.id}`, fill: fillServer, scale, small: size === SMALL })),
    ];
    this._put(cards);
    const bar = servers.length ? `full bar: ${many(scale, "session")}; in, out: per second` : "no servers yet";
    this._legends(replicated, servers.filter((server) => server.ready).length > 1, bar);
  }

  _put(cards) {
    const kept = new Set(cards.map((card) => card.key));
    for (const [key, group] of this._cards) {
      if (kept.has(key)) continue;
      group.remove();
      this._cards.delete(key);
    }
    for (const card of cards) {
      let group = this._cards.get(card.key);
      if (!group) {
        group = drawn("g", { "data-node": card.node.id });
        this._cards.set(card.key, group);
        this._group.append(group);
      }
      group.style.transform = `translate(${card.x}px, ${card.y}px)`;
      card.fill(group, card);
    }
  }

  _link(width, { cards: centrals, bottom }, servers) {
    const paths = [];
    const main = centrals.find((card) => card.node.role === "main");
    const ready = servers.filter((card) => card.node.ready);
    if (main) {
      for (const card of centrals) {
        if (card !== main) paths.push([over(main, card), card.node.role === "away" ? "replication away" : "replication"]);
      }
      for (const card of ready) paths.push([down(main, bottom, card, width), "control"]);
    }
    if (ready.length > 1) paths.push([rails(ready), "mesh"]);
    this._lines.replaceChildren(...paths.map(([d, name]) => drawn("path", { d, class: `link ${name}` })));
  }

  _legends(replicated, meshed, bar) {
    const key = [replicated, meshed, bar].join();
    if (this._legend.dataset.key === key) return;
    this._legend.dataset.key = key;
    const swatch = (name) => {
      const svg = drawn("svg", { width: 26, height: 8, "aria-hidden": "true" });
      svg.append(drawn("path", { d: "M0,4H26", class: `link ${name}` }));
      return svg;
    };
    const item = (name, text) => {
      const span = document.createElement("span");
      span.append(swatch(name), text);
      return span;
    };
    const last = document.createElement("span");
    last.append(bar);
    this._legend.replaceChildren(
      ...(replicated ? [item("replication", "replication")] : []),
      item("control", "to the main"),
      ...(meshed ? [item("mesh", "mesh: each with each")] : []),
      last,
    );
  }
}

/** By name, so that each keeps its place whatever becomes of it. */
function ordered({ centrals, servers }) {
  const names = new Intl.Collator("en", { numeric: true });
  return {
    centrals: [...centrals].sort((one, other) => names.compare(at(one), at(other))),
    servers: [...servers].sort((one, other) => names.compare(one.id, other.id)),
  };
}

/** Cards in rows, in the middle of the width. */
function place(nodes, size, room, left, top, between) {
  const fit = Math.max(1, Math.floor((room + GAP) / (size.least + GAP)));
  const rows = Math.max(1, Math.ceil(nodes.length / fit));
  const each = Math.ceil(nodes.length / rows);
  const wide = Math.min(size.most, Math.floor((room - GAP * (each - 1)) / Math.max(1, each)));
  const cards = nodes.map((node, index) => {
    const row = Math.floor(index / each);
    const inRow = Math.min(each, nodes.length - row * each);
    const begin = left + Math.round((room - inRow * wide - (inRow - 1) * GAP) / 2);
    const x = begin + (index % each) * (wide + GAP);
    const y = top + row * (size.height + between);
    return { node, row, x, y, width: wide, height: size.height, middle: x + wide / 2, top: y, bottom: y + size.height };
  });
  return { cards, wide, bottom: top + rows * (size.height + between) - between };
}

/** A path through these points, with round corners. Pure horizontals and verticals are expected. */
export function bent(points) {
  let d = `M${points[0]}`;
  for (let at = 1; at < points.length - 1; at++) {
    const [before, corner, after] = [points[at - 1], points[at], points[at + 1]];
    d += `L${towards(corner, before)}Q${corner} ${towards(corner, after)}`;
  }
  return `${d}L${points.at(-1)}`;
}

function towards([x, y], [toX, toY]) {
  const length = Math.hypot(toX - x, toY - y);
  const share = length ? Math.min(BEND, length / 2) / length : 0;
  return [x + (toX - x) * share, y + (toY - y) * share];
}

function over(main, card) {
  const rail = Math.min(main.top, card.top) - RAIL / 2 - 2;
  return bent([[main.middle, main.top], [main.middle, rail], [card.middle, rail], [card.middle, card.top]]);
}

function down(main, bottom, card, width) {
  const first = bottom + RAIL; // behind other centrals, where there are several rows
  const rail = card.top - RAIL / 2 - 4;
  const end = [card.middle, card.top];
  if (card.row === 0) return bent([[main.middle, main.bottom], [main.middle, first], [card.middle, first], end]);
  const trunk = width - 5;
  return bent([[main.middle, main.bottom], [main.middle, first], [trunk, first], [trunk, rail], [card.middle, rail], end]);
}

function rails(cards) {
  const parts = [];
  const rows = Map.groupBy ? Map.groupBy(cards, (card) => card.row) : grouped(cards);
  const ends = [];
  for (const row of rows.values()) {
    const rail = row[0].bottom + RAIL / 2 + 2;
    const [first, last] = [row[0], row.at(-1)];
    if (row.length > 1) parts.push(bent([[first.middle, first.bottom], [first.middle, rail], [last.middle, rail], [last.middle, last.bottom]]));
    for (const card of row.slice(1, -1)) parts.push(`M${card.middle},${card.bottom}V${rail}`);
    ends.push([first, rail]);
  }
  for (let at = 1; at < ends.length; at++) {
    const [[one, upper], [other, lower]] = [ends[at - 1], ends[at]];
    parts.push(bent([[one.middle, one.bottom], [one.middle, upper], [5, upper], [5, lower], [other.middle, lower], [other.middle, other.bottom]]));
  }
  return parts.join("");
}

function grouped(cards) {
  const rows = new Map();
  for (const card of cards) rows.set(card.row, [...(rows.get(card.row) ?? []), card]);
  return rows;
}

// -- cards ------------------------------------------------------------------------------------------------------

/** The part of a card with this name, made where there is none. */
function part(group, name, key, attributes, text) {
  let found = [...group.children].find((child) => child.dataset.part === key);
  if (!found) {
    found = drawn(name, { "data-part": key });
    group.append(found);
  }
  set(found, attributes);
  if (text !== undefined) write(found, text);
}

function fillCentral(group, { node, width, height, term }) {
  const away = node.role === "away";
  const main = node.role === "main";
  set(group, { class: `card central ${node.role}` });
  part(group, "rect", "box", { class: "box", width, height, rx: 8 });
  part(group, "text", "name", { class: "name", x: 12, y: 23 }, node.role);
  const standing = main ? `term ${brief(term)}` : away ? "" : node.lag ? `${brief(node.lag)} behind` : node.in_sync ? "in sync" : "not in sync";
  const beside = height === CENTRAL.height;
  const where = beside ? { x: width - 12, y: 23, "text-anchor": "end" } : { x: 12, y: 62, "text-anchor": "start" };
  part(group, "text", "standing", { class: `detail${!away && (node.lag || !node.in_sync) ? " worse" : ""}`, ...where }, shortened(standing, width - (beside ? 76 : 20), 6.4));
  part(group, "text", "address", { class: "detail address", x: 12, y: 44 }, at(node).length * 7 <= width - 24 ? at(node) : shortened(`:${node.port}`, width - 24, 7));
  part(group, "title", "title", {}, `${node.role} ${at(node)} (${node.id})`);
}

function fillServer(group, { node, width, height, scale, small }) {
  const state = node.leaving ? "leaving" : node.ready ? "ready" : "away";
  set(group, { class: `card server ${state}` });
  part(group, "rect", "box", { class: "box", width, height, rx: 8 });
  const load = (small ? briefer : brief)(node.load);
  part(group, "text", "name", { class: "name", x: 12, y: small ? 21 : 25 }, shortened(node.id, width - 34 - 9 * load.length, 8.2));
  part(group, "text", "load", { class: "load", x: width - 12, y: small ? 21 : 25, "text-anchor": "end" }, load);
  const bar = { x: 12, y: small ? 31 : 37, height: 8, rx: 4 };
  part(group, "rect", "track", { class: "track", ...bar, width: width - 24 });
  const share = Math.min(1, node.load / scale);
  part(group, "rect", "bar", { class: "bar", ...bar, width: node.load ? Math.max(8, (width - 24) * share) : 0 });
  const doing = state === "away" ? "not connected" : `${rate(node.accepted_rate)} in · ${rate(node.delivered_rate)} out`;
  const behind = node.lag ? `${brief(node.lag)} behind · ` : "";
  const detail = state === "leaving" ? "leaving" : behind + doing;
  part(group, "text", "detail", { class: `detail${node.lag ? " worse" : ""}`, x: 12, y: 66, visibility: small ? "hidden" : null }, shortened(detail, width - 24, 6.2));
  part(group, "title", "title", {}, `${node.id} ${at(node)}: ${many(node.load, "session")}, ${detail}`);
}

/** As much of it as fits, for characters so wide. */
function shortened(text, room, wide) {
  const fit = Math.max(1, Math.floor(room / wide));
  return text.length > fit ? `${text.slice(0, fit - 1)}…` : text;
}

/** The picture in words. */
function told(centrals, servers) {
  const main = centrals.find((central) => central.role === "main");
  const others = centrals.filter((central) => central.role !== "main").map((central) => `${central.role} ${at(central)}`);
  const loads = servers.map((server) => `${server.id} with ${many(server.load, "session")}${server.ready ? "" : ", not connected"}`);
  return [main ? `Main ${at(main)}` : "No main", ...others, ...loads].join("; ");
}
