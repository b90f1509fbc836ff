// What socket.io-client 1 and 2 do in their own way.
import assert from 'node:assert/strict';
import { bytes, same } from '../lib/same.mjs';
import { call, next, nextValue, settle, until } from '../lib/world.mjs';
import { ownServer } from './restart.mjs';

/** Opens a socket that is going to be refused, and returns what it is told. */
function refusal(socket) {
  const error = nextValue(socket, 'error');
  socket.connect();
  return error;
}

export const older = [
  {
    name: 'joins "/" by itself, and the query is the handshake\'s',
    async run(world) {
      const socket = await world.connect('/', { query: { lang: 'bahasa' } });
      const { transport, ...who } = await call(socket, 'whoami');
      same(who, { id: socket.id, nsp: '/', auth: {}, lang: 'bahasa' });
      assert.equal(socket.id, socket.io.engine.id);
    },
  },
  {
    name: 'a namespace\'s query is its auth',
    async run(world) {
      const main = await world.connect();
      const chat = main.io.socket('/chat', { query: 'name=dewi%20%26+co&token=a%2Bb%3Dc' });
      const connected = next(chat, 'connect');
      chat.connect();
      await connected;
      const { id, nsp, auth } = await call(chat, 'whoami');
      same({ id, nsp, auth }, { id: `/chat#${main.io.engine.id}`, nsp: '/chat', auth: { name: 'dewi & co', token: 'a+b=c' } });
      await settle(main);

      const left = next(chat, 'disconnect');
      chat.disconnect();
      await left;
      await settle(main);
    },
  },
  {
    name: 'a query in the URL is the namespace\'s, too',
    async run(world) {
      const socket = await world.connect('/chat?name=eka&token=1');
      same((await call(socket, 'whoami')).auth, { name: 'eka', token: '1' });
    },
  },
  {
    name: 'a refusal is an error event, with the message',
    async run(world) {
      same(await refusal(world.socket('/', { query: { token: 'broken' } })), 'internal error');
      same(await refusal(world.socket('/chat')), 'a name is needed');
    },
  },
  {
    name: 'a refusal is an error event, with the data where there is some',
    async run(world) {
      same(await refusal(world.socket('/', { query: { token: 'forbidden' } })), { code: 403, field: 'token' });
      same(await refusal(world.socket('/chat', { query: { name: 'f', token: 'forbidden' } })), { code: 403, field: 'token' });
    },
  },
  {
    name: 'an unknown namespace is an error event, and harms nobody',
    async run(world) {
      const main = await world.connect();
      const nowhere = main.io.socket('/nowhere', { query: 'a=1' });
      same(await refusal(nowhere), { message: 'Invalid namespace' });
      await settle(main);
    },
  },
  {
    name: 'characters of every plane, both ways',
    needsToPoll: 'unicodePayloads',
    async run(world) {
      const socket = await world.connect();
      for (const text of ['é', '€', '😀', '😀a😀', '\u{10ffff}\ufffd\u2028', '"\\n\\\\n\n']) {
        same(await call(socket, 'echo-ack', text), text);
        same(await call(socket, 'echo-ack', { text, blob: bytes(5), more: [bytes(0), text] }), { text, blob: bytes(5), more: [bytes(0), text] });
      }
    },
  },
  {
    name: 'pings of the client are answered, and a server that answers none is left',
    async run(world) {
      const server = await ownServer(world, ['-ping-interval', '200', '-ping-timeout', '1000']);
      const socket = await server.connect();
      let [pings, pongs] = [0, 0];
      socket.on('ping', () => pings++);
      socket.on('pong', () => pongs++);
      await until('7 pings to be answered', () => pongs >= 7); // longer than a session lives without them
      assert.equal(socket.connected, true);
      assert.ok(pings - pongs <= 1, `${pings} pings and ${pongs} pongs`);

      const left = nextValue(socket, 'disconnect');
      server.signal('SIGSTOP');
      assert.equal(await left, 'ping timeout');
      const back = next(socket, 'connect');
      server.signal('SIGCONT');
      await back;
      await settle(socket);
    },
  },
  {
    name: 'the server disconnects the socket, and no more comes from it',
    async run(world) {
      const [socket, witness] = await world.connectMany(2);
      const { id } = socket;
      const left = nextValue(socket, 'disconnect');
      socket.emit('kick', { close: false });
      assert.equal(await left, 'io server disconnect');
      same(await call(witness, 'left', id), { reason: 'server namespace disconnect', rooms: [id], after: [] });
      await until('the client to know', () => !socket.connected);
    },
  },
];
