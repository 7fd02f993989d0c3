// Slack's messages: Block Kit, and mrkdwn where a text object asks for it.

import { el, append, link, list, str, splitBy } from '/demo/dom.js';

/** The nodes of a message: its blocks (or its text where it has none), then its attachments. */
export function renderSlack(payload) {
  const blocks = list(payload?.blocks).map(block);
  const nodes = blocks.length || !str(payload?.text) ? blocks : [el('div', 'section', mrkdwn(payload.text))];
  return [...nodes, ...list(payload?.attachments).map(attachment)];
}

const COLOURS = { good: '#2eb67d', warning: '#ecb22e', danger: '#e01e5a' };

function attachment(part) {
  const node = el('div', 'attachment');
  const colour = COLOURS[part?.color] ?? (/^#?[0-9a-f]{3,8}$/i.test(str(part?.color)) ? `#${part.color.replace('#', '')}` : null);
  if (colour) node.style.setProperty('--bar', colour);
  const blocks = list(part?.blocks).map(block);
  if (blocks.length) return append(node, blocks);
  const title = str(part?.title);
  return append(node, [
    str(part?.pretext) && el('div', 'section', mrkdwn(part.pretext)),
    title && el('div', 'attachment-title', part.title_link ? link(part.title_link, '', title) : title),
    str(part?.text) && el('div', 'section', mrkdwn(part.text)),
    list(part?.fields).length ? el('div', 'fields', part.fields.map((field) =>
      el('div', '', el('b', '', str(field?.title)), el('br'), mrkdwn(str(field?.value))))) : null,
    str(part?.footer) && el('div', 'context', part.footer),
    !title && !str(part?.text) && !str(part?.pretext) ? el('div', 'section', str(part?.fallback)) : null,
  ]);
}

function block(part) {
  switch (part?.type) {
    case 'header': return el('h3', 'header', textObject(part.text));
    case 'section': return el('div', 'section',
      el('div', 'section-main',
        part.text && el('div', '', textObject(part.text)),
        list(part.fields).length ? el('div', 'fields', part.fields.map((field) => el('div', '', textObject(field)))) : null),
      part.accessory && element(part.accessory));
    case 'context': return el('div', 'context', list(part.elements).map((item) => el('span', '', element(item))));
    case 'actions': return el('div', 'actions', list(part.elements).map(element));
    case 'divider': return el('hr', '');
    case 'rich_text': return el('div', 'rich', list(part.elements).map(rich));
    case 'markdown': return el('div', 'section pre', str(part.text));
    case 'image': return el('figure', 'image', str(part.alt_text) || 'image');
    case 'table': return el('div', 'table-wrap', el('table', '', list(part.rows).map((row) =>
      el('tr', '', list(row).map((cell) => el('td', '', cell?.type === 'rich_text' ? list(cell.elements).map(rich) : str(cell?.text)))))));
    default: return el('div', 'unknown', `block of type ${str(part?.type) || '?'}`);
  }
}

function textObject(object) {
  if (object?.type === 'mrkdwn') return mrkdwn(str(object.text), object.verbatim === true);
  return lines(str(object?.text));
}

function element(part) {
  switch (part?.type) {
    case 'button': {
      const look = `button ${['primary', 'danger'].includes(part.style) ? part.style : ''}`;
      const label = str(part.text?.text);
      return part.url ? link(part.url, look, label) : el('span', look, label);
    }
    case 'plain_text': case 'mrkdwn': return textObject(part);
    case 'image': return el('span', 'image', str(part.alt_text) || 'image');
    default: return el('span', 'unknown', str(part?.type) || '?');
  }
}

function rich(part) {
  const runs = () => list(part?.elements).map(run);
  switch (part?.type) {
    case 'rich_text_section': return el('div', 'rich-section', runs());
    case 'rich_text_quote': return el('blockquote', '', runs());
    case 'rich_text_preformatted': return el('pre', '', runs());
    case 'rich_text_list': {
      const node = el(part.style === 'ordered' ? 'ol' : 'ul', '', list(part.elements).map((item) => el('li', '', rich(item))));
      node.style.setProperty('--indent', Math.min(Math.max(Number(part.indent) || 0, 0), 8));
      return node;
    }
    default: return el('div', 'unknown', str(part?.type) || '?');
  }
}

function run(part) {
  const style = part?.style ?? {};
  return styled(runContent(part), style);
}

function runContent(part) {
  switch (part?.type) {
    case 'text': return lines(str(part.text));
    case 'link': return link(part.url, '', str(part.text) || str(part.url));
    case 'broadcast': return el('span', 'mention everyone', `@${str(part.range)}`);
    case 'user': return el('span', 'mention', `@${str(part.user_id)}`);
    case 'usergroup': return el('span', 'mention', `@${str(part.usergroup_id)}`);
    case 'channel': return el('span', 'mention', `#${str(part.channel_id)}`);
    case 'emoji': return emoji(str(part.name), part.unicode);
    case 'color': return el('code', '', str(part.value));
    case 'date': return date(part.timestamp, part.fallback, str(part.format));
    default: return el('span', 'unknown', str(part?.type) || '?');
  }
}

function styled(nodes, style) {
  let node = nodes;
  if (style.code) node = el('code', '', node);
  if (style.italic) node = el('i', '', node);
  if (style.strike) node = el('s', '', node);
  if (style.bold) node = el('b', '', node);
  if (style.highlight) node = el('mark', '', node);
  return node;
}

const EMOJI = {
  bell: '🔔', warning: '⚠️', rotating_light: '🚨', white_check_mark: '✅', x: '❌', red_circle: '🔴', large_green_circle: '🟢',
  arrow_up: '⬆️', arrow_down: '⬇️', arrow_right: '➡️', chart_with_upwards_trend: '📈', chart_with_downwards_trend: '📉',
  package: '📦', tada: '🎉', new: '🆕', wastebasket: '🗑️', information_source: 'ℹ️', memo: '📝',
};

function emoji(name, unicode) {
  const points = str(unicode).split('-').map((hex) => Number.parseInt(hex, 16));
  const known = points.every((point) => point > 0 && point <= 0x10ffff) ? String.fromCodePoint(...points) : EMOJI[name];
  return known ? el('span', { title: `:${name}:` }, known) : `:${name}:`;
}

const ENGLISH = (options) => new Intl.DateTimeFormat('en-US', options);
const [DAY, TIME] = [{ month: 'short', day: 'numeric', year: 'numeric' }, { hour: 'numeric', minute: '2-digit' }];
/** The tokens of Slack's date syntax, in the reader's time zone; `_pretty` ones as on any day but today and its neighbours. */
const DATES = {
  date_num: new Intl.DateTimeFormat('sv-SE'),
  date: ENGLISH({ ...DAY, month: 'long' }), date_pretty: ENGLISH({ ...DAY, month: 'long' }),
  date_short: ENGLISH(DAY), date_short_pretty: ENGLISH(DAY),
  date_long: ENGLISH({ ...DAY, month: 'long', weekday: 'long' }), date_long_pretty: ENGLISH({ ...DAY, month: 'long', weekday: 'long' }),
  time: ENGLISH(TIME), time_secs: ENGLISH({ ...TIME, second: '2-digit' }),
};

function date(seconds, fallback, format) {
  const at = new Date(Number(seconds) * 1000);
  if (Number.isNaN(at.getTime())) return str(fallback);
  const text = str(format).replace(/\{(\w+)\}/g, (token, name) => (Object.hasOwn(DATES, name) ? DATES[name].format(at) : token));
  return el('time', { title: str(fallback) }, text || str(fallback));
}

/** Text with its line breaks kept. */
function lines(text) {
  return splitBy(text, /\n/g, () => el('br'));
}

const unescape = (text) => text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');

/** mrkdwn. Without `verbatim` Slack also turns bare @here, channels and addresses live; so does this. */
export function mrkdwn(text, verbatim = false) {
  const paragraphs = text.split('\n');
  const nodes = [];
  let plain = [];
  const flush = () => { if (plain.length) nodes.push(inline(plain.join('\n'), verbatim)); plain = []; };
  for (const paragraph of paragraphs) {
    const quote = /^(?:&gt;|>) ?(.*)$/.exec(paragraph);
    if (quote) {
      flush();
      nodes.push(el('blockquote', '', inline(quote[1], verbatim)));
    } else plain.push(paragraph);
  }
  flush();
  return nodes;
}

const INLINE = new RegExp([
  '```([\\s\\S]+?)```', '`([^`\\n]+)`', '<([^<>\\n]+)>',
  '(?<![\\p{L}\\p{N}])([*_~])(?=\\S)((?:(?!\\4)[^\\n])+?)(?<=\\S)\\4(?![\\p{L}\\p{N}])',
].join('|'), 'gu');

function inline(text, verbatim) {
  return splitBy(text, INLINE, (match) => {
    const [, fence, code, entity, mark, inner] = match;
    if (fence !== undefined) return el('pre', '', unescape(fence));
    if (code !== undefined) return el('code', '', unescape(code));
    if (entity !== undefined) return entityNode(entity);
    return el({ '*': 'b', _: 'i', '~': 's' }[mark], '', inline(inner, verbatim));
  }, (rest) => (verbatim ? named(unescape(rest)) : autoLinked(unescape(rest))));
}

function entityNode(entity) {
  const bar = entity.indexOf('|');
  const target = unescape(bar < 0 ? entity : entity.slice(0, bar));
  const label = bar < 0 ? '' : unescape(entity.slice(bar + 1));
  if (/^!(here|channel|everyone)$/.test(target)) return el('span', 'mention everyone', `@${target.slice(1)}`);
  const when = /^!date\^(\d+)\^([^^]*)/.exec(target);
  if (when) return date(when[1], label, when[2]);
  if (/^[@#!]/.test(target)) return el('span', 'mention', label ? `${target[0] === '#' ? '#' : '@'}${label}` : target);
  return /^[a-z][a-z0-9+.-]*:/i.test(target) ? link(target, '', label || target) : `<${unescape(entity)}>`;
}

function autoLinked(text) {
  return splitBy(text, /(?<![\w@])@(here|channel|everyone)\b|https?:\/\/[^\s<>|]+/g, (match) =>
    (match[1] ? el('span', 'mention everyone', match[0]) : link(match[0], '', match[0])), named);
}

/** Emoji by name, line breaks kept. */
function named(text) {
  return splitBy(text, /:([a-z0-9_+-]+):/g, (match) => emoji(match[1]), lines);
}
