// Figures of the store: asked for every few seconds, drawn as tiles, plots, a map, a table and bars.
import {
  bytes, bytesPerSecond, count, dateOf, duration, element, facts, percent, perSecond, quiet, replace, row, table, UNKNOWN,
} from './format.js';
import { Plot } from './plot.js';
import { VolumeMap, drawSpace } from './volumes.js';

const SAMPLES_MAX = 720;
const REFRESH_MS = 5000;
const FIRST_MAP_MS = 700;
const OPERATIONS_SHOWN = 10;
const FIRST = 'The first figures come in a few seconds.';
const AWAY = 'Not known while the daemon is away.';
const line = (field, label, ink) => ({ field, label, ink });
const PLOTS = [
  { title: 'Throughput', show: bytesPerSecond, tick: bytes, isBytes: true, least: 4096, series: [
    line('read_bytes', 'mount, read', 'ink1'), line('written_bytes', 'mount, written', 'ink2'),
    line('sent_bytes', 'HTTP, sent', 'ink3'), line('received_bytes', 'HTTP, received', 'ink4')] },
  { title: 'Requests', show: perSecond, tick: count, least: 4, series: [
    line('requests', 'mount', 'ink1'), line('http_requests', 'HTTP', 'ink3')] },
  { title: 'Latency', show: duration, logarithmic: true, least: 100_000, series: [] },
  { title: 'Commits', show: perSecond, tick: count, least: 4, series: [
    line('commits', 'commits', 'ink1'), line('syncs', 'syncs of devices', 'ink2')] },
  { title: 'Time of a sync', show: duration, logarithmic: true, least: 100_000, series: [
    line('device_sync_ns', 'mean, of devices', 'ink2')] },
  { title: 'Devices and upkeep', show: bytesPerSecond, tick: bytes, isBytes: true, least: 4096, series: [
    line('device_bytes', 'read for users', 'ink1'), line('appended_bytes', 'appended', 'ink2'),
    line('scrub_bytes', 'scrubbed', 'ink3'), line('moved_bytes', 'moved by compaction', 'ink4')] },
];
const LATENCY_PLOT = 2;

const latencies = (which) => [
  ['read', 'mount, read', 'ink1'], ['write', 'mount, write', 'ink2'], ['http', 'HTTP', 'ink3'], ['sync', 'fsync', 'ink4'],
].map(([name, label, ink]) => line(`${name}_${which}_ns`, label, ink));

// Samples as columns, joined from answers that each tell what is new.
class Samples {
  constructor() {
    this.began = null;
    this.rows = [];
  }
  get last() {
    return this.rows.length ? this.rows[this.rows.length - 1][0] : 0;
  }
  // False: the sidecar began anew, and what there is has to be asked for from the beginning.
  take(answer) {
    const same = this.began === null || this.began === answer.began;
    if (!same) this.rows = [];
    this.began = answer.began;
    this.fields = answer.fields;
    if (!same) return false;
    for (const row of answer.samples) if (row[0] > this.last) this.rows.push(row);
    this.rows.splice(0, this.rows.length - SAMPLES_MAX);
    return true;
  }
  columns() {
    const column = (field) => this.rows.map((row) => row[this.fields.indexOf(field)]);
    return { times: column('end_ms'), lengths: column('length_ms'), up: column('up'),
      columns: Object.fromEntries(this.fields.slice(4).map((field) => [field, column(field)])) };
  }
  newest(field) {
    return this.rows.length ? this.rows[this.rows.length - 1][this.fields.indexOf(field)] : null;
  }
}

function tile(name, title, value, more) {
  return element('div', { class: 'card tile', 'data-tile': name },
    element('h3', {}, title), element('p', { class: 'value' }, value), element('p', { class: 'more' }, more));
}

function bar(share, label) {
  return element('progress', { max: 1, value: Math.min(1, share), 'aria-label': label });
}

function operationRow({ over, name, per_second, bytes_per_second, p50_ns, p99_ns, share }) {
  const filled = element('span');
  filled.style.width = `${100 * share}%`;
  const operation = element('span', {}, name, element('span', { class: 'tag' }, over === 'http' ? 'HTTP' : 'mount'));
  const part = element('span', {}, element('span', { class: 'share wide' }, filled), percent(share));
  const moved = bytes_per_second ? bytesPerSecond(bytes_per_second) : UNKNOWN;
  return row([operation, ''], [perSecond(per_second), 'number'], [moved, 'number wide'], [duration(p50_ns), 'number wide'],
    [duration(p99_ns), 'number'], [part, 'number']);
}

function scrubPart({ upkeep, space, health }) {
  const passed = Math.min(space.live_bytes, upkeep.scrub_passed_bytes ?? 0);
  const share = space.live_bytes === 0 ? 1 : passed / space.live_bytes;
  const state = upkeep.scrubbing ? `a round is under way, ${percent(share)}` : 'at rest';
  const began = upkeep.scrub_round_began;
  const known = [['newest round', began ? `began ${dateOf(began)}` : 'none yet']];
  if (upkeep.scrubbing) known.push(['read of what lives', `${bytes(passed)} of ${bytes(space.live_bytes)}`]);
  known.push(['rounds since the mount', count(upkeep.scrub_rounds)], ['read since the mount', bytes(upkeep.scrub_read_bytes)],
    ['repairs', count(upkeep.scrub_repairs)],
    ['damaged places', element('span', { class: health.damaged > 0 ? 'bad' : null }, count(health.damaged))]);
  return element('div', { 'data-part': 'scrub' }, element('h3', {}, `Scrub: ${state}`),
    upkeep.scrubbing ? bar(share, 'How much of what lives this round has read') : null, facts(known));
}

function compactionPart({ upkeep, space }) {
  const { emptying, emptying_volume: volume, emptying_bytes: wanted } = upkeep;
  const done = Math.min(wanted ?? 0, upkeep.emptying_done_bytes ?? 0);
  const garbage = space.live_bytes ? `, ${percent(space.garbage_bytes / space.live_bytes)} of what lives` : '';
  const known = emptying ? [['moved out of it', `${bytes(done)} of ${bytes(wanted)}`]] : [];
  known.push(['garbage', bytes(space.garbage_bytes) + garbage], ['moved since the mount', bytes(upkeep.moved_bytes)],
    ['volumes emptied', count(upkeep.volumes_emptied)], ['volumes given back', count(upkeep.volumes_freed)],
    ['punched out in place', bytes(upkeep.punched_bytes)]);
  return element('div', { 'data-part': 'compaction' },
    element('h3', {}, `Compaction: ${emptying ? `volume ${volume} is being emptied` : 'at rest'}`),
    emptying ? bar(wanted ? done / wanted : 0, 'How much of the volume has moved') : null, facts(known));
}

function logPart({ log, upkeep, caches }) {
  return element('div', {}, element('h3', {}, 'Log and index'), facts([
    ['durable batch', log.durable_batch.toLocaleString('en')],
    ['batches not in the index', count(log.durable_batch - log.applied_batch)],
    ['snapshots since the mount', count(upkeep.snapshots_written)], ['waiting in memory', bytes(caches.dirty_bytes)]]));
}

export class Figures {
  // `ask(question)`: what api/... answers, as JSON. `tellState(now, why)`: for the head of the page.
  constructor(page, ask, tellState) {
    this.ask = ask;
    this.tellState = tellState;
    this.find = (selector) => page.querySelector(selector);
    this.samples = new Samples();
    this.ended = false;
    this.plots = PLOTS.map((options) => new Plot(this.find('#plots'), { ...options, onCursor: (ms) => this.setCursor(ms) }));
    this.map = new VolumeMap(this.find('#map'), this.find('#volume'));
    this.find('#percentile').onchange = () => this.choosePercentile();
    this.choosePercentile();
  }

  choosePercentile() {
    const plot = this.plots[LATENCY_PLOT];
    plot.setSeries(latencies(this.find('#percentile input:checked').value));
  }
  setCursor(ms) {
    for (const plot of this.plots) plot.setCursor(ms);
  }

  // What is still on its way is not drawn any more.
  end() {
    this.ended = true;
  }

  // In how many milliseconds to come again.
  async refresh() {
    let answer = await this.ask(`figures?since=${this.samples.last}`);
    if (!this.samples.take(answer)) {
      answer = await this.ask('figures?since=0');
      this.samples.take(answer);
    }
    if (this.ended) return undefined;
    this.tellState(answer.now, answer.why);
    const data = this.samples.columns();
    for (const plot of this.plots) plot.setData(data);
    this.drawTiles(answer.now);
    this.drawOperations(answer.operations, answer.now);
    this.drawUpkeep(answer.now);
    drawSpace(this.find('#space'), answer.now);
    if (!answer.now) {
      this.map.clear(AWAY);
      return REFRESH_MS;
    }
    const map = await this.ask('volumes');
    if (!this.ended) this.map.draw(map, answer.now);
    return map.volumes === null ? FIRST_MAP_MS : REFRESH_MS;
  }

  drawTiles(now) {
    const newest = (field) => this.samples.newest(field);
    const rate = (field) => bytesPerSecond(newest(field));
    const within = (field) => `99 % within ${duration(newest(field))}`;
    const space = now ? now.space : null;
    const used = space && space.total_bytes ? percent(1 - space.free_bytes / space.total_bytes) : UNKNOWN;
    replace(this.find('.tiles'),
      tile('read', 'Mount, read', rate('read_bytes'), within('read_p99_ns')),
      tile('written', 'Mount, written', rate('written_bytes'), within('write_p99_ns')),
      tile('http', 'HTTP, sent', rate('sent_bytes'), `${rate('received_bytes')} received`),
      tile('requests', 'Requests', perSecond(newest('requests')), `${perSecond(newest('http_requests'))} over HTTP`),
      tile('commits', 'Commits', perSecond(newest('commits')), `${duration(newest('device_sync_ns'))} a sync`),
      tile('files', 'Files and directories', space ? space.inodes.toLocaleString('en') : UNKNOWN,
        now ? `${count(now.caches.open_files)} open` : UNKNOWN),
      tile('space', 'Free', space ? bytes(space.free_bytes) : UNKNOWN,
        space ? `of ${bytes(space.total_bytes)}, ${used} used` : UNKNOWN));
  }

  drawOperations(operations, now) {
    const place = this.find('#operations');
    const none = !now ? AWAY : this.samples.rows.length === 0 ? FIRST : 'Nobody asked for anything.';
    if (operations.length === 0) return replace(place, quiet(none));
    const columns = [['operation', ''], ['rate', 'number'], ['bytes', 'number wide'], ['median', 'number wide'],
      ['99 %', 'number'], ['of the time', 'number']];
    const rows = operations.slice(0, OPERATIONS_SHOWN).map(operationRow);
    replace(place, table(columns, element('tbody', {}, ...rows)));
  }

  drawUpkeep(now) {
    const place = this.find('#upkeep');
    if (!now) return replace(place, quiet(AWAY));
    replace(place, scrubPart(now), compactionPart(now), logPart(now));
  }
}
