// The map of volumes: a cell for each, filled from below with what lives and with garbage.
import { bytes, element, percent, plural, quiet, replace } from './format.js';

const MANY = 300;

function legendItem(kind, label, value) {
  return element('li', {}, element('i', { class: `area ${kind}` }), label, value === undefined ? null : element('b', {}, value));
}

// What the store can hold: what lives, what emptying volumes gives back, the rest of what is free, and log and reserves.
export function drawSpace(place, now) {
  if (!now) return replace(place);
  const { total_bytes: total, free_bytes: free, live_bytes: live, garbage_bytes: garbage } = now.space;
  const unused = Math.max(0, free - garbage);
  const other = Math.max(0, total - live - garbage - unused);
  const parts = [['live', 'live', live], ['garbage', 'garbage', garbage], ['other', 'log, padding, reserves', other],
    ['free', 'free', unused]];
  const bar = element('div', { class: 'bar', role: 'img',
    'aria-label': `Of ${bytes(total)}: ${parts.map(([, label, size]) => `${label} ${bytes(size)}`).join(', ')}` });
  for (const [kind, , size] of parts) {
    const part = element('span', { class: kind });
    part.style.width = `${total === 0 ? 0 : (100 * size) / total}%`;
    part.style.minWidth = size > 0 ? '3px' : '0';
    bar.append(part);
  }
  const items = parts.map(([kind, label, size]) => legendItem(kind, label, bytes(size)));
  replace(place, bar, element('ul', { class: 'legend' }, ...items));
}

export class VolumeMap {
  constructor(place, words) {
    this.place = place;
    this.words = words;
    this.chosen = null;
    const label = 'Volumes; arrow keys go from one to the next';
    this.cells = element('div', { class: 'cells', role: 'listbox', 'aria-label': label });
    this.legend = element('ul', { class: 'legend' }, legendItem('live', 'live'), legendItem('garbage', 'garbage'),
      legendItem('free', 'free'), legendItem('open', 'being filled'), legendItem('damaged', 'damaged'));
    this.cells.addEventListener('keydown', (event) => this.onKey(event));
    for (const kind of ['click', 'focusin', 'pointerover']) {
      this.cells.addEventListener(kind, ({ target }) => {
        if (target.dataset.at !== undefined) this.choose(Number(target.dataset.at), kind === 'click');
      });
    }
  }

  clear(why) {
    replace(this.place, quiet(why));
    this.words.textContent = '';
  }

  // `map`: as api/volumes answers; `now`: the store's state.
  draw(map, now) {
    if (map.volumes === null) return this.place.contains(this.cells) ? undefined : this.clear('Loading\u2026');
    if (map.volumes.length === 0) return this.clear('There are no volumes yet: nothing was written.');
    this.volumes = map.volumes.map((row) => Object.fromEntries(map.fields.map((field, i) => [field, row[i]])));
    this.capacity = now.space.volume_bytes;
    this.upkeep = now.upkeep;
    this.total = now.space.volumes;
    this.cut = map.cut;
    this.place.classList.toggle('many', this.volumes.length > MANY);
    while (this.cells.children.length > this.volumes.length) this.cells.lastChild.remove();
    while (this.cells.children.length < this.volumes.length)
      this.cells.append(element('div', { role: 'option', tabindex: -1, 'data-at': this.cells.children.length }));
    this.volumes.forEach((volume, i) => this.drawCell(this.cells.children[i], volume));
    if (!this.place.contains(this.cells)) replace(this.place, this.cells, this.legend);
    const at = this.chosen === null ? 0 : Math.min(this.chosen, this.volumes.length - 1);
    for (const cell of this.cells.children) cell.tabIndex = Number(cell.dataset.at) === at ? 0 : -1;
    this.tell();
  }

  drawCell(cell, volume) {
    const live = Math.min(1, volume.live_bytes / this.capacity);
    const garbage = Math.min(1 - live, volume.garbage_bytes / this.capacity);
    cell.style.setProperty('--to-live', `${100 * live}%`);
    cell.style.setProperty('--to-garbage', `${100 * (live + garbage)}%`);
    const damaged = volume.damaged > 0 || volume.missing;
    cell.className = ['cell', volume.state, damaged ? 'damaged' : ''].join(' ').trim();
    cell.setAttribute('aria-label', this.wordsOf(volume));
  }

  wordsOf(volume) {
    const words = [`Volume ${volume.volume}`, volume.state === 'open' ? 'being filled' : volume.state,
      `${bytes(volume.live_bytes)} live (${percent(volume.live_bytes / this.capacity)})`];
    if (volume.state !== 'open') words.push(`${bytes(volume.garbage_bytes)} garbage`);
    words.push(`${bytes(volume.held_bytes)} held of the device`);
    if (volume.missing) words.push('missing on its device');
    if (volume.damaged > 0) words.push(plural(volume.damaged, 'damaged place'));
    if (this.upkeep.emptying && this.upkeep.emptying_volume === volume.volume) words.push('being emptied');
    return words.join(' · ');
  }

  choose(at, focus) {
    this.chosen = at;
    for (const cell of this.cells.children) {
      cell.tabIndex = Number(cell.dataset.at) === at ? 0 : -1;
      cell.setAttribute('aria-selected', Number(cell.dataset.at) === at);
    }
    if (focus) this.cells.children[at].focus();
    this.tell();
  }
  tell() {
    const all = plural(this.volumes.length, 'volume');
    const shown = this.cut ? `The first ${this.volumes.length} of ${this.total} volumes` : all;
    const chosen = this.chosen === null ? undefined : this.volumes[this.chosen];
    const hint = `${shown} of ${bytes(this.capacity)} each. Point at one to read of it.`;
    this.words.textContent = chosen ? this.wordsOf(chosen) : hint;
  }

  onKey(event) {
    const first = this.cells.children[0].offsetTop;
    const perRow = [...this.cells.children].findIndex((cell) => cell.offsetTop !== first);
    const row = perRow < 0 ? this.volumes.length : perRow;
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, Home: -Infinity, End: Infinity }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    this.choose(Math.min(this.volumes.length - 1, Math.max(0, (this.chosen ?? 0) + step)), true);
  }
}
