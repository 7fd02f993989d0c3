// Teams' messages: Adaptive Cards up to 1.5, as far as a Workflows post may use them.

import { el, append, link, list, str, splitBy } from '/demo/dom.js';

/** The nodes of a message: one card for each attachment. */
export function renderTeams(payload) {
  const cards = list(payload?.attachments).map((attachment) => card(attachment?.content, list(attachment?.content?.msteams?.entities)));
  return cards.length ? cards : [el('div', 'card', el('div', 'tb', str(payload?.text)))];
}

function card(content, entities) {
  const wide = word(content?.msteams?.width) === 'full';
  return el('div', wide ? 'card wide' : 'card',
    list(content?.body).map((part) => element(part, entities)),
    actions(content?.actions));
}

/** Adaptive Cards compare their words without case. */
const word = (value) => str(value).toLowerCase();

const pick = (value, words) => (words.includes(word(value)) ? word(value) : null);

const SIZES = ['small', 'default', 'medium', 'large', 'extralarge'];
const COLOURS = ['dark', 'light', 'accent', 'good', 'warning', 'attention'];
const STYLES = ['emphasis', 'good', 'attention', 'warning', 'accent'];
const SPACINGS = ['none', 'small', 'medium', 'large', 'extralarge', 'padding'];

/** The classes that spacing and separator give any element. */
function outer(part, name) {
  const spacing = pick(part.spacing, SPACINGS);
  return [name, spacing && `space-${spacing}`, part.separator === true && 'separated'].filter(Boolean).join(' ');
}

/** The classes of a text's looks. */
function looks(part, name) {
  const size = pick(part.size, SIZES);
  const colour = pick(part.color, COLOURS);
  return [name, size && `size-${size}`, colour && `colour-${colour}`,
    word(part.weight) === 'bolder' && 'bolder', word(part.weight) === 'lighter' && 'lighter',
    part.isSubtle === true && 'subtle', word(part.fontType) === 'monospace' && 'mono',
    pick(part.horizontalAlignment, ['center', 'right']) && `align-${word(part.horizontalAlignment)}`].filter(Boolean).join(' ');
}

function element(part, entities) {
  if (!part || part.isVisible === false) return null;
  switch (part.type) {
    case 'TextBlock': {
      const heading = word(part.style) === 'heading';
      const node = el(heading ? 'h3' : 'div', looks(part, outer(part, part.wrap === true ? 'tb' : 'tb nowrap')), markdown(str(part.text), entities));
      if (part.maxLines > 0) {
        node.classList.add('clamped');
        node.style.setProperty('--lines', Math.floor(part.maxLines));
      }
      return node;
    }
    case 'RichTextBlock': return el('div', looks(part, outer(part, 'tb rtb')), list(part.inlines).map(textRun));
    case 'Container': return el('div', outer(part, `container ${pick(part.style, STYLES) ?? ''} ${part.bleed === true ? 'bleed' : ''}`), items(part, entities));
    case 'ColumnSet': return el('div', outer(part, `columns ${pick(part.style, STYLES) ?? ''}`), list(part.columns).map((column) => columnNode(column, entities)));
    case 'FactSet': return el('dl', outer(part, 'facts'), list(part.facts).map((fact) =>
      [el('dt', '', markdown(str(fact?.title), entities)), el('dd', '', markdown(str(fact?.value), entities))]));
    case 'Table': return table(part, entities);
    case 'Image': return el('div', outer(part, 'image'), str(part.altText) || 'image');
    case 'ImageSet': return el('div', outer(part, 'image'), `${list(part.images).length} images`);
    case 'ActionSet': return actions(part.actions, outer(part, ''));
    default: return el('div', outer(part, 'unknown'), `element of type ${str(part.type) || '?'}`, items(part, entities));
  }
}

const items = (part, entities) => list(part.items).map((item) => element(item, entities));

function columnNode(column, entities) {
  const node = el('div', outer(column ?? {}, `column ${pick(column?.style, STYLES) ?? ''}`), items(column ?? {}, entities));
  const width = column?.width ?? 'auto';
  const pixels = /^(\d+)px$/.exec(String(width));
  if (pixels) {
    node.style.flex = `0 0 ${Math.min(Number(pixels[1]), 600)}px`;
  } else if (Number(width) > 0) {
    node.style.flex = `${Number(width)} 1 0`;
  } else {
    node.style.flex = width === 'stretch' ? '1 1 0' : '0 1 auto';
  }
  return node;
}

function table(part, entities) {
  const hasHead = part.firstRowAsHeader !== false;
  const rows = list(part.rows).map((row, index) => el('tr', '', list(row?.cells).map((cell) =>
    el(hasHead && index === 0 ? 'th' : 'td', pick(cell?.style, STYLES) ?? '', items(cell ?? {}, entities)))));
  return el('div', outer(part, 'table-wrap'), el('table', part.showGridLines === false ? '' : 'grid', rows));
}

function actions(list_, className = '') {
  const buttons = list(list_).map((action) => {
    const look = `button ${pick(action?.style, ['positive', 'destructive']) ?? ''}`;
    if (action?.type === 'Action.OpenUrl') return link(action.url, look, str(action.title));
    return el('span', { class: `${look} dead`, title: 'Workflows cards can only open links' }, str(action?.title));
  });
  return buttons.length ? el('div', `actions ${className}`, buttons) : null;
}

/** A TextRun: literal text, except that Teams evaluates dates even here. */
function textRun(run) {
  if (typeof run === 'string') return dated(run);
  const text = dated(str(run?.text));
  let node = run?.selectAction?.type === 'Action.OpenUrl' ? link(run.selectAction.url, '', text) : text;
  if (run?.strikethrough === true) node = el('s', '', node);
  if (run?.italic === true) node = el('i', '', node);
  if (run?.underline === true) node = el('u', '', node);
  if (run?.highlight === true) node = el('mark', '', node);
  return el('span', looks(run ?? {}, ''), node);
}

/** The markdown that a TextBlock and a fact's value understand: bold, italic, links, lists. */
function markdown(text, entities) {
  const nodes = [];
  let bullets = null;
  for (const line of text.split('\n')) {
    const bullet = /^\s*(?:[-*]|\d+\.)\s+(.*)$/.exec(line);
    if (bullet) {
      if (!bullets) nodes.push(bullets = el(/^\s*\d/.test(line) ? 'ol' : 'ul', ''));
      append(bullets, el('li', '', inline(bullet[1], entities)));
      continue;
    }
    if (nodes.length && !bullets) nodes.push(el('br'));
    bullets = null;
    nodes.push(inline(line, entities));
  }
  return nodes;
}

const INLINE = /\[([^\]\n]+)\]\(([^)\s]+)\)|<at>([^<]+)<\/at>|(?<![\p{L}\p{N}])(\*\*|__|\*|_)(?=\S)(.+?)(?<=\S)\4(?![\p{L}\p{N}])/gu;

function inline(text, entities) {
  return splitBy(text, INLINE, (match) => {
    const [all, label, url, name, mark, inner] = match;
    if (label !== undefined) return link(url, '', label);
    if (name !== undefined) {
      // A mention is one only where the card's entities name it.
      return entities.some((entity) => entity?.text === all) ? el('span', 'mention', name) : all;
    }
    return el(mark.length === 2 ? 'b' : 'i', '', inline(inner, entities));
  }, dated);
}

/** `{{DATE(...)}}` and `{{TIME(...)}}`, which Teams shows in the reader's own zone. */
function dated(text) {
  return splitBy(text, /\{\{(DATE|TIME)\(([^,)]+)(?:,\s*(SHORT|LONG|COMPACT))?\)\}\}/g, (match) => {
    const when = new Date(match[2].trim());
    if (Number.isNaN(when.valueOf())) return match[0];
    const shape = match[1] === 'TIME' ? { timeStyle: 'short' } : { dateStyle: { LONG: 'full', SHORT: 'medium' }[match[3]] ?? 'short' };
    return el('time', { title: match[0] }, new Intl.DateTimeFormat(undefined, shape).format(when));
  }, (rest) => splitBy(rest, /\n/g, () => el('br')));
}
