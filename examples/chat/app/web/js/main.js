// Puts the page together: what happens on the wire, and what the person does.
import { byId, remember, remembered } from './dom.js';
import { Session } from './session.js';
import * as composer from './composer.js';
import * as messages from './messages.js';
import * as side from './side.js';
import * as welcome from './welcome.js';
import * as wire from './wire.js';

let here = null; // the last answer to "join"
let unread = 0;
let writing = []; // the names of those who are typing
let expected = new Set(); // who was here before the connection was lost

// "?transport=polling" keeps the page from upgrading, to see that it works without WebSocket.
const only = new URLSearchParams(location.search).get('transport');

const session = new Session(window.io, {
  state: wire.show,
  joined, refused, post, presence, rooms: side.showRooms, typing,
  item: (item) => { if (item.room === here?.room) messages.item(item); },
}, only ? { transports: [only] } : {});

messages.setUp({
  picture: (key) => session.picture(key),
  retry: (item) => session.retry(item),
  discard: (item) => session.discard(item),
});
composer.setUp({
  send: (text, image) => session.send(text, image),
  typing: (on) => session.typing(on),
});
side.setUp({ enter, rename: () => welcome.ask('', { name: here.name, room: here.room }) });
wire.setUp(() => session.connect());
welcome.setUp((name, room) => session.join(name, room));

function enter(room) {
  if (room !== here.room) session.join(wantedName(), room);
}

// The name as it was chosen: the number behind it was the other room's.
function wantedName() { return remembered(sessionStorage, 'name') ?? here.name; }

function joined(reply) {
  const before = here;
  here = reply;
  welcome.done();
  byId('app').hidden = false;
  side.showMe(reply.name, reply.room);
  side.showRooms(reply.rooms);
  side.showPeople(reply.people);
  composer.inRoom(reply.room, reply.limits);
  composer.focus();
  typing({ room: reply.room, names: [] });
  if (before?.name !== reply.name) remember(sessionStorage, 'name', reply.name.replace(/ \(\d+\)$/, ''));
  remember(sessionStorage, 'room', reply.room);
  history.replaceState(null, '', `${location.search}#${encodeURIComponent(reply.room)}`);

  expected = new Set(before?.room === reply.room ? before.people : []);

  messages.quietly(() => {
    if (before?.room !== reply.room) messages.clear(reply.name);
    else {
      messages.rename(reply.name);
      const restarted = before.run !== reply.run && !messages.isEmpty();
      if (restarted) messages.note('The server was restarted. What stands above is on this page only.', true);
    }
    for (const message of reply.history) messages.post(message);
    for (const item of session.waiting(reply.room)) messages.item(item);
  });
  title();
}

function refused(message, wanted) {
  welcome.ask(message, wanted);
}

function post(message) {
  if (message.room !== here?.room) return;
  typing({ room: message.room, names: writing.filter((name) => name !== message.from) });
  const news = messages.post(message);
  if (news && document.hidden) {
    unread++;
    title();
  }
}

function presence({ room, people, came, went }) {
  if (room !== here?.room) return;
  // After a restart everybody comes anew; those who were here a moment ago are no news.
  const back = expected.delete(came) || here.people.includes(came);
  if (came && came !== here.name && !back) messages.note(`${came} came in`);
  if (went && !people.includes(went)) messages.note(`${went} left`);
  here.people = people;
  side.showPeople(people);
}

function typing({ room, names }) {
  if (room !== here?.room) return;
  writing = names;
  const others = names.filter((name) => name !== here.name);
  const who = others.length > 2 ? 'Several people are' : others.length === 2 ? `${others.join(' and ')} are` : `${others[0]} is`;
  byId('typing').textContent = others.length ? `${who} typing…` : '';
}

function title() {
  document.title = `${unread ? `(${unread}) ` : ''}${here ? `${here.room} · ` : ''}Kawat chat`;
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  unread = 0;
  title();
});
window.addEventListener('hashchange', () => { if (here && welcome.roomOfAddress()) enter(welcome.roomOfAddress()); });

// After a reload the person is back where they were; a new tab asks.
const name = remembered(sessionStorage, 'name');
const room = welcome.roomOfAddress() ?? remembered(sessionStorage, 'room');
if (name && room) session.join(name, room);
else welcome.ask();
