// The dialog that asks for a name and a room.
import { byId, remember, remembered } from './dom.js';

const dialog = byId('welcome');
const name = byId('name');
const room = byId('first-room');
const problem = byId('welcome-problem');
let inside = false; // it can be left only when there is something behind it

/** join(name, room) is called with what was chosen. */
export function setUp(join) {
  byId('welcome-form').addEventListener('submit', (event) => {
    event.preventDefault();
    problem.textContent = '';
    remember(localStorage, 'name', name.value);
    join(tidy(name.value), tidy(room.value));
  });
  dialog.addEventListener('cancel', (event) => { if (!inside) event.preventDefault(); });
  name.value = remembered(localStorage, 'name') ?? '';
  room.value = roomOfAddress() ?? 'lobby';
}

export function ask(message = '', given = {}) {
  if (given.name) name.value = given.name;
  if (given.room) room.value = given.room;
  problem.textContent = message;
  if (!dialog.open) dialog.showModal();
  name.select();
}

export function done() {
  inside = true;
  if (dialog.open) dialog.close();
}

/** The room that a shared link names: http://…/#gardening */
export function roomOfAddress() {
  try {
    return tidy(decodeURIComponent(location.hash.slice(1))) || null;
  } catch {
    return null;
  }
}

const tidy = (text) => text.trim().replace(/\s+/g, ' ');
