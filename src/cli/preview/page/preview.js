// The preview's page: the posts that stand in the page, each under a line that says where it goes and why.

import { el, avatar } from '/demo/dom.js';
import { renderSlack } from '/demo/slack.js';
import { renderTeams } from '/demo/teams.js';

const RENDER = { slack: renderSlack, teams: renderTeams };

function show(post) {
  const [record, ...others] = post.records;
  const json = JSON.stringify(post.payload, null, 2);
  const render = RENDER[post.type];
  const message = render && el('div', 'message', avatar(), el('article', 'content',
    el('header', 'by', el('b', '', 'Rowbell')),
    el('div', 'body', render(post.payload)),
    el('details', 'raw', el('summary', '', 'JSON'), el('pre', { tabindex: '0' }, json))));
  return el('section', 'post',
    el('p', 'why', el('b', '', post.destination), post.type,
      el('span', `priority-${post.priority}`, post.priority),
      `${post.rules.length === 1 ? 'rule' : 'rules'} ${post.rules.join(', ')}`,
      el('code', '', `${record.topic}:${record.partition}:${record.offset}${others.length ? ` and ${others.length} more` : ''}`)),
    el('div', `feed ${render ? post.type : ''}`, message || el('pre', 'json', json)));
}

// For scripts that photograph posts: nothing but messages, and how tall they are.
const isPicture = location.hash === '#picture';
if (isPicture) document.documentElement.classList.add('picture');

const { posts, left_out } = JSON.parse(document.getElementById('data').textContent);
document.getElementById('posts').append(...posts.map(show));
document.getElementById('count').textContent =
  `${posts.length} ${posts.length === 1 ? 'post' : 'posts'}${left_out ? ` and ${left_out} more that this page leaves out` : ''}, none of them sent`;
if (isPicture) document.documentElement.dataset.height = Math.ceil(document.getElementById('posts').getBoundingClientRect().bottom);
