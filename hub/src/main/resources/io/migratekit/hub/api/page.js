// What does the hub say, and since when? Asked again every few seconds while somebody looks; one question at a time, each with a time limit.

import {el, say, remake, keyed, size, count, percent, duration, age, clock, time, hubSays} from './page-words.js';
import {drawRunning, tick} from './page-running.js';
import {VmView, alarm, mark} from './page-vm.js';

const EVERY_MILLIS = 3_000;
const ANSWER_MILLIS = 5_000;
/** The list of all VMs takes longer, and is asked for when something has changed, or now and then. */
const LIST_MILLIS = 30_000;
const LIST_EVERY_MILLIS = 60_000;
/** Of the hub's time, answering the list may take one part in so many. */
const LIST_SHARE = 20;
const ROWS = 100;
const SPACE_WORRIES = 0.1;
const KEPT = 'migratekit-hub-token';

const $ = (id) => document.getElementById(id);
const looks = {
  token: sessionStorage.getItem(KEPT) ?? '',
  status: null,
  vms: null,
  open: null,
  rows: ROWS,
  askedAt: -Infinity,
  tookMillis: 0,
  changes: null,
  troubles: new Map(),
  isAsking: false,
  again: false,
  needsToken: false,
};
let timer;

class TokenNeeded extends Error {}

async function ask(path, limitMillis = ANSWER_MILLIS) {
  let answer;
  try {
    answer = await fetch(path, {
      headers: looks.token ? {Authorization: `Bearer ${looks.token}`} : {},
      signal: AbortSignal.timeout(limitMillis),
      cache: 'no-store', credentials: 'omit', redirect: 'error', mode: 'same-origin', referrerPolicy: 'no-referrer',
    });
    if (answer.ok) {
      return await answer.json();
    }
  } catch (e) {
    throw new Error(e.name === 'TimeoutError' ? `no answer within ${limitMillis / 1000} s` : `it cannot be reached (${e.message})`);
  }
  if (answer.status === 401) {
    throw new TokenNeeded();
  }
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail ?? `it answers ${answer.status}`);
}

// ---- asking

async function round() {
  if (looks.isAsking || looks.needsToken || document.hidden) {
    return;
  }
  clearTimeout(timer);
  looks.isAsking = true;
  try {
    if (await asked('status', 'the hub', askStatus)) {
      await asked('vms', 'the list of VMs', askVms);
      await asked('vm', 'the opened VM', askOpened);
    }
  } catch (e) {
    if (!(e instanceof TokenNeeded)) {
      throw e;
    }
    needToken();
  } finally {
    looks.isAsking = false;
    timer = setTimeout(round, looks.again ? 0 : EVERY_MILLIS);
    looks.again = false;
  }
}

/** Whether it was answered; if not, the page says so until it is. */
async function asked(kind, what, question) {
  try {
    await question();
    if (looks.troubles.delete(kind)) {
      tell(kind === 'status' ? 'The hub answers again.' : `${what} is up to date again.`);
    }
    drawTroubles();
    return true;
  } catch (e) {
    if (e instanceof TokenNeeded) {
      throw e;
    }
    if (!looks.troubles.has(kind)) {
      looks.troubles.set(kind, {what, since: looks[`${kind}At`]});
      tell(`No answer from ${what}.`);
    }
    looks.troubles.get(kind).why = e.message;
    drawTroubles();
    return false;
  }
}

async function askStatus() {
  const status = await ask('api/v1/status');
  hubSays(status.now);
  const before = looks.status;
  looks.status = status;
  looks.statusAt = new Date();
  $('door').hidden = true;
  $('house').hidden = false;
  $('leave').hidden = !looks.token;
  tellNews(before, status);
  drawStatus();
}

async function askVms() {
  const now = performance.now();
  const isDue = now - looks.askedAt > Math.max(LIST_EVERY_MILLIS, looks.tookMillis * LIST_SHARE);
  const hasChanged = looks.status.changes !== looks.changes && now - looks.askedAt > looks.tookMillis * LIST_SHARE;
  if (!isDue && !hasChanged && !looks.troubles.has('vms')) {
    return;
  }
  const changes = looks.status.changes;
  const {vms} = await ask('api/v1/vms', LIST_MILLIS);
  looks.tookMillis = performance.now() - now;
  looks.askedAt = performance.now();
  looks.changes = changes;
  looks.vmsAt = new Date();
  const byName = new Intl.Collator('en', {numeric: true}).compare;
  looks.vms = vms.sort((a, b) => isCalm(a) - isCalm(b) || byName(a.name, b.name) || byName(a.id, b.id));
  if (looks.open) {
    looks.open.isStale = true;
  }
  drawVms();
  drawGlance();
  drawAlarms();
}

async function askOpened() {
  const view = looks.open;
  if (view && (view.isStale || looks.troubles.has('vm'))) {
    view.isStale = false;
    await view.refresh();
    looks.vmAt = new Date();
  }
}

const isCalm = (vm) => !vm.alarms?.length;

// ---- telling

/** What a screen reader says by itself: little, and only when something has changed. */
function tell(words) {
  say($('news'), words);
}

function tellNews(before, after) {
  if (!before) {
    return;
  }
  const were = new Map(before.open.map((backup) => [backup.id, backup]));
  const are = new Map(after.open.map((backup) => [backup.id, backup]));
  const begun = after.open.filter((backup) => !were.has(backup.id)).map((backup) => `A backup of ${backup.vmName} has begun.`);
  const ended = before.open.filter((backup) => !are.has(backup.id)).map((backup) => `The backup of ${backup.vmName} is not being written any more.`);
  if (begun.length + ended.length) {
    tell([...begun, ...ended].slice(0, 4).join(' '));
  }
}

function drawTroubles() {
  const list = $('troubles');
  keyed(list, [...looks.troubles.values()], (trouble) => trouble.what, () => el('li'), (li, {what, since, why}) => say(li,
    `⚠ No answer from ${what} ${since ? `since ${clock(since)}: ${why}. What is shown of it is of then.` : `yet: ${why}.`} It is asked again every few seconds.`));
  list.hidden = !looks.troubles.size;
  drawFreshness();
}

function drawFreshness() {
  const node = $('freshness');
  const isStale = looks.troubles.has('status');
  node.className = isStale ? 'stale' : '';
  say(node, !looks.statusAt ? 'Asks the hub …' : `${isStale ? 'State of' : 'Up to date,'} ${clock(looks.statusAt)}`);
}

// ---- drawing

function drawStatus() {
  const {status} = looks;
  say($('about'), `version ${status.version}, repository ${status.repository.slice(0, 8)}`);
  drawRunning($('running'), status.open);
  $('running-none').hidden = status.open.length > 0;
  drawGlance();
  drawAlarms();
  drawFreshness();
}

function drawAlarms() {
  const all = [...(looks.status?.alarms ?? []), ...(looks.vms ?? []).flatMap((vm) => vm.alarms ?? [])];
  const shown = all.slice(0, 20);
  if (all.length > shown.length) {
    shown.push(`and ${all.length - shown.length} more: tick “Only with alarms” below`);
  }
  keyed($('alarms'), [...new Set(shown)], (words) => words, alarm, () => {});
  $('alarms-none').hidden = all.length > 0 || !looks.vms;
  if (looks.alarmCount !== undefined && looks.alarmCount !== all.length) {
    tell(all.length ? `${count(all.length, 'alarm', 'alarms')} now.` : 'No alarm any more.');
  }
  looks.alarmCount = looks.vms ? all.length : undefined;
}

function drawGlance() {
  const {status, vms} = looks;
  const alarms = [...status.alarms, ...(vms ?? []).flatMap((vm) => vm.alarms ?? [])].length;
  const free = status.totalBytes ? status.freeBytes / status.totalBytes : 0;
  const good = (vms ?? []).filter((vm) => vm.lastGood).length;
  const lasts = status.spaceSeconds === undefined ? '' : `; lasts ${duration(status.spaceSeconds)} at this week’s pace`;
  const rates = status.open.map((backup) => (backup.state === 'open' && !backup.work && Number(backup.progress?.progress?.bytesPerSecond)) || 0);
  const tiles = [
    ['Alarms', vms ? `${alarms ? '⚠ ' : ''}${alarms}` : '…', alarms ? 'listed below' : 'all is well', alarms ? 'warn' : ''],
    ['Backups under way', String(status.open.length), rates.some(Boolean) ? `${size(rates.reduce((sum, rate) => sum + rate, 0))}/s in all` : 'right now', ''],
    ['Virtual machines', vms ? vms.length.toLocaleString('en') : '…', vms ? `${good.toLocaleString('en')} with a good restore point` : '', ''],
    ['Free space', size(status.freeBytes), `${percent(status.freeBytes, status.totalBytes)} % of ${size(status.totalBytes)}${lasts}`,
      free < SPACE_WORRIES ? 'warn' : ''],
  ];
  keyed($('glance'), tiles, ([name]) => name,
    ([name]) => el('div', {}, el('dt', {}, name), el('dd', {class: 'figure'}), el('dd', {class: 'note'})),
    (node, [, figure, note, kind]) => {
      say(node.children[1], figure);
      say(node.children[2], note);
      node.className = kind;
    });
}

function drawVms() {
  if (!looks.vms) {
    return;
  }
  const wanted = $('filter').value.trim().toLowerCase();
  const fits = looks.vms.filter((vm) => (!wanted || vm.name.toLowerCase().includes(wanted) || vm.id.toLowerCase().includes(wanted))
    && (!$('only-alarms').checked || !isCalm(vm)));
  const shown = fits.slice(0, looks.rows);
  if (looks.open && !shown.some((vm) => vm.id === looks.open.id)) {
    const opened = looks.vms.find((vm) => vm.id === looks.open.id && fits.includes(vm));
    opened ? shown.push(opened) : close();
  }
  keyed($('vm-table'), shown, (vm) => vm.id, vmBody, drawVm);
  $('vm-table').hidden = !shown.length;
  say($('vm-count'), !looks.vms.length ? 'The hub knows no VM yet: `migratekit migrate --hub` makes the first backup.'
    : `${shown.length < fits.length ? `The first ${shown.length.toLocaleString('en')} of ` : ''}${count(fits.length, 'VM', 'VMs')}`
      + (fits.length < looks.vms.length ? ` of ${looks.vms.length.toLocaleString('en')} that fit` : ''));
  $('more').hidden = shown.length >= fits.length;
  say($('more'), `Show ${Math.min(ROWS, fits.length - shown.length)} more`);
}

function vmBody(vm) {
  const button = el('button', {type: 'button', 'aria-expanded': 'false'});
  const row = el('tr', {}, el('th', {scope: 'row', class: 'name'}, button), el('td'), el('td', {class: 'number wide'}),
    el('td', {class: 'number wide'}), el('td'));
  const body = el('tbody', {}, row);
  body.button = button;
  button.addEventListener('click', () => (looks.open?.id === vm.id ? close() : open(vm.id, body)));
  return body;
}

function drawVm(body, vm) {
  const [, last, points, stored, state] = body.firstChild.children;
  body.vm = vm;
  say(body.button, vm.name || '(no name)');
  remake(last, [vm.lastGood, Math.floor(Date.now() / 60_000)], () => vm.lastGood?.takenAt
    ? [time(vm.lastGood.takenAt), ' ', el('span', {class: 'age'}, `(${age(vm.lastGood.takenAt)})`)]
    : [vm.lastGood ? vm.lastGood.id : 'none']);
  say(points, vm.points.toLocaleString('en'));
  say(stored, size(vm.bytes));
  remake(state, [vm.alarms, Boolean(vm.lastGood), vm.points], () => vm.alarms?.length ? [mark('warn', '⚠', count(vm.alarms.length, 'alarm', 'alarms'))]
    : vm.lastGood ? [mark('good', '✓', 'good')] : [mark('muted', '–', vm.points ? 'no good point' : 'no restore point')]);
  if (looks.open?.id === vm.id) {
    looks.open.show(vm);
  }
}

// ---- what the reader does

function open(id, body) {
  close();
  const view = new VmView(id, ask);
  const row = el('tr', {class: 'opened', id: `opened-${id}`}, el('td', {colspan: '5'}, view.node));
  looks.open = Object.assign(view, {row, button: body.button, isStale: true});
  body.append(row);
  body.button.setAttribute('aria-expanded', 'true');
  body.button.setAttribute('aria-controls', row.id);
  view.show(body.vm);
  soon();
}

function close() {
  if (looks.open) {
    looks.open.button.setAttribute('aria-expanded', 'false');
    looks.open.button.removeAttribute('aria-controls');
    looks.open.close();
    looks.open.row.remove();
    looks.open = null;
    looks.troubles.delete('vm');
    drawTroubles();
  }
}

/** At once, or when what is being asked was answered. */
function soon() {
  looks.again = looks.isAsking;
  round();
}

function needToken() {
  const wasRefused = Boolean(looks.token);
  looks.token = '';
  looks.needsToken = true;
  sessionStorage.removeItem(KEPT);
  close();
  looks.status = looks.vms = null;
  looks.troubles.clear();
  drawTroubles();
  // Who has no token sees nothing of what was seen before, not in the page's source either.
  for (const id of ['vm-table', 'running', 'alarms', 'glance']) {
    keyed($(id), [], () => '', () => null, () => {});
  }
  for (const id of ['vm-count', 'about', 'news']) {
    say($(id), '');
  }
  $('filter').value = '';
  $('house').hidden = true;
  $('leave').hidden = true;
  $('door').hidden = false;
  say($('freshness'), 'Waits for a token');
  say($('door-problem'), wasRefused ? 'The hub does not know this token.' : '');
  $('token').setAttribute('aria-invalid', String(wasRefused));
  $('token').value = '';
  $('token').focus();
}

$('door-form').addEventListener('submit', (event) => {
  event.preventDefault();
  looks.token = $('token').value.trim();
  // What no token has in it cannot be sent in a header, and would fail as if the hub were away.
  if (!/^[\x21-\x7e]+$/.test(looks.token)) {
    looks.token = ' ';
    needToken();
    return;
  }
  sessionStorage.setItem(KEPT, looks.token);
  looks.needsToken = false;
  looks.askedAt = -Infinity;
  soon();
});
$('leave').addEventListener('click', () => {
  looks.token = '';
  needToken();
});
for (const id of ['filter', 'only-alarms']) {
  $(id).addEventListener('input', () => {
    looks.rows = ROWS;
    drawVms();
  });
}
$('filter-form').addEventListener('submit', (event) => event.preventDefault());
$('more').addEventListener('click', () => {
  looks.rows += ROWS;
  drawVms();
});
document.addEventListener('visibilitychange', () => (document.hidden ? clearTimeout(timer) : soon()));
// Ages stand still with the rest when the hub is silent: it is not the agents that were not heard then.
setInterval(() => document.hidden || looks.troubles.has('status') || tick($('running')), 1_000);
round();
