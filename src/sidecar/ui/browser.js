// Buckets and objects: a page of a listing at a time, and of one object what is known of it, with a preview of an image.
import { bytes, dateOf, element, facts, failed, quiet, replace, row, shownName, table, UNKNOWN } from './format.js';

const PREVIEW_BYTES_MAX = 32 * 1024 * 1024;
const LINK_FRESH_MS = 5 * 60_000;

const linkTo = (...parts) => `#/${parts.join('/')}`;

function bucketRow({ name, owner, modified }) {
  const link = element('a', { href: linkTo('objects', name, '') }, shownName(name));
  return row([link, ''], [owner || element('span', { class: 'quiet' }, 'nobody'), ''], [dateOf(modified), 'number wide']);
}

// null for the directory itself.
function entryRow(bucket, prefix, entry) {
  const full = entry.prefix ?? entry.key;
  const name = shownName(full.slice(prefix.length));
  if (name === '') return null;
  if (entry.prefix !== undefined || full.endsWith('/')) {
    const link = element('a', { href: linkTo('objects', bucket, full) }, name);
    return row([link, ''], ['', 'number'], ['directory', 'wide'], ['', 'number wide']);
  }
  const link = element('a', { href: linkTo('object', bucket, full) }, name);
  return row([link, ''], [bytes(entry.size), 'number'], [entry.type || UNKNOWN, 'wide'], [dateOf(entry.modified), 'number wide']);
}

export class Browser {
  constructor(page, ask) {
    this.ask = ask;
    this.path = page.querySelector('#path');
    this.listing = page.querySelector('#listing');
    this.shown = null;
  }

  end() {
    this.shown = null;
  }

  // `place`: what follows "#/" in the address: "objects", "objects/BUCKET/PREFIX", "object/BUCKET/KEY".
  async open(place) {
    this.shown = place;
    const [kind, bucket, ...rest] = place.split('/');
    const name = rest.join('/');
    this.drawPath(bucket, name);
    replace(this.listing, quiet('Loading\u2026'));
    try {
      const drawn = kind === 'object' ? await this.drawObject(bucket, name, place)
        : bucket ? await this.drawEntries(bucket, name) : await this.drawBuckets();
      if (drawn && this.shown === place) replace(this.listing, ...drawn);
    } catch (error) {
      if (this.shown !== place || error.status === 401) return;
      const again = element('button', { type: 'button' }, 'Try again');
      again.addEventListener('click', () => this.open(place));
      replace(this.listing, failed(error.message), element('p', {}, again));
    }
  }

  drawPath(bucket, name) {
    const steps = [element('a', { href: linkTo('objects') }, 'Buckets')];
    if (bucket) steps.push(element('a', { href: linkTo('objects', bucket, '') }, shownName(bucket)));
    const parts = name.split('/');
    parts.forEach((part, i) => {
      if (part === '') return;
      const isLast = i === parts.length - 1;
      const upTo = `${parts.slice(0, i + 1).join('/')}/`;
      const text = shownName(part);
      steps.push(isLast ? element('b', {}, text) : element('a', { href: linkTo('objects', bucket, upTo) }, text));
    });
    replace(this.path, ...steps.flatMap((step, i) => (i === 0 ? [step] : [' / ', step])));
  }

  drawBuckets() {
    const columns = [['bucket', ''], ['owner', ''], ['changed', 'number wide']];
    const none = 'There is no bucket that you may list.';
    return this.drawList({ question: 'buckets?after=', what: 'buckets', columns, none, rowOf: bucketRow });
  }
  drawEntries(bucket, prefix) {
    const columns = [['name', ''], ['size', 'number'], ['kind', 'wide'], ['changed', 'number wide']];
    const question = `objects?bucket=${bucket}&prefix=${prefix}&after=`;
    const rowOf = (entry) => entryRow(bucket, prefix, entry);
    return this.drawList({ question, what: 'entries', columns, none: 'There is nothing here.', rowOf });
  }

  // A table that grows by a page at a time.
  async drawList({ question, what, columns, none, rowOf }) {
    let page = await this.ask(question);
    const rows = element('tbody', {}, ...page[what].map(rowOf).filter((made) => made !== null));
    if (rows.children.length === 0 && page.next === null) return [quiet(none)];
    const more = element('button', { type: 'button', class: 'more' }, 'More');
    more.hidden = page.next === null;
    more.addEventListener('click', async () => {
      more.disabled = true;
      try {
        page = await this.ask(question + page.next);
        rows.append(...page[what].map(rowOf).filter((made) => made !== null));
        more.textContent = 'More';
      } catch (error) {
        more.textContent = `${error.message} Try again`;
      }
      more.disabled = false;
      more.hidden = page.next === null;
    });
    return [table(columns, rows), more];
  }

  async drawObject(bucket, key, place) {
    const question = `object?bucket=${bucket}&key=${key}`;
    const about = await this.ask(question);
    const known = [['size', `${bytes(about.size)}${about.size >= 1024 ? ` (${about.size.toLocaleString('en')} bytes)` : ''}`],
      ['changed', dateOf(about.modified)], ['content type', about.type || 'none was given'], ['ETag', about.etag],
      ...Object.entries(about.metadata).map(([name, value]) => [`metadata ${name}`, value])];
    const whose = { client: 'with a key that only its owner has', sidecar: 'with a key of the sidecar\u2019s' };
    if (about.encrypted) known.push(['encrypted', whose[about.encrypted]]);
    const words = element('div', {}, facts(known));
    const preview = element('div', { id: 'preview' });
    if (about.link === null) return [element('div', { class: 'object' }, words)];
    words.append(this.downloadLink(about.link, question));
    this.drawPreview(preview, about, place);
    return [element('div', { class: 'object' }, words, preview)];
  }

  // Links are good for some minutes; a page that was left open asks for another one.
  downloadLink(link, question) {
    const made = Date.now();
    const anchor = element('a', { class: 'download', href: link, download: '' }, 'Download');
    anchor.addEventListener('click', async (event) => {
      if (Date.now() - made < LINK_FRESH_MS) return;
      event.preventDefault();
      const { link: fresh } = await this.ask(question);
      const again = this.downloadLink(fresh, question);
      anchor.replaceWith(again);
      again.click();
    });
    return anchor;
  }

  async drawPreview(place, about, shown) {
    if (about.size > PREVIEW_BYTES_MAX) return replace(place, quiet('Too large for a preview.'));
    // What it is, its bytes say and not its label.
    const head = await fetch(about.link, { method: 'HEAD', credentials: 'omit' }).catch(() => null);
    if (this.shown !== shown) return;
    if (head === null || !head.ok) return replace(place, failed('The object cannot be read.'));
    if (!(head.headers.get('Content-Type') ?? '').startsWith('image/'))
      return replace(place, quiet('No preview: it is no image of pixels.'));
    const image = element('img', { src: about.link, alt: `Preview of ${shownName(about.key)}` });
    const size = element('p', { class: 'quiet' });
    image.addEventListener('load', () => { size.textContent = `${image.naturalWidth} × ${image.naturalHeight} pixels`; });
    image.addEventListener('error', () => replace(place, failed('The image cannot be drawn.')));
    replace(place, image, size);
  }
}
