// What is kept of one VM? Its disks as chains, one layer of them as a map, and its restore points.

import {el, say, remake, keyed, size, count, moment, age, time} from './page-words.js';
import {chainPicture, chainLegend, mapPicture, layerNumber, isFull, parents} from './page-pictures.js';

const MOST_ROWS = 50;
/** With more disks than this their tables are closed at first. */
const MOST_OPEN = 3;

/**
 * One opened VM.
 *
 * `ask` gets something from the hub; what it throws is shown where it was asked for.
 */
export class VmView {
  constructor(id, ask) {
    this.id = id;
    this.ask = ask;
    this.maps = new Map();
    this.all = new Set();
    this.trouble = el('p', {class: 'bad', role: 'alert'});
    this.alarms = el('ul', {class: 'alarms'});
    this.facts = el('dl', {class: 'facts'});
    this.disks = el('div');
    this.points = el('div');
    this.node = el('div', {}, this.trouble, this.alarms, this.facts, this.points, this.disks,
      this.loading = el('p', {class: 'muted'}, 'Asks the hub …'));
    this.resized = new ResizeObserver(() => requestAnimationFrame(() => this.chain && this.drawDisks()));
    this.resized.observe(this.node);
  }

  async refresh() {
    const vm = encodeURIComponent(this.id);
    const [chain, list] = [await this.ask(`api/v1/vms/${vm}/chain`), await this.ask(`api/v1/backups?vm=${vm}`)];
    this.chain = chain;
    this.backups = list.backups;
    this.unreadable = list.unreadable;
    this.loading.hidden = true;
    say(this.trouble, list.unreadable.map((one) => `A record cannot be read: ${one.file}: ${one.why}`).join(' '));
    this.drawDisks();
    this.drawPoints();
  }

  show(vm) {
    this.vm = vm;
    keyed(this.alarms, vm.alarms ?? [], (words) => words, (words) => alarm(words), () => {});
    this.alarms.hidden = !(vm.alarms ?? []).length;
    const facts = [['Id', vm.id], ['vCenter', vm.vcenter], ['Stored', size(vm.bytes)], ['Restore points', String(vm.points)]];
    remake(this.facts, facts, () => facts.filter(([, value]) => value).flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, value)]));
  }

  width() {
    return Math.max(200, Math.floor(this.node.clientWidth));
  }

  point(id) {
    return this.backups.find((backup) => backup.id === id);
  }

  drawDisks() {
    keyed(this.disks, this.chain.disks, (disk) => disk.key, (disk) => this.diskNode(disk), (node, disk) => this.drawDisk(node, disk));
  }

  diskNode(disk) {
    const node = el('section', {'aria-labelledby': `disk-${this.id}-${disk.key}`},
      el('h4', {id: `disk-${this.id}-${disk.key}`}));
    const body = el('tbody');
    node.parts = {title: node.firstChild, picture: el('div'), body, more: el('button', {type: 'button'}), map: el('div')};
    node.parts.more.addEventListener('click', () => {
      this.all.add(disk.key);
      this.drawDisks();
    });
    node.append(el('figure', {}, node.parts.picture, chainLegend()),
      el('details', {open: this.chain.disks.length <= MOST_OPEN}, el('summary', {}, 'Its layers, one by one'), scrolling(`Layers of disk ${disk.key}`, el('table', {},
        el('caption', {class: 'unseen'}, `Layers of disk ${disk.key}, newest first`),
        head(['Layer', 'Kind', 'Stands on', ['Stored', 'number'], 'Restore point', 'What it holds']), body)), node.parts.more),
      node.parts.map);
    return node;
  }

  drawDisk(node, disk) {
    const {title, picture, body, more, map} = node.parts;
    const known = this.vm?.disks?.find((one) => one.key === disk.key);
    say(title, `Disk ${disk.key}${known?.label ? ` (${known.label})` : ''}${known ? `, ${size(known.capacityBytes)}` : ''}`);
    const chosen = this.maps.get(disk.key);
    remake(picture, [disk, chosen?.layer, this.width(), this.backups.map((one) => one.damage)],
      () => chainPicture(disk, (id) => this.point(id), chosen?.layer, this.width()));
    const below = parents(disk.layers);
    const rows = disk.layers.map((layer, i) => ({layer, below: disk.layers[below[i]]})).reverse();
    keyed(body, this.all.has(disk.key) ? rows : rows.slice(0, MOST_ROWS), (row) => row.layer.layer,
      (row) => this.layerRow(disk.key, row), (tr, row) => this.drawLayerRow(tr, disk.key, row));
    more.hidden = rows.length <= MOST_ROWS || this.all.has(disk.key);
    say(more, `Show all ${count(rows.length, 'layer', 'layers')}`);
    remake(map, [chosen?.map, chosen?.problem, this.width()], () => chosen?.problem ? [el('p', {class: 'bad', role: 'alert'}, chosen.problem)]
      : chosen?.map ? [mapPicture(chosen.map, this.width())] : []);
  }

  layerRow(key, {layer}) {
    const button = el('button', {type: 'button', 'aria-pressed': 'false'}, 'Map',
      el('span', {class: 'unseen'}, ` of layer ${layerNumber(layer)} of disk ${key}`));
    const tr = el('tr', {}, el('th', {scope: 'row'}, layerNumber(layer)), el('td'), el('td'), el('td', {class: 'number'}), el('td'), el('td', {}, button));
    button.addEventListener('click', () => this.choose(key, layer.layer));
    tr.button = button;
    return tr;
  }

  drawLayerRow(tr, key, {layer, below}) {
    const [kind, on, bytes, points] = [...tr.children].slice(1);
    say(kind, isFull(layer) ? '= all' : '+ part');
    say(on, below ? layerNumber(below) : isFull(layer) ? '–' : 'not listed');
    say(bytes, size(layer.bytes));
    say(points, layer.open ? 'being written' : layer.points.join(', ') || '–');
    tr.button.hidden = !this.owner(key, layer.layer);
    tr.button.setAttribute('aria-pressed', String(this.maps.get(key)?.layer === layer.layer));
  }

  /** The backup by whose id the hub is asked for a layer. */
  owner(key, layer) {
    return this.backups.find((backup) => backup.disks.some((disk) => disk.key === key && disk.layer === layer));
  }

  async choose(key, layer) {
    if (this.maps.get(key)?.layer === layer) {
      this.maps.delete(key);
      this.drawDisks();
      return;
    }
    const chosen = {layer};
    this.maps.set(key, chosen);
    this.drawDisks();
    try {
      chosen.map = await this.ask(`api/v1/backups/${encodeURIComponent(this.owner(key, layer).id)}/disks/${key}/map`, 15_000);
    } catch (e) {
      chosen.problem = `The hub does not say what layer ${layer} holds: ${e.message}`;
    }
    this.drawDisks();
  }

  drawPoints() {
    const points = this.backups.filter((backup) => backup.state === 'sealed').reverse();
    if (!this.points.body) {
      this.points.body = el('tbody');
      this.points.more = el('button', {type: 'button'});
      this.points.more.addEventListener('click', () => {
        this.all.add('points');
        this.drawPoints();
      });
      this.points.append(el('h4', {}, 'Restore points'),
        scrolling('Restore points', el('table', {}, el('caption', {class: 'unseen'}, 'Restore points, newest first'),
          head(['Id', 'State', 'Taken', 'Last proof', 'Kind', ['Stored', 'number'], 'Locked until']), this.points.body)),
        this.points.more, this.points.none = el('p', {class: 'muted'}, 'There is none yet.'));
    }
    keyed(this.points.body, this.all.has('points') ? points : points.slice(0, MOST_ROWS), (point) => point.id,
      () => el('tr'), (tr, point) => remake(tr, [point, Math.floor(Date.now() / 60_000)], () => pointCells(point)));
    this.points.more.hidden = points.length <= MOST_ROWS || this.all.has('points');
    say(this.points.more, `Show all ${count(points.length, 'restore point', 'restore points')}`);
    this.points.none.hidden = points.length > 0;
    this.points.children[1].hidden = !points.length;
  }

  close() {
    this.resized.disconnect();
    this.node.remove();
  }
}

function pointCells(point) {
  const taken = point.takenAt ?? point.startedAt;
  return [el('th', {scope: 'row'}, point.id), el('td', {}, state(point)),
    el('td', {}, time(taken), ' ', el('span', {class: 'age'}, `(${age(taken)})`)),
    el('td', {}, point.provedAt ? time(point.provedAt) : 'at its seal'),
    el('td', {}, [...new Set(point.disks.map((disk) => disk.kind))].join(' + ')),
    el('td', {class: 'number'}, size(point.disks.reduce((sum, disk) => sum + disk.layerBytes, 0))),
    el('td', {}, point.keepUntil && Date.parse(point.keepUntil) > Date.now() ? moment(point.keepUntil) : '–')];
}

function state(point) {
  if (point.damage) {
    const where = point.damage.map((one) => `${one.layer.replace(/^.*\/disks\/([0-9]+)\/([0-9]+)\.qcow2$/, 'layer $2 of disk $1')}: ${one.what}`).slice(0, 3).join('; ');
    return el('div', {class: 'words'}, mark('bad', '✕', 'damaged'), el('div', {}, where));
  }
  if (!point.complete) {
    const missing = point.disks.filter((disk) => disk.missing).map((disk) => `disk ${disk.key}: ${disk.missing}`).join('; ');
    return el('div', {class: 'words'}, mark('warn', '◐', 'incomplete'), el('div', {}, missing));
  }
  return mark('good', '✓', 'complete');
}

export function mark(kind, sign, words) {
  return el('span', {class: kind}, el('span', {class: 'mark', 'aria-hidden': 'true'}, sign), ` ${words}`);
}

export function alarm(words) {
  return el('li', {}, el('span', {class: 'mark', 'aria-hidden': 'true'}, '⚠'), ` ${words}`);
}

function head(names) {
  return el('thead', {}, el('tr', {}, ...names.map((name) => Array.isArray(name)
    ? el('th', {scope: 'col', class: name[1]}, name[0]) : el('th', {scope: 'col'}, name))));
}

/** A wide table scrolls in itself, not the page; whoever has no mouse scrolls it with the arrow keys. */
function scrolling(name, table) {
  return el('div', {class: 'scroll', role: 'region', tabindex: '0', 'aria-label': name}, table);
}
