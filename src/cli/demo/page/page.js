// The demo's page: listens to the stream and keeps the feeds, the lanes and the partitions up to date.

import { el, list, avatar, timeOf } from '/demo/dom.js';
import { renderSlack } from '/demo/slack.js';
import { renderTeams } from '/demo/teams.js';

const POSTS_MAX = 200;
const TALL_PX = 560;
const DOTS_MAX = 12;
const GAP_MAX = 8;
const NAMES = { slack: 'Slack', teams: 'Teams', webhook: 'webhook' };
const RENDER = { slack: renderSlack, teams: renderTeams };
const byId = (id) => document.getElementById(id);

// --- the stream

let startedMs = null;
let lastSeq = 0;
/** The server's clock minus this one's. */
let skewMs = 0;

function listen() {
  const stream = new EventSource('/demo/stream');
  const on = (name, handle) => stream.addEventListener(name, (event) => handle(JSON.parse(event.data)));
  stream.addEventListener('open', () => setLive('live', 'live'));
  stream.addEventListener('error', () => setLive('lost', 'the demo has stopped, or is starting again'));
  on('hello', ({ started_ms }) => {
    if (startedMs !== null && startedMs !== started_ms) forget();
    startedMs = started_ms;
  });
  on('post', (arrival) => {
    // After a reconnect the history comes again.
    if (arrival.seq <= lastSeq) return;
    lastSeq = arrival.seq;
    feeds[arrival.service]?.add(arrival);
  });
  on('status', showStatus);
  on('modes', (modes) => {
    for (const [service, mode] of Object.entries(modes)) {
      const input = document.querySelector(`.modes[data-service="${service}"] input[value="${mode}"]`);
      if (input) input.checked = true;
    }
  });
}

function setLive(state, text) {
  const node = byId('live');
  if (node.dataset.state === state) return;
  node.dataset.state = state;
  node.textContent = text;
}

function forget() {
  lastSeq = 0;
  Object.values(feeds).forEach((feed) => feed.clear());
}

// --- the feeds

/** One service's messages, the newest at the end, as in the real thing. */
class Feed {
  constructor(service) {
    this.service = service;
    this.root = document.querySelector(`[data-feed="${service}"]`);
    this.scroll = this.root.querySelector('.scroll');
    this.list = this.root.querySelector('ol');
    this.newer = this.root.querySelector('.newer');
    this.channels = new Set();
    this.accepted = 0;
    /** The line of refusals that the next equal one joins. */
    this.refusals = null;
    this.following = true;
    this.scroll.addEventListener('scroll', () => this.noticeScroll(), { passive: true });
    this.newer.addEventListener('click', () => this.follow());
    new ResizeObserver(() => this.following && this.follow()).observe(this.scroll);
  }

  add(arrival) {
    this.root.querySelector('.empty').hidden = true;
    this.channels.add(arrival.channel);
    this.root.querySelector('[data-channel]').textContent = [...this.channels].join(', ');
    const isAccepted = arrival.status >= 200 && arrival.status < 300;
    if (isAccepted) {
      this.refusals = null;
      this.accepted += 1;
      document.querySelector(`[data-count="${this.service}"]`).textContent = this.accepted;
      this.list.append(this.message(arrival));
      this.foldTall();
    } else if (this.refusals?.status === arrival.status && !arrival.problem) {
      this.refusals.again(arrival);
    } else {
      this.refusals = new Refusals(arrival);
      this.list.append(this.refusals.node);
    }
    while (this.list.children.length > POSTS_MAX) this.list.firstElementChild.remove();
    if (this.following) this.follow();
    else this.newer.hidden = false;
  }

  message(arrival) {
    const where = this.channels.size > 1 ? el('span', 'where', `in ${arrival.channel}`) : null;
    // The history appears at once; what comes now moves in.
    const isNew = Date.now() + skewMs - arrival.at_ms < 3_000;
    return el('li', isNew ? 'message new' : 'message',
      avatar(),
      el('article', 'content',
        el('header', 'by', el('b', '', 'Rowbell'), this.service === 'slack' ? el('span', 'badge', 'APP') : null,
          el('time', { datetime: new Date(arrival.at_ms).toISOString() }, timeOf(arrival.at_ms)), where),
        el('div', 'body', RENDER[this.service](arrival.payload)),
        arrival.problem ? el('p', 'problem', `Accepted, but ${NAMES[this.service]} would not show it: ${arrival.problem}`) : null,
        raw(arrival)));
  }

  /** Folds what has not been measured yet; a feed that is not shown has no heights. */
  foldTall() {
    if (this.list.offsetParent === null) return;
    this.list.querySelectorAll('.body:not([data-measured])').forEach(fold);
  }

  follow() {
    this.scroll.scrollTop = this.scroll.scrollHeight;
    this.following = true;
    this.newer.hidden = true;
  }

  noticeScroll() {
    this.following = this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight < 40;
    if (this.following) this.newer.hidden = true;
  }

  clear() {
    this.list.replaceChildren();
    this.channels.clear();
    this.refusals = null;
    this.accepted = 0;
    this.root.querySelector('.empty').hidden = false;
  }
}

/** Equal refusals in a row, as one quiet line. */
class Refusals {
  constructor(arrival) {
    this.status = arrival.status;
    this.count = 0;
    this.text = el('span', '');
    this.time = el('time', '');
    this.node = el('li', arrival.problem ? 'refused wrong' : 'refused',
      el('b', '', String(arrival.status)), this.text, this.time, arrival.problem ? raw(arrival) : null);
    this.again(arrival);
  }

  again(arrival) {
    this.count += 1;
    this.text.textContent = refusalWords(arrival) + (this.count > 1 ? `, ${this.count} times` : '');
    this.time.textContent = timeOf(arrival.at_ms);
  }
}

function refusalWords(arrival) {
  if (arrival.retry_after_s !== null) return `told to wait ${arrival.retry_after_s} s`;
  if (arrival.problem) return `${arrival.answer.startsWith('{') ? '' : `${arrival.answer}: `}${arrival.problem}`;
  return arrival.status === 503 ? 'the service is down' : arrival.answer || 'refused';
}

/** Folds a tall message behind a button, as both services do. */
function fold(body) {
  body.dataset.measured = '';
  if (body.scrollHeight <= TALL_PX) return;
  const button = el('button', { type: 'button', class: 'more', 'aria-expanded': 'false' }, 'Show more');
  button.addEventListener('click', () => {
    const isFolded = body.classList.toggle('folded');
    button.textContent = isFolded ? 'Show more' : 'Show less';
    button.setAttribute('aria-expanded', String(!isFolded));
  });
  body.classList.add('folded');
  body.after(button);
}

/** The request as it came, written out when someone opens it. */
function raw(arrival) {
  const node = el('details', 'raw', el('summary', '', 'JSON'));
  node.addEventListener('toggle', () => {
    if (!node.open || node.children.length > 1) return;
    const fallback = arrival.service === 'slack' && list(arrival.payload?.blocks).length + list(arrival.payload?.attachments).length > 0 && arrival.payload.text;
    if (fallback) node.append(el('p', 'notification', el('b', '', 'Notification: '), fallback));
    node.append(el('pre', { tabindex: '0' }, JSON.stringify(arrival.payload, null, 2)));
  });
  return node;
}

const feeds = { slack: new Feed('slack'), teams: new Feed('teams') };

// --- lanes and partitions

const lanes = new Map();
const partitions = new Map();
let latest = { lanes: [], partitions: [] };

function showStatus(status) {
  skewMs = status.now_ms - Date.now();
  latest = status;
  keyed(byId('lanes'), lanes, status.lanes, (lane) => lane.destination, (lane) => new Lane(lane));
  const read = status.partitions.filter((partition) => partition.position > 0);
  keyed(byId('partitions'), partitions, read, (partition) => `${partition.topic}/${partition.partition}`, (partition) => new Partition(partition));
  showHeld();
}

/** Updates a list in place: views are made for new keys, dropped for gone ones, and told the news otherwise. */
function keyed(parent, views, items, keyOf, make) {
  const keys = new Set(items.map(keyOf));
  for (const [key, view] of views) {
    if (!keys.has(key)) {
      view.node.remove();
      views.delete(key);
    }
  }
  items.forEach((item, index) => {
    const key = keyOf(item);
    if (!views.has(key)) views.set(key, make(item));
    const view = views.get(key);
    if (parent.children[index] !== view.node) parent.insertBefore(view.node, parent.children[index] ?? null);
    view.update(item);
  });
}

class Lane {
  constructor(lane) {
    this.state = el('span', 'state');
    this.dots = el('span', { class: 'dots', 'aria-hidden': 'true' });
    this.pending = el('span', 'pending');
    this.numbers = el('dl', 'numbers');
    this.node = el('li', 'lane', el('div', 'lane-head', el('b', '', lane.destination), el('span', 'kind', NAMES[lane.type] ?? lane.type), this.state),
      el('div', 'queue', this.dots, this.pending), this.numbers);
  }

  update(lane) {
    this.lane = lane;
    const { critical = 0, normal = 0, low = 0 } = lane.pending;
    const dots = [['flight', lane.in_flight], ['critical', critical], ['normal', normal], ['low', low]]
      .flatMap(([kind, count]) => Array.from({ length: Math.min(count, DOTS_MAX) }, () => kind));
    this.dots.replaceChildren(...dots.slice(0, DOTS_MAX).map((kind) => el('i', kind)));
    const priorities = [critical && `${critical} critical`, normal && `${normal} normal`, low && `${low} low`].filter(Boolean);
    this.pending.textContent = priorities.join(', ') || 'nothing pending';
    this.numbers.replaceChildren(...[
      ['in flight', lane.in_flight], ['delivered', lane.delivered], ['retried', lane.retried],
    ].map(([name, value]) => el('div', '', el('dt', '', name), el('dd', '', String(value)))));
    this.tick();
  }

  /** The state in words, with the seconds left. */
  tick() {
    const { waiting, pending, in_flight } = this.lane;
    const count = pending.critical + pending.normal + pending.low;
    const left = waiting?.until_ms ? Math.max(0, waiting.until_ms - skewMs - Date.now()) : null;
    let [state, words] = in_flight > 0 ? ['posting', 'posting'] : count > 0 ? ['posting', 'next'] : ['idle', 'idle'];
    if (waiting && in_flight === 0) {
      state = ['rate', 'commit'].includes(waiting.reason) ? 'pacing' : 'waiting';
      words = { rate: 'keeps its pace', retry_after: 'told to wait (429)', backoff: 'failed, will try again',
        breaker: 'destination fails, rests', commit: 'waits for the commit' }[waiting.reason] ?? waiting.reason;
      if (left !== null) words += `, ${(left / 1000).toFixed(left < 10_000 ? 1 : 0)} s`;
    }
    this.node.dataset.state = state;
    if (this.state.textContent !== words) this.state.textContent = words;
  }
}

class Partition {
  constructor(partition) {
    this.bar = el('div', { class: 'bar', 'aria-hidden': 'true' });
    this.committedCell = el('td', '');
    this.readCell = el('td', '');
    this.name = `${partition.topic.split('.').at(-1)}\u00a0${partition.partition}`;
    this.node = el('tr', { class: 'partition', title: `${partition.topic}, partition ${partition.partition}` },
      el('th', { scope: 'row' }, this.name), el('td', '', this.bar), this.committedCell, this.readCell);
    this.committed = partition.committed;
  }

  update(partition) {
    this.gap = Math.max(0, partition.position - (partition.committed ?? 0));
    this.owing = list(partition.held_by);
    // Not every gap is a post's: what owes none is committed within seconds, too. Without better knowledge a busy lane tells.
    this.isHeld = this.gap > 0 && (this.owing.length > 0 || latest.lanes.some(isBusy));
    this.node.dataset.state = this.isHeld ? 'held' : this.gap > 0 ? 'moving' : 'even';
    this.bar.replaceChildren(el('i', 'done'), ...Array.from({ length: Math.min(this.gap, GAP_MAX) }, () => el('i', 'open')));
    this.committedCell.textContent = String(partition.committed ?? 'none');
    this.readCell.textContent = String(partition.position);
    if (partition.committed !== this.committed) {
      this.committed = partition.committed;
      this.node.classList.remove('moved');
      requestAnimationFrame(() => this.node.classList.add('moved'));
    }
  }
}

/** One line that says whose commit waits, and for whom. */
function showHeld() {
  const held = [...partitions.values()].filter((partition) => partition.isHeld);
  const gap = held.reduce((sum, partition) => sum + partition.gap, 0);
  const owing = [...new Set(held.flatMap((partition) => partition.owing))];
  byId('held').hidden = held.length === 0;
  byId('promise').hidden = held.length > 0;
  byId('held').textContent = `The commit waits for a post${owing.length ? ` to ${owing.join(', ')}` : ''}: `
    + `${gap} ${gap === 1 ? 'record' : 'records'} read and not committed in ${held.map((partition) => partition.name).join(', ')}.`;
}

const isBusy = ({ pending, in_flight }) => in_flight + pending.critical + pending.normal + pending.low > 0;

setInterval(() => lanes.forEach((lane) => lane.tick()), 100);

// --- the buttons

async function ask(path, body) {
  try {
    const response = await fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    byId('note').textContent = response.ok ? '' : await response.text() || `refused: ${response.status}`;
  } catch {
    byId('note').textContent = 'The demo does not answer.';
  }
}

document.querySelectorAll('[data-change]').forEach((button) =>
  button.addEventListener('click', () => ask('/demo/change', { what: button.dataset.change })));
document.querySelectorAll('.modes').forEach((group) =>
  group.addEventListener('change', (event) => ask('/demo/fault', { destination: group.dataset.service, mode: event.target.value })));

document.querySelectorAll('[data-show]').forEach((button) =>
  button.addEventListener('click', () => {
    byId('feeds').dataset.shown = button.dataset.show;
    document.querySelectorAll('[data-show]').forEach((other) => other.setAttribute('aria-pressed', String(other === button)));
    feeds[button.dataset.show].foldTall();
    feeds[button.dataset.show].follow();
  }));
byId('feeds').dataset.shown = 'slack';

listen();
