// The list of messages of one room.
import { avatar, byId, el, hue } from './dom.js';
import { pictureOf } from './pictures.js';

const most = 300; // a page that stays open for days does not grow for ever
const pause = 5 * 60_000; // messages of one person within this time stand together

const scroll = byId('scroll');
const list = byId('messages');
const newer = byId('newer');
const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });

let records = new Map(); // by key, in the order shown
let me = '';
let actions = {};
let stuck = true; // the view follows the newest message

/** actions: picture(key), retry(item), discard(item). */
export function setUp(given) {
  actions = given;
  scroll.addEventListener('scroll', () => {
    stuck = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    if (stuck) newer.hidden = true;
  });
  newer.addEventListener('click', () => toEnd());
  new ResizeObserver(() => stuck && toEnd()).observe(scroll);
  new ResizeObserver(() => stuck && toEnd()).observe(list);
}

export function clear(name) {
  me = name;
  for (const record of records.values()) record.release?.();
  records = new Map();
  list.replaceChildren();
  stuck = true;
  newer.hidden = true;
}

/** Shows many messages at once without a screen reader reading them all. */
export function quietly(show) {
  list.setAttribute('aria-live', 'off');
  show();
  setTimeout(() => list.setAttribute('aria-live', 'polite'), 500);
  toEnd();
}

export const isEmpty = () => records.size === 0;

export function rename(name) { me = name; }

/** Shows a post, or completes the one that was shown before it was sent. */
export function post(message) {
  const known = records.get(message.key);
  if (!known) {
    add({ ...message, state: 'sent' });
    return true;
  }
  known.state = 'sent';
  known.at = message.at;
  dress(known);
  return false;
}

/** Shows one's own message in whatever state it is. */
export function item(own) {
  const known = records.get(own.key);
  if (!known) {
    add({ ...own, from: me, own });
    return;
  }
  Object.assign(known, { state: own.state, problem: own.problem, at: own.at });
  dress(known);
}

/** A line about the room itself. */
export function note(text, divider = false) {
  list.append(el('li', { className: divider ? 'note divider' : 'note', textContent: text }));
  followed();
}

function add(record) {
  record.node = el('li', { className: record.from === me ? 'message mine' : 'message' });
  record.node.style.setProperty('--hue', hue(record.from));
  const body = el('div', { className: 'bubble' });
  if (record.image) {
    const { node, release } = pictureOf(record, actions.picture);
    record.release = release;
    body.append(node);
  }
  if (record.text) body.append(el('p', { className: 'text', textContent: record.text }));
  record.foot = el('p', { className: 'foot' });
  record.node.append(
    avatar(record.from), el('p', { className: 'from', textContent: record.from }), body, record.foot);
  const before = [...records.values()].at(-1);
  if (before?.node === list.lastElementChild && before.from === record.from && record.at - before.at < pause) {
    record.node.classList.add('follows');
  }
  records.set(record.key, record);
  dress(record);
  list.append(record.node);
  shorten();
  followed();
}

function dress(record) {
  const { node, foot, state, at } = record;
  node.dataset.state = state;
  const time = el('time', { dateTime: new Date(at).toISOString(), textContent: clock.format(at) });
  if (state === 'sent') {
    foot.replaceChildren(time);
  } else if (state === 'failed') {
    foot.replaceChildren(`Not sent. ${record.problem} `,
      el('button', { type: 'button', textContent: 'Try again', onclick: () => actions.retry(record.own) }),
      el('button', { type: 'button', textContent: 'Delete', onclick: () => remove(record) }));
  } else {
    foot.replaceChildren(record.problem || (state === 'sending' ? 'Sending…' : 'Waiting for the server…'));
  }
}

function remove(record) {
  actions.discard(record.own);
  drop(record);
}

function drop(record) {
  record.release?.();
  record.node.remove();
  records.delete(record.key);
}

function shorten() {
  while (records.size > most) drop(records.values().next().value);
  while (list.childElementCount > 2 * most) list.firstElementChild.remove();
}

function followed() {
  if (stuck) toEnd();
  else newer.hidden = false;
}

function toEnd() {
  scroll.scrollTop = scroll.scrollHeight;
  stuck = true;
  newer.hidden = true;
}
