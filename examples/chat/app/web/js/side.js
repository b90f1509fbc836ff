// The list of rooms, the people in this one, and the drawer they are in on a phone.
import { avatar, byId, el } from './dom.js';

const app = byId('app');
const menu = byId('menu');
const rooms = byId('rooms');
const people = byId('people');
let listed = [];
let here = { room: '', name: '' };

/** on: enter(room), rename(). */
export function setUp(on) {
  byId('new-room').addEventListener('submit', (event) => {
    event.preventDefault();
    const field = byId('new-room-name');
    const name = field.value.trim().replace(/\s+/g, ' ');
    if (!name) return;
    field.value = '';
    close();
    on.enter(name);
  });
  rooms.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    close();
    on.enter(button.dataset.room);
  });
  byId('rename').addEventListener('click', () => { close(); on.rename(); });
  menu.addEventListener('click', () => open(!app.classList.contains('side-open')));
  byId('scrim').addEventListener('click', close);
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && app.classList.contains('side-open')) { close(); menu.focus(); }
  });
}

export function showMe(name, room) {
  here = { room, name };
  byId('me-avatar').replaceWith(Object.assign(avatar(name), { id: 'me-avatar' }));
  byId('me-name').textContent = name;
  byId('room-name').textContent = room;
  showRooms(listed);
}

export function showRooms(given) {
  listed = given;
  const focused = document.activeElement?.dataset?.room;
  rooms.replaceChildren(...listed.map(({ name, people: count }) => {
    const button = el('button', { type: 'button' }, el('span', { className: 'room-label', textContent: name }));
    if (count > 0) button.append(el('span', { className: 'count', textContent: count, title: `${count} here` }));
    button.dataset.room = name;
    if (name === here.room) button.setAttribute('aria-current', 'true');
    return el('li', {}, button);
  }));
  if (focused) [...rooms.querySelectorAll('button')].find((button) => button.dataset.room === focused)?.focus();
}

export function showPeople(names) {
  people.replaceChildren(...names.map((name) =>
    el('li', {}, avatar(name), el('span', { className: 'who', textContent: name }),
      name === here.name ? el('span', { className: 'dim', textContent: 'you' }) : null)));
  byId('room-count').textContent = names.length === 1 ? 'Only you are here' : `${names.length} people`;
}

function open(on) {
  app.classList.toggle('side-open', on);
  menu.setAttribute('aria-expanded', String(on));
  if (on) rooms.querySelector('button')?.focus();
}

function close() { open(false); }
