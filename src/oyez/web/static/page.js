/**
 * Making and writing elements. What others have said gets into the page here, and as text only.
 */

const SVG = "http://www.w3.org/2000/svg";

/** The element with this id. */
export const $ = (id) => document.getElementById(id);

/**
 * A new element.
 * @param {string} name
 * @param {Record<string, unknown>} [attributes] null and false leave one out
 * @param {...(Node|string)} children strings become text
 */
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(made, attributes, children) {
  set(made, attributes);
  made.append(...children);
  return made;
}

/** Set attributes; null and false take one away. */
export function set(on, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === false) on.removeAttribute(name);
    else if (on.getAttribute(name) !== String(value)) on.setAttribute(name, value);
  }
}

/** Write text, if it is another: what stays the same is not said again, nor drawn. */
export function write(on, text) {
  if (on.textContent !== text) on.textContent = text;
}

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

/** A number for people. */
export const count = (number) => whole.format(Math.round(number));

/** The same where there is little room. */
export const brief = (number) => (number < 10_000 ? count(number) : short.format(number));

/** And where there is still less. */
export const briefer = (number) => (number < 1000 ? count(number) : short.format(number));

/** A rate: small ones with a decimal. */
export const rate = (number) => (number > 0 && number < 10 ? String(Math.round(number * 10) / 10) : brief(number));

/** "1 session", "2 sessions". */
export const many = (number, one) => `${count(number)} ${one}${number === 1 ? "" : "s"}`;

/** Time of day, of seconds since 1970. */
export function clock(seconds) {
  const date = new Date(seconds * 1000);
  const valid = !Number.isNaN(date.getTime());
  const text = valid ? date.toLocaleTimeString("en-GB") : "";
  return element("time", { datetime: valid ? date.toISOString() : null }, text);
}

/** As an address stands in a URL. */
export const at = ({ hostname, port }) => `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
