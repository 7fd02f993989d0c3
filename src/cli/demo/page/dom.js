// Building blocks of the page. Row data becomes text nodes here and nothing else: no markup is ever made from a string.

/** An element with a class (or attributes) and children; strings become text, null and undefined nothing. */
export function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  if (typeof attributes === 'string') {
    if (attributes) node.className = attributes;
  } else {
    for (const [name, value] of Object.entries(attributes ?? {})) {
      if (value !== null && value !== undefined) node.setAttribute(name, value);
    }
  }
  append(node, children);
  return node;
}

/** Appends children of any nesting; strings become text. */
export function append(node, children) {
  for (const child of [children].flat(Infinity)) {
    if (child !== null && child !== undefined && child !== '') node.append(child);
  }
  return node;
}

/** A link that opens elsewhere. An address that is none of the web's or mail's becomes plain text. */
export function link(url, className, ...children) {
  const target = safeUrl(url);
  if (!target) return el('span', { class: className, title: 'This address is not a link' }, children);
  return el('a', { class: className, href: target, target: '_blank', rel: 'noopener noreferrer', title: target }, children);
}

function safeUrl(url) {
  if (typeof url !== 'string') return null;
  try {
    const parsed = new URL(url);
    return ['http:', 'https:', 'mailto:', 'tel:'].includes(parsed.protocol) ? parsed.href : null;
  } catch {
    return null;
  }
}

/** The bell in a rounded square. */
export function avatar() {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  use.setAttribute('href', '#bell');
  svg.append(use);
  return el('div', { class: 'avatar', 'aria-hidden': 'true' }, svg);
}

/** A list, whatever was sent in its place. */
export const list = (value) => (Array.isArray(value) ? value : []);

/** A string, whatever was sent in its place. */
export const str = (value) => (typeof value === 'string' ? value : '');

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
export const timeOf = (ms) => clock.format(new Date(ms));

/** Splits a text at every match; `make` turns a match into a node, the rest stays text. */
export function splitBy(text, pattern, make, rest = (part) => part) {
  const nodes = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > from) nodes.push(rest(text.slice(from, match.index)));
    nodes.push(make(match));
    from = match.index + match[0].length;
  }
  if (from < text.length) nodes.push(rest(text.slice(from)));
  return nodes;
}
