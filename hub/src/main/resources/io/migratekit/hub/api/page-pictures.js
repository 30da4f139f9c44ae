// How do a chain, a layer and a rate look? As pictures that say in words what they show.

import {svg, el, size, count} from './page-words.js';

const BOX = 76;
const GAP = 26;
const ROW = 96;
const MOST_BOXES = 120;
const MOST_TOLD = 12;

const number = (layer) => layer.layer.replace(/.*\//, '').replace('.qcow2', '');
const isFull = (layer) => layer.kind === 'full';

function words(layer, below, points) {
  const what = isFull(layer) ? 'everything' : `changes since ${below ? number(below) : 'a layer that is not listed'}`;
  const ends = layer.open ? 'being written' : layer.points.length
    ? `restore point ${layer.points.join(', ')}${isWrong(layer, points) ? ', damaged' : ''}` : 'no restore point ends here';
  return `${number(layer)}: ${what}, ${size(layer.bytes)}, ${ends}`;
}

/** Whether a restore point that ends here is damaged, and on this disk. */
function isWrong(layer, points) {
  const folder = layer.layer.replace(/[^/]*$/, '');
  return points.some((point) => point.damage?.some((one) => one.layer.startsWith(folder)));
}

/** On which layer of the list each one stands; -1: on none of them. */
export function parents(layers) {
  return layers.map((layer, i) => isFull(layer) || !layer.parentRoot ? -1
    : layers.slice(0, i).findLastIndex((other) => other.root === layer.parentRoot));
}

/** Boxes from left to right, the oldest first, in as many rows as it takes; a line leads from each to what stands on it. */
export function chainPicture(disk, pointsOf, chosen, width) {
  const from = Math.max(0, disk.layers.length - MOST_BOXES);
  const layers = disk.layers.slice(from);
  const below = parents(disk.layers).slice(from).map((i) => i - from);
  const perRow = Math.max(2, Math.floor((width - 8 + GAP) / (BOX + GAP)));
  const rows = Math.ceil(layers.length / perRow);
  const most = Math.max(1, ...layers.map((layer) => layer.bytes));
  const at = (i) => ({x: 4 + (i % perRow) * (BOX + GAP), y: 14 + Math.floor(i / perRow) * ROW});
  const told = layers.slice(-MOST_TOLD).map((layer) => words(layer, disk.layers[parents(disk.layers)[disk.layers.indexOf(layer)]],
    layer.points.map(pointsOf).filter(Boolean)));
  const picture = svg('svg', {role: 'img', viewBox: `0 0 ${width} ${rows * ROW + 4}`, height: rows * ROW + 4,
    'aria-label': `Chain of disk ${disk.key}: ${count(disk.layers.length, 'layer', 'layers')}, oldest first. `
      + (layers.length > MOST_TOLD ? `The newest ${MOST_TOLD}: ` : '') + told.join('. ') + '.'});
  layers.forEach((_, i) => below[i] >= 0 && picture.append(svg('path', {class: 'link', d: line(at(below[i]), at(i), i - below[i])})));
  layers.forEach((layer, i) => picture.append(box(layer, at(i), most, layer.points.map(pointsOf).filter(Boolean), layer.layer === chosen)));
  return picture;
}

function line(a, b, steps) {
  const middle = 22;
  if (steps === 1 && a.y === b.y) {
    return `M${a.x + BOX} ${a.y + middle}H${b.x}`;
  }
  if (a.y === b.y) { // Over what lies between.
    return `M${a.x + BOX - 12} ${a.y}v-7H${b.x + 12}v7`;
  }
  const gutter = b.y - 8; // Down between two columns, and along above the row.
  return `M${a.x + BOX} ${a.y + middle}h${GAP / 2}V${gutter}H${b.x + 12}V${b.y}`;
}

function box(layer, {x, y}, most, points, isChosen) {
  const full = isFull(layer);
  const damaged = isWrong(layer, points);
  const kind = layer.open ? 'open' : full ? 'full' : 'part';
  const ink = layer.open ? '' : full ? 'on-full' : 'on-part';
  const group = svg('g', {},
    svg('rect', {class: `${kind}${damaged ? ' wrong' : ''}`, x, y, width: BOX, height: 44, rx: full ? 3 : 10}),
    svg('text', {class: ink, x: x + BOX / 2, y: y + 19, 'text-anchor': 'middle'}, number(layer)),
    svg('text', {class: ink, x: x + BOX / 2, y: y + 35, 'text-anchor': 'middle'},
      layer.open ? '… open' : full ? '= all' : '+ part'),
    svg('rect', {class: 'gauge', x, y: y + 49, width: BOX, height: 4}),
    svg('rect', {class: 'gauge-value', x, y: y + 49, width: Math.max(1.5, (BOX * layer.bytes) / most), height: 4}),
    svg('text', {class: 'small', x, y: y + 67}, size(layer.bytes)));
  if (layer.points.length) {
    group.append(damaged
      ? svg('text', {class: 'cross', x: x + BOX - 1, y: y + 68, 'text-anchor': 'end'}, '✕')
      : svg('circle', {class: 'point', cx: x + BOX - 6, cy: y + 63, r: 4.5}));
  }
  if (isChosen) {
    group.append(svg('rect', {class: 'chosen', x: x - 3, y: y - 3, width: BOX + 6, height: 50, rx: full ? 5 : 12}));
  }
  return group;
}

const swatch = (...shapes) => svg('svg', {viewBox: '0 0 14 14', 'aria-hidden': 'true'}, ...shapes);

export function chainLegend() {
  const key = (shape, text) => el('li', {}, swatch(...[shape].flat()), text);
  return el('ul', {class: 'legend'},
    key(svg('rect', {class: 'full', x: 1, y: 2, width: 12, height: 10, rx: 1}), '= all: a full layer'),
    key(svg('rect', {class: 'part', x: 1, y: 2, width: 12, height: 10, rx: 4}), '+ part: what changed'),
    key(svg('circle', {class: 'point', cx: 7, cy: 7, r: 4.5}), 'a restore point ends here'),
    key(svg('text', {class: 'cross', x: 2, y: 12}, '✕'), 'it is damaged on this disk'),
    key([svg('rect', {class: 'gauge', x: 0, y: 5, width: 14, height: 4}), svg('rect', {class: 'gauge-value', x: 0, y: 5, width: 8, height: 4})],
      'size, against the largest'));
}

const LEVELS = [0.35, 0.6, 0.8, 1];

/** The disk from left to right, row by row; each cell as much of the colour as the layer holds of it. */
export function mapPicture(map, width) {
  const cells = map.dataBytes.length;
  const all = Math.ceil(map.capacityBytes / map.bucketBytes);
  const columns = Math.min(all, width < 480 ? 32 : 64);
  const pitch = Math.min(26, width / columns);
  const rows = Math.ceil(all / columns);
  const held = map.dataBytes.reduce((sum, bytes) => sum + bytes, 0);
  const zeroes = map.zeroBytes.reduce((sum, bytes) => sum + bytes, 0);
  const label = `Layer ${number(map)} holds ${size(held)} of data and ${size(zeroes)} of zeroes itself, of a disk of `
    + `${size(map.capacityBytes)}. ${stretches(map)}${map.whole ? '' : ' There was no time to look at the rest of it.'}`;
  const picture = svg('svg', {role: 'img', 'aria-label': label, viewBox: `0 0 ${width} ${Math.ceil(rows * pitch)}`,
    height: Math.ceil(rows * pitch)});
  const hatch = `hatch-${map.layer.replace(/[^0-9a-z]/gi, '-')}`;
  picture.append(hatching(hatch));
  for (let i = 0; i < all; i++) {
    const place = {x: ((i % columns) * pitch).toFixed(2), y: (Math.floor(i / columns) * pitch).toFixed(2),
      width: (pitch - 1).toFixed(2), height: (pitch - 1).toFixed(2)};
    if (i >= cells) {
      picture.append(svg('rect', {class: 'unknown', ...place}));
      continue;
    }
    picture.append(svg('rect', {class: 'cell-none', ...place}));
    const bytes = Math.min(map.bucketBytes, map.capacityBytes - i * map.bucketBytes);
    if (map.dataBytes[i] > 0) {
      const level = LEVELS[Math.min(LEVELS.length - 1, Math.floor((map.dataBytes[i] / bytes) * LEVELS.length))];
      picture.append(svg('rect', {class: 'cell-data', 'fill-opacity': level, ...place}));
    } else if (map.zeroBytes[i] > 0) {
      picture.append(svg('rect', {fill: `url(#${hatch})`, ...place}));
    }
  }
  return el('figure', {}, picture, el('figcaption', {'aria-hidden': 'true'}, `${label} One cell is ${size(map.bucketBytes)}.`), mapLegend());
}

function hatching(id) {
  return svg('defs', {}, svg('pattern', {id, width: 4, height: 4, patternUnits: 'userSpaceOnUse', patternTransform: 'rotate(45)'},
    svg('path', {class: 'hatch', d: 'M0 0V4'})));
}

function mapLegend() {
  return el('ul', {class: 'legend'},
    el('li', {}, swatch(svg('rect', {class: 'cell-data', width: 14, height: 14})), 'data, the fuller the stronger'),
    el('li', {}, swatch(svg('rect', {class: 'cell-none', width: 14, height: 14}),
      svg('path', {class: 'hatch', d: 'M0 10L10 0M4 14L14 4'})), 'zeroes only'),
    el('li', {}, swatch(svg('rect', {class: 'cell-none', width: 14, height: 14})), 'nothing: read from the layer below, or empty'));
}

/** Where the data lie, as far as that can be said in a few words. */
function stretches(map) {
  const found = [];
  let begin = -1;
  for (let i = 0; i <= map.dataBytes.length; i++) {
    const has = i < map.dataBytes.length && map.dataBytes[i] > 0;
    if (has && begin < 0) {
      begin = i;
    } else if (!has && begin >= 0) {
      found.push([begin * map.bucketBytes, Math.min(i * map.bucketBytes, map.capacityBytes)]);
      begin = -1;
    }
  }
  if (!found.length) {
    return 'It holds no data.';
  }
  const first = found.slice(0, 4).map(([from, to]) => `${size(from)} to ${size(to)}`).join(', ');
  return `The data lie in ${count(found.length, 'stretch', 'stretches')}: ${first}${found.length > 4 ? ' and so on' : ''}.`;
}

/** The last so many rates, the newest to the right. */
export function sparkline(rates) {
  const most = Math.max(1, ...rates);
  const x = (i) => (rates.length < 2 ? 100 : (i * 100) / (rates.length - 1));
  const path = rates.map((rate, i) => `${i ? 'L' : 'M'}${x(i).toFixed(1)} ${(19 - (17 * rate) / most).toFixed(1)}`).join('');
  return svg('svg', {class: 'spark', role: 'img', viewBox: '0 0 100 20', preserveAspectRatio: 'none',
    'aria-label': `Rate since this page looks: between ${size(Math.min(...rates))} and ${size(Math.max(...rates))} a second`},
    svg('path', {class: 'under', d: `${path}L100 20L${x(0).toFixed(1)} 20Z`}), svg('path', {d: path}));
}

export {number as layerNumber, isFull};
