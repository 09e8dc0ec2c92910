// Figures as people read them, and elements made of them. What is not known is "–" and never 0.

export const UNKNOWN = '\u2013';

const BYTE_UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

function rounded(value) {
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toString() : value.toFixed(value >= 10 ? 1 : 2);
}

export function bytes(value) {
  if (value === null || value === undefined) return UNKNOWN;
  let unit = 0;
  while (value >= 1023.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1024;
    ++unit;
  }
  return `${unit === 0 ? Math.round(value) : rounded(value)} ${BYTE_UNITS[unit]}`;
}

export const bytesPerSecond = (value) => (value === null || value === undefined ? UNKNOWN : `${bytes(value)}/s`);

export function count(value) {
  if (value === null || value === undefined) return UNKNOWN;
  if (value >= 1e6) return `${rounded(value / 1e6)} M`;
  if (value >= 1e4) return `${rounded(value / 1e3)} k`;
  if (value > 0 && value < 0.05) return '<0.1';
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toString() : value.toFixed(1);
}

export const perSecond = (value) => (value === null || value === undefined ? UNKNOWN : `${count(value)}/s`);

export function duration(ns) {
  if (ns === null || ns === undefined) return UNKNOWN;
  if (ns < 1e3) return `${Math.round(ns)} ns`;
  if (ns < 1e6) return `${rounded(ns / 1e3)} µs`;
  if (ns < 1e9) return `${rounded(ns / 1e6)} ms`;
  return `${rounded(ns / 1e9)} s`;
}

export const percent = (share) => (share > 0 && share < 0.01 ? '<1 %' : `${Math.round(100 * share)} %`);
export const clock = (ms) => new Date(ms).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
export const clockWithSeconds = (ms) => new Date(ms).toLocaleTimeString([], { hourCycle: 'h23' });
export const dateOf = (seconds) =>
  new Date(1000 * seconds).toLocaleString([], { dateStyle: 'medium', timeStyle: 'short', hourCycle: 'h23' });

// Keys come percent-encoded, since they may be any bytes; those that are no UTF-8 are shown as they came.
export function shownName(encoded) {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}

// element('p', { class: 'x' }, 'text', child): text is never markup.
export function element(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}
export function drawn(name, attributes = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);
}
function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}
export const quiet = (text) => element('p', { class: 'quiet' }, text);
export const failed = (text) => element('p', { class: 'bad' }, text);
export const plural = (number, noun) => `${number} ${noun}${number === 1 ? '' : 's'}`;

// [name, value] pairs, a value being text or an element.
export function facts(pairs) {
  return element('dl', {}, ...pairs.flatMap(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]));
}
// `columns`: [text, class] each.
export function table(columns, body) {
  const heads = columns.map(([text, kind]) => element('th', { class: kind, scope: 'col' }, text));
  return element('table', {}, element('thead', {}, element('tr', {}, ...heads)), body);
}
// `cells`: [text or element, class] each.
export function row(...cells) {
  return element('tr', {}, ...cells.map(([content, kind]) => element('td', { class: kind }, content)));
}
export function replace(place, ...children) {
  place.replaceChildren(...children.filter((child) => child !== null && child !== undefined));
}
