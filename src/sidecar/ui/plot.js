// A plot of the last hour: lines over time, with axes, a legend that shows values, and a cursor that all plots share.
import { clock, clockWithSeconds, drawn, element, replace } from './format.js';

const MINUTE_MS = 60_000;
// What is shown: as much as there is, of the last hour.
const RANGES_MS = [10, 20, 30, 60].map((minutes) => minutes * MINUTE_MS);
const HEIGHT = 170;
const BOTTOM = 20;
const TOP = 8;

// Ticks from 0 on: powers of two for bytes, else 1, 2 and 5 times powers of ten.
function linearTicks(max, isBytes) {
  const wanted = max / 4;
  let step;
  if (isBytes) {
    step = 2 ** Math.ceil(Math.log2(wanted));
  } else {
    const power = 10 ** Math.floor(Math.log10(wanted));
    step = [1, 2, 5, 10].find((factor) => factor * power >= wanted) * power;
  }
  const ticks = [];
  for (let value = 0; value < max + step * 0.999; value += step) ticks.push(value);
  return ticks;
}

function decades(min, max) {
  const first = Math.floor(Math.log10(min));
  const last = Math.max(first + 2, Math.ceil(Math.log10(max)));
  return Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
}

export class Plot {
  // `series`: [{ field, label, ink }]. `least`: what the axis reaches at least. `show`: a value as text; `tick`: on the axis.
  constructor(place, { title, series, show, tick = show, least = 1, logarithmic = false, isBytes = false, onCursor }) {
    Object.assign(this, { title, series, show, tick, least, logarithmic, isBytes, onCursor });
    this.data = null;
    this.cursorMs = null;
    this.when = element('p');
    this.svg = drawn('svg', { 'aria-hidden': 'true' });
    this.legend = element('ul', { class: 'legend' });
    this.card = element('div', { class: 'card plot', tabindex: 0, role: 'group' },
      element('div', { class: 'head' }, element('h3', {}, title), this.when), this.svg, this.legend);
    place.append(this.card);
    this.svg.addEventListener('pointermove', (event) => this.onCursor(this.timeAt(event)));
    this.svg.addEventListener('pointerleave', () => this.onCursor(null));
    this.card.addEventListener('keydown', (event) => this.onKey(event));
    this.card.addEventListener('blur', () => this.onCursor(null));
    new ResizeObserver(() => this.draw()).observe(this.card);
  }

  setSeries(series) {
    this.series = series;
    this.draw();
  }
  setData(data) {
    this.data = data;
    this.draw();
  }
  setCursor(ms) {
    this.cursorMs = ms;
    this.drawCursor();
  }

  onKey(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -12, PageDown: 12 }[event.key];
    if (event.key === 'Escape') return this.onCursor(null);
    if (steps === undefined || !this.data || this.data.times.length === 0) return;
    event.preventDefault();
    const times = this.data.times;
    const at = this.cursorMs === null ? times.length - 1 : this.nearest(this.cursorMs);
    this.onCursor(times[Math.min(times.length - 1, Math.max(0, at + steps))]);
  }

  timeAt(event) {
    const box = this.svg.getBoundingClientRect();
    const share = (event.clientX - box.left - this.left) / Math.max(1, box.width - this.left - this.right);
    return this.beginMs + Math.min(1, Math.max(0, share)) * this.rangeMs;
  }
  nearest(ms) {
    const times = this.data.times;
    let best = 0;
    for (let i = 1; i < times.length; ++i) if (Math.abs(times[i] - ms) < Math.abs(times[best] - ms)) best = i;
    return best;
  }

  draw() {
    const width = this.svg.clientWidth || this.card.clientWidth - 28;
    if (width <= 0) return;
    const times = this.data ? this.data.times : [];
    this.endMs = times.length ? times[times.length - 1] : Date.now();
    const known = times.length ? this.endMs - times[0] : 0;
    this.rangeMs = RANGES_MS.find((range) => known <= range) ?? RANGES_MS.at(-1);
    this.beginMs = this.endMs - this.rangeMs;
    const values = this.series.flatMap(({ field }) => (this.data ? this.data.columns[field] : [])).filter((v) => v !== null);
    const max = values.reduce((most, value) => Math.max(most, value), this.least);
    const positive = values.filter((value) => value > 0);
    const min = positive.reduce((least, value) => Math.min(least, value), max);
    const ticks = this.logarithmic ? decades(Math.min(min, this.least), max) : linearTicks(max, this.isBytes);
    const labels = ticks.map((value) => (value === 0 && !this.logarithmic ? '0' : this.tick(value)));
    this.left = 10 + 6.7 * Math.max(...labels.map((label) => label.length));
    this.right = 8;
    const scale = this.logarithmic ? Math.log10 : (value) => value;
    const low = scale(ticks[0]);
    const high = scale(ticks[ticks.length - 1]);
    this.x = (ms) => this.left + ((ms - this.beginMs) / this.rangeMs) * (width - this.left - this.right);
    this.y = (value) => {
      const share = value > 0 || !this.logarithmic ? (scale(value) - low) / (high - low) : 0;
      return HEIGHT - BOTTOM - Math.max(0, share) * (HEIGHT - BOTTOM - TOP);
    };
    this.svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
    replace(this.svg, ...this.axes(width, ticks, labels), ...this.gaps(), ...this.lines());
    if (values.length === 0) {
      const text = times.length === 0 ? 'The first figures come in a few seconds.' : 'Nothing of this in the last hour.';
      this.svg.append(drawn('text', { class: 'none', x: (width + this.left) / 2, y: HEIGHT / 2 - 4 }, text));
    }
    this.cursor = drawn('g');
    this.svg.append(this.cursor);
    this.drawCursor();
  }

  *axes(width, ticks, labels) {
    for (const [i, value] of ticks.entries()) {
      const y = this.y(value);
      yield drawn('line', { class: i === 0 ? 'grid zero' : 'grid', x1: this.left, x2: width - this.right, y1: y, y2: y });
      yield drawn('text', { x: this.left - 6, y: y + 4, 'text-anchor': 'end' }, labels[i]);
    }
    const stepMs = { 10: 2, 20: 5, 30: 5, 60: 10 }[this.rangeMs / MINUTE_MS] * MINUTE_MS * (width < 420 ? 2 : 1);
    const shift = new Date(this.endMs).getTimezoneOffset() * MINUTE_MS;
    for (let ms = Math.ceil((this.beginMs - shift) / stepMs) * stepMs + shift; ms <= this.endMs; ms += stepMs) {
      const x = this.x(ms);
      yield drawn('line', { class: 'grid', x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM });
      if (x > this.left + 12 && x < width - 18)
        yield drawn('text', { x, y: HEIGHT - 5, 'text-anchor': 'middle' }, clock(ms));
    }
  }

  // When there was no daemon.
  *gaps() {
    if (!this.data) return;
    for (const [i, up] of this.data.up.entries()) {
      if (up) continue;
      const end = this.data.times[i];
      const begin = Math.max(this.beginMs, end - this.data.lengths[i]);
      if (end > this.beginMs)
        yield drawn('rect', {
          class: 'gap', x: this.x(begin), width: this.x(end) - this.x(begin), y: TOP, height: HEIGHT - BOTTOM - TOP,
        });
    }
  }

  *lines() {
    for (const { field, ink } of this.series) {
      if (!this.data) return;
      let path = '';
      let drawing = false;
      const known = (i) => i >= 0 && i < this.data.times.length && this.data.columns[field][i] !== null;
      const alone = [];
      this.data.columns[field].forEach((value, i) => {
        const ms = this.data.times[i];
        if (value === null || ms < this.beginMs) {
          drawing = false;
          return;
        }
        path += `${drawing ? 'L' : 'M'}${this.x(ms).toFixed(1)} ${this.y(value).toFixed(1)}`;
        if (!known(i - 1) && !known(i + 1))
          alone.push(drawn('circle', { class: `alone ${ink}`, cx: this.x(ms), cy: this.y(value), r: 2 }));
        drawing = true;
      });
      yield drawn('path', { class: `line ${ink}`, d: path });
      yield* alone;
    }
  }

  drawCursor() {
    const known = this.data !== null && this.data.times.length > 0 && this.cursor !== undefined;
    const at = !known ? -1 : this.cursorMs === null ? this.data.times.length - 1 : this.nearest(this.cursorMs);
    const value = (field) => (known ? this.data.columns[field][at] : null);
    this.when.textContent = known && this.cursorMs !== null ? clockWithSeconds(this.data.times[at]) : '';
    replace(this.legend, ...this.series.map(({ field, label, ink }) =>
      element('li', {}, element('i', { class: ink }), label, element('b', { 'data-field': field }, this.show(value(field))))));
    const values = this.series.map(({ field, label }) => `${label} ${this.show(value(field))}`).join(', ');
    const when = this.when.textContent ? `At ${this.when.textContent}: ` : '';
    this.card.setAttribute('aria-label', `${this.title}. ${when}${values}. Arrow keys go through the hour.`);
    if (!this.cursor) return;
    const parts = [];
    if (known && this.cursorMs !== null) {
      const x = this.x(this.data.times[at]);
      parts.push(drawn('line', { class: 'cursor', x1: x, x2: x, y1: TOP, y2: HEIGHT - BOTTOM }));
      for (const { field, ink } of this.series)
        if (value(field) !== null) parts.push(drawn('circle', { class: `dot ${ink}`, cx: x, cy: this.y(value(field)), r: 3.5 }));
    }
    replace(this.cursor, ...parts);
  }
}
