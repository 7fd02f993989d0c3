// The preview's page: the posts that stand in the page, each under a line that says where it goes and why.

import { el, list, avatar } from '/demo/dom.js';
import { renderSlack, mrkdwn } from '/demo/slack.js';
import { renderTeams } from '/demo/teams.js';

const RENDER = { slack: renderSlack, teams: renderTeams };

/** A message; `payload` is what it shows by now, which is not what was posted where it was updated. */
function message(post, payload = post.payload) {
  const json = JSON.stringify(payload, null, 2);
  return el('div', 'message', avatar(), el('article', 'content',
    el('header', 'by', el('b', '', 'Rowbell'), post.broadcast ? el('span', 'where', 'also sent to the channel') : null),
    el('div', 'body', RENDER[post.type](payload)),
    payload === post.payload ? null : el('p', 'where', '(edited)'),
    el('details', 'raw', el('summary', '', 'JSON'),
      notification(payload) && el('p', 'notification', el('b', '', 'Notification: '), notification(payload)),
      el('pre', { tabindex: '0' }, json))));
}

/** What a phone's lock screen shows of a Slack message. */
function notification(payload) {
  return typeof payload.text === 'string' && payload.blocks ? el('span', '', mrkdwn(payload.text, true)).textContent : '';
}

function why(post) {
  const [record, ...others] = post.records;
  return el('p', 'why', el('b', '', post.destination), post.type,
    el('span', `priority-${post.priority}`, post.priority),
    `${post.rules.length === 1 ? 'rule' : 'rules'} ${post.rules.join(', ')}`,
    el('code', '', `${record.topic}:${record.partition}:${record.offset}${others.length ? ` and ${others.length} more` : ''}`));
}

function show(post) {
  if (!RENDER[post.type]) return el('section', 'post', why(post), el('div', 'feed', el('pre', 'json', JSON.stringify(post.payload, null, 2))));
  const replies = list(post.replies);
  return el('section', 'post', why(post), el('div', `feed ${post.type}`, message(post, post.latest),
    replies.length ? el('div', 'thread',
      el('p', 'where', `${replies.length} ${replies.length === 1 ? 'reply' : 'replies'}`),
      replies.map((reply) => [why(reply), message(reply)])) : null));
}

/** The lock screen of a phone. */
function ring(post) {
  return el('section', 'post ring', el('p', '', el('b', '', 'Slack'), el('b', '', `Rowbell in #${post.destination}`)), el('p', 'said', notification(post.payload)));
}

// For scripts that photograph posts: nothing but messages, or their notifications, and how tall they are.
const isPhone = location.hash === '#phone';
const isPicture = isPhone || location.hash === '#picture';
if (isPicture) document.documentElement.classList.add('picture');

const { posts, added, left_out } = JSON.parse(document.getElementById('data').textContent);
document.getElementById('posts').append(...posts.map(isPhone ? ring : show));
document.getElementById('count').textContent =
  `${added} ${added === 1 ? 'post' : 'posts'}${left_out ? ` and ${left_out} more that this page leaves out` : ''}, none of them sent`;
if (isPicture) document.documentElement.dataset.height = Math.ceil(document.getElementById('posts').getBoundingClientRect().bottom);
