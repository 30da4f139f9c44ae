// How far is a backup that is being written, how fast does it go, and what does it wait for? As its agent said last.

import {el, say, remake, keyed, size, percent, duration, age, ageSeconds} from './page-words.js';
import {sparkline} from './page-pictures.js';

/** An agent says something every few seconds. */
const UNHEARD_SECONDS = 30;
const MOST_RATES = 60;

/** Draws a card for each; those that stay are the same elements. */
export function drawRunning(parent, open) {
  keyed(parent, open, (backup) => backup.id, card, drawCard);
}

/** Once a second: nothing but the ages. */
export function tick(parent) {
  for (const node of parent.children) {
    if (node.backup) {
      drawHeard(node);
    }
  }
}

function card(backup) {
  const id = `run-${backup.id}`;
  const parts = {name: el('span'), id: el('span'), bar: el('progress', {max: '100'}), facts: {}, spark: el('span')};
  const list = el('dl');
  for (const name of ['Done', 'Rate', 'Time left', 'Now', 'Look at', 'Heard']) {
    const value = el('dd');
    parts.facts[name] = {title: el('dt', {}, name), value};
    list.append(parts.facts[name].title, value);
  }
  parts.rate = el('strong');
  parts.facts.Rate.value.append(el('span', {class: 'rate'}, parts.rate, parts.spark));
  const node = el('article', {'aria-labelledby': id}, el('h3', {id}, parts.name, parts.id), parts.bar, list);
  node.parts = parts;
  node.rates = [];
  return node;
}

function fact(node, name, words, kind = '') {
  const {title, value} = node.parts.facts[name];
  title.hidden = value.hidden = !words;
  say(value, words);
  value.className = kind;
}

function drawCard(node, backup) {
  const {parts} = node;
  const report = understood(backup.progress);
  const {progress} = report;
  node.backup = backup;
  say(parts.name, backup.vmName);
  say(parts.id, `${backup.id}, ${[...new Set(backup.disks.map((disk) => disk.kind))].join(' + ')}, ${backup.disks.length} ${backup.disks.length === 1 ? 'disk' : 'disks'}`);
  const [done, planned] = backup.work ? [backup.work.doneBytes, backup.work.totalBytes]
    : [progress.doneBytes ?? 0, progress.plannedBytes ?? 0];
  drawBar(node, done, planned);
  drawRate(node, backup, progress);
  fact(node, 'Time left', !backup.work && backup.state === 'open' ? left(progress.eta) : '');
  const [words, kind] = now(backup, report);
  fact(node, 'Now', words, kind);
  fact(node, 'Look at', report.remedy && !backup.work ? report.remedy : '');
  drawHeard(node);
}

function drawBar(node, done, planned) {
  const {bar} = node.parts;
  const share = percent(done, planned);
  bar.hidden = planned <= 0;
  bar.value = share;
  bar.setAttribute('aria-label', `${node.backup.vmName}: ${node.backup.work ? 'sealed' : 'done'} so far`);
  fact(node, 'Done', planned > 0 ? `${share} %, ${size(done)} of ${size(planned)}` : '');
}

function drawRate(node, backup, progress) {
  const {parts} = node;
  const rate = progress.bytesPerSecond;
  const is = rate !== undefined && !backup.work && backup.state === 'open';
  parts.facts.Rate.title.hidden = parts.facts.Rate.value.hidden = !is;
  if (is && node.saidAt !== backup.heardAt) {
    node.saidAt = backup.heardAt;
    node.rates = [...node.rates, rate].slice(-MOST_RATES);
  }
  if (is) {
    say(parts.rate, `${size(rate)}/s`);
    remake(parts.spark, node.rates, () => (node.rates.length > 2 ? [sparkline(node.rates)] : []));
  }
}

function left(eta) {
  if (eta.seconds === undefined) {
    return '';
  }
  const words = duration(eta.seconds);
  return eta.kind === 'at-least' ? `at least ${words}` : eta.kind === 'estimated' ? `about ${words}, estimated` : `about ${words}`;
}

/** What happens, and whether it is to worry about. */
function now(backup, report) {
  const {work} = backup;
  if (work) {
    return [`The hub seals it: ${work.step}${work.disk === undefined ? '' : `, disk ${work.disk}`}, for ${duration(ageSeconds(work.since))}`, ''];
  }
  if (backup.state === 'dormant') {
    return ['⚠ Dormant: its agent was not heard and its exports ended. What was written stays; the same job id goes on with it.', 'warn'];
  }
  const failure = backup.disks.find((disk) => disk.exportFailure);
  if (failure) {
    return [`⚠ Disk ${failure.key} is not served: ${failure.exportFailure}`, 'bad'];
  }
  if (!report.motion && !report.wait) {
    return ['Its agent does not say how far it is.', ''];
  }
  if (report.wait) {
    return [`Waits for ${report.wait.what}, since ${duration(ageSeconds(report.wait.since))}, at most ${duration(report.wait.atMostSeconds)}`, ''];
  }
  const held = new Map([['slow', '⚠ Slow: '], ['stalled', '⚠ Stalled: ']]).get(report.motion);
  if (held) {
    return [held + report.why, report.motion === 'stalled' ? 'bad' : 'warn'];
  }
  return [report.why || stages(report) || 'It moves.', ''];
}

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const object = (value) => (isObject(value) ? value : {});
const list = (value) => (Array.isArray(value) ? value.filter(isObject) : []);
const number = (value) => (Number.isFinite(value) && value >= 0 ? value : undefined);
const text = (value) => (typeof value === 'string' ? value.slice(0, 500) : '');

/** The hub hands on whatever an agent has said: only what is of the right kind is looked at. */
function understood(said) {
  const {motion, why, remedy, wait, progress, workers} = object(said);
  const {plannedBytes, doneBytes, bytesPerSecond, eta} = object(progress);
  const since = Date.parse(text(object(wait).since));
  return {
    motion: text(motion), why: text(why), remedy: text(remedy),
    wait: text(object(wait).what) && Number.isFinite(since)
      ? {what: text(wait.what), since: wait.since, atMostSeconds: number(wait.atMostSeconds) ?? 0} : null,
    progress: {plannedBytes: number(plannedBytes), doneBytes: number(doneBytes), bytesPerSecond: number(bytesPerSecond),
      eta: {kind: text(object(eta).kind), seconds: number(object(eta).seconds)}},
    workers: list(workers).slice(0, 256).map((worker) => ({stage: text(worker.stage),
      connections: list(worker.connections).filter((one) => number(object(one.oldest).millis) !== undefined)
        .map((one) => ({side: text(one.side), oldest: {kind: text(one.oldest.kind), millis: one.oldest.millis}}))})),
  };
}

const STAGES = new Map(Object.entries({'listing-extents': 'asks what is data', copying: 'copies', flushing: 'waits for a flush',
  verifying: 'compares', 'backing-off': 'waits before it tries again', 'rate-limited': 'held back by its rate limit',
  connecting: 'connects', paused: 'paused', 'waiting-for-others': 'waits for the others', journal: 'writes down how far it is'}));

/** What the workers do, and the request that has waited for its answer the longest. */
function stages(report) {
  const counts = new Map();
  let oldest;
  for (const worker of report.workers) {
    const words = STAGES.get(worker.stage);
    if (words) {
      counts.set(words, (counts.get(words) ?? 0) + 1);
    }
    for (const connection of worker.connections) {
      if (!oldest || connection.oldest.millis > oldest.millis) {
        oldest = {...connection.oldest, side: connection.side};
      }
    }
  }
  const doing = [...counts].map(([words, number]) => `${number} ${number === 1 ? 'worker' : 'workers'}: ${words}`).join(', ');
  return doing + (oldest ? `; the oldest request, a ${oldest.kind} at the ${oldest.side}, waits for ${oldest.millis} ms` : '');
}

function drawHeard(node) {
  const {backup} = node;
  if (!backup.heardAt) {
    fact(node, 'Heard', '');
    return;
  }
  const isLate = !backup.work && ageSeconds(backup.heardAt) > UNHEARD_SECONDS;
  fact(node, 'Heard', (isLate ? '⚠ ' : '') + age(backup.heardAt) + (isLate ? `; its lease ends ${age(backup.leaseUntil)}` : ''), isLate ? 'warn' : '');
}
