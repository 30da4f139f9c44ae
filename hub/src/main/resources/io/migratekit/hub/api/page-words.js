// How do elements, sizes and times get onto the page? Every text is put there as text: there is no way from a name to markup.

const SVG = 'http://www.w3.org/2000/svg';

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) {
      node.setAttribute(name, value === true ? '' : String(value));
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== ''));
  return node;
}

export function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

/** Changes a text only if it is another one, so that a screen reader and a selection are left alone. */
export function say(node, words) {
  if (node.textContent !== words) {
    node.textContent = words;
  }
}

/** Replaces the children only if what they are made of is another thing than before. */
export function remake(node, facts, make) {
  const now = JSON.stringify(facts);
  if (node.madeOf !== now) {
    node.madeOf = now;
    node.replaceChildren(...[make()].flat());
  }
}

/**
 * One child for each item. Those that stay are the same elements as before, and keep what they have: the focus, what is
 * open, where it is scrolled to.
 */
export function keyed(parent, items, keyOf, make, update) {
  const known = parent.known ??= new Map();
  const wanted = new Set(items.map(keyOf));
  for (const [key, node] of known) {
    if (!wanted.has(key)) {
      node.remove();
      known.delete(key);
    }
  }
  const held = document.activeElement;
  let next = [...parent.children].find((child) => child.isKeyed) ?? null;
  for (const item of items) {
    const key = keyOf(item);
    let node = known.get(key);
    if (!node) {
      node = make(item);
      node.isKeyed = true;
      known.set(key, node);
    }
    if (node === next) {
      next = node.nextElementSibling;
    } else {
      parent.insertBefore(node, next);
    }
    update(node, item);
  }
  if (held !== document.activeElement && held?.isConnected) {
    held.focus({preventScroll: true}); // It was moved, which takes the focus away.
  }
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

export function size(bytes) {
  let unit = 0;
  let rest = Number(bytes) || 0;
  while (rest >= 1024 && unit < UNITS.length - 1) {
    rest /= 1024;
    unit++;
  }
  return `${rest >= 100 || unit === 0 || Number.isInteger(rest) ? Math.round(rest) : rest.toFixed(1)} ${UNITS[unit]}`;
}

export function count(number, one, many) {
  return `${number.toLocaleString('en')} ${number === 1 ? one : many}`;
}

export function percent(part, whole) {
  return whole > 0 ? Math.min(100, Math.floor((100 * part) / whole)) : 0;
}

/** As people say it: in one unit, two where one is too coarse. */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 120) {
    return `${s} s`;
  }
  if (s < 7200) {
    return `${Math.round(s / 60)} min`;
  }
  if (s < 172800) {
    return `${Math.round(s / 3600)} h`;
  }
  return s < 63072000 ? `${Math.round(s / 86400)} days` : `${Math.round(s / 31536000)} years`;
}

const two = (number) => String(number).padStart(2, '0');

/** In the reader's zone, in an order that sorts. */
export function moment(text) {
  const t = new Date(text);
  return `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())} ${two(t.getHours())}:${two(t.getMinutes())}`;
}

export function clock(date) {
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** By how much the hub's clock is ahead of ours: ages are told by the hub's. */
let aheadMillis = 0;

export function hubSays(now) {
  aheadMillis = Date.parse(now) - Date.now();
}

export function ageSeconds(text) {
  return (Date.now() + aheadMillis - Date.parse(text)) / 1000;
}

export function age(text) {
  const seconds = ageSeconds(text);
  return seconds < 0 ? `in ${duration(-seconds)}` : `${duration(seconds)} ago`;
}

export function time(text) {
  return el('time', {datetime: text}, moment(text));
}
