// The page: who looks at it, which view is shown, and what is said when something is away.
import { element, failed, plural, replace } from './format.js';
import { Browser } from './browser.js';
import { Figures } from './figures.js';

const RETRY_MS = 3000;
// What tells of the store, and is emptied when nobody is signed in.
const FILLED = ['#path', '#listing', '.tiles', '#plots', '#map', '#volume', '#space', '#operations', '#upkeep'];
const VIEWS = ['wait', 'sign-in', 'figures', 'objects'];

const find = (selector) => document.querySelector(selector);
const session = { token: null, open: false, renewAtMs: 0 };

class Refusal extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function get(path, authorization) {
  const headers = authorization ? { Authorization: authorization } : {};
  const response = await fetch(`api/${path}`, { headers, credentials: 'omit', cache: 'no-store' });
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(response.status, answer.error ?? `The sidecar answered ${response.status}.`);
  return answer;
}

async function ask(question) {
  try {
    if (session.token !== null && Date.now() > session.renewAtMs) take(await get('session', `Bearer ${session.token}`));
    return await get(question, session.token === null ? null : `Bearer ${session.token}`);
  } catch (error) {
    if (error.status === 401) signOut('You were signed out. Sign in again.');
    if (!(error instanceof Refusal)) throw new Refusal(0, 'The sidecar does not answer.');
    throw error;
  }
}

function take(answer) {
  session.open = answer.open;
  session.user = answer.user;
  session.token = answer.token ?? null;
  session.renewAtMs = Date.now() + (1000 * (answer.token_seconds ?? 0)) / 2;
}

function show(view) {
  for (const name of VIEWS) find(`#${name}`).hidden = name !== view;
}

function signOut(why) {
  session.token = null;
  find('nav').hidden = true;
  find('#who').hidden = true;
  find('#health').textContent = '';
  find('#store').textContent = '';
  find('#sign-in .refusal').textContent = why;
  // What was seen is not left for who comes next.
  if (figures) figures.end();
  if (browser) browser.end();
  figures = null;
  for (const place of FILLED) replace(find(place));
  banner('');
  show('sign-in');
}

function banner(text) {
  find('#banner').textContent = text;
  find('#banner').hidden = text === '';
}

function tellState(now, why) {
  const pill = find('#health');
  const state = !now ? ['away', 'bad'] : now.health.state === 'failed' ? ['takes no changes: a write or a sync failed', 'bad']
    : now.health.state === 'damaged' ? [plural(now.health.damaged, 'damaged place'), 'bad']
      : now.store.read_only ? ['read-only', ''] : ['healthy', 'good'];
  if (pill.textContent !== state[0]) pill.textContent = state[0];
  pill.className = `pill ${state[1]}`;
  if (now) find('#store').textContent = now.store.label || now.store.uuid.slice(0, 8);
  banner(now ? '' : `${why ?? 'There are no figures yet.'} What is shown goes on by itself when it is back.`);
  find('#figures').classList.toggle('stale', !now);
}

let figures = null;
let browser = null;
let timer = null;

async function refresh() {
  clearTimeout(timer);
  if (session.token === null && !session.open) return;
  let wait = RETRY_MS;
  const mine = figures;
  try {
    wait = await figures.refresh();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 401 || mine !== figures) return;
    if (error.status !== 503) banner(`${error.message} Trying again.`);
  }
  if (mine === figures) timer = setTimeout(refresh, wait);
}

function route() {
  if (session.token === null && !session.open) return;
  const place = location.hash.replace(/^#\//, '') || 'figures';
  const isObjects = /^objects?(\/|$)/.test(place);
  for (const link of document.querySelectorAll('nav a')) {
    if ((link.getAttribute('href') === '#/objects') === isObjects) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  show(isObjects ? 'objects' : 'figures');
  document.title = `${isObjects ? 'Objects' : 'Figures'} – ciaosfs`;
  if (isObjects) browser.open(place);
}

function enter() {
  find('nav').hidden = false;
  find('#who').hidden = session.open;
  find('#who span').textContent = session.user ?? '';
  figures = new Figures(document, ask, tellState);
  browser = new Browser(document, ask);
  route();
  refresh();
}

async function start() {
  try {
    const answer = await get('session');
    take(answer);
    if (answer.open) return enter();
    show('sign-in');
    if (answer.private) return find('#sign-in input').focus();
    const why = 'Secrets travel over TLS or within this machine only. Open the page by https, '
      + 'or through a tunnel to the sidecar\u2019s own machine.';
    replace(find('#sign-in form'), element('h2', {}, 'Not over this connection'), element('p', {}, why));
  } catch (error) {
    const isRefusal = error instanceof Refusal;
    replace(find('#wait'), failed(isRefusal ? error.message : 'The sidecar does not answer. Trying again.'));
    if (!isRefusal || error.status >= 500) setTimeout(start, RETRY_MS);
  }
}

find('#sign-in form').addEventListener('submit', async (event) => {
  event.preventDefault();
  const form = event.target;
  const refusal = find('#sign-in .refusal');
  const pair = new TextEncoder().encode(`${form.key.value.trim()}:${form.secret.value.trim()}`);
  refusal.textContent = '';
  try {
    take(await get('session', `Basic ${btoa(String.fromCharCode(...pair))}`));
    form.reset();
    enter();
  } catch (error) {
    refusal.textContent = error instanceof Refusal ? error.message : 'The sidecar does not answer.';
  }
});
find('#who button').addEventListener('click', () => signOut(''));
window.addEventListener('hashchange', route);
start();
