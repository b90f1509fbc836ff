import assert from 'node:assert/strict';
import { same } from '../lib/same.mjs';
import { call, next, nextValue, settle, sleep, until } from '../lib/world.mjs';

export const connect = [
  {
    name: 'a client that offers WebSocket subprotocols is given the first',
    needs: 'protocols',
    modes: ['websocket', 'upgrade'],
    async run(world) {
      const socket = await world.connect('/', { protocols: ['my-app', 'other'] });
      if (socket.io.engine.transport.name !== 'websocket') await next(socket.io.engine, 'upgrade');
      assert.equal(socket.io.engine.transport.ws.protocol, 'my-app');
    },
  },
  {
    name: 'connects with auth and query, and both sides agree on the id',
    needs: 'auth',
    async run(world) {
      const auth = { token: 'let me in', roles: ['a', 'b'] };
      const socket = await world.connect('/', { auth, query: { lang: 'bahasa é' } });
      const { transport, ...who } = await call(socket, 'whoami');
      same(who, { id: socket.id, nsp: '/', auth, lang: 'bahasa é' });
      assert.match(transport, /^(polling|websocket)$/);
    },
  },
  {
    name: 'auth given by a function',
    needs: 'auth',
    async run(world) {
      const socket = await world.connect('/', { auth: (give) => setTimeout(() => give({ token: 'late' }), 5) });
      same((await call(socket, 'whoami')).auth, { token: 'late' });
    },
  },
  {
    name: 'what the server emits on connection arrives',
    async run(world) {
      const socket = world.socket();
      const hello = nextValue(socket, 'hello');
      socket.connect();
      same(await hello, { id: socket.id });
    },
  },
  {
    name: 'uses the transport that it was told to use',
    async run(world) {
      const socket = await world.connect();
      await until('the final transport', () => socket.io.engine.transport.name === world.transport);
      let server;
      for (let i = 0; i < 200 && server !== world.transport; i++, await sleep(10)) server = (await call(socket, 'whoami')).transport;
      assert.equal(server, world.transport);
      if (world.mode === 'polling') {
        await sleep(200);
        assert.equal(socket.io.engine.transport.name, 'polling');
      }
    },
  },
  {
    name: 'a middleware refuses with message and data, and the connection can try again',
    needs: 'auth',
    async run(world) {
      const socket = world.socket('/', { auth: { token: 'forbidden' } });
      const refused = nextValue(socket, 'connect_error');
      socket.connect();
      const err = await refused;
      assert.ok(err instanceof Error);
      assert.equal(err.message, 'not allowed');
      same(err.data, { code: 403, field: 'token' });
      assert.equal(socket.connected, false);

      socket.auth = { token: 'good' };
      const connected = next(socket, 'connect');
      socket.connect();
      await connected;
      same((await call(socket, 'whoami')).auth, { token: 'good' });
    },
  },
  {
    name: 'an unexpected error in a middleware says nothing about itself',
    needs: 'auth',
    async run(world) {
      const socket = world.socket('/', { auth: { token: 'broken' } });
      const refused = nextValue(socket, 'connect_error');
      socket.connect();
      const err = await refused;
      assert.equal(err.message, 'internal error');
      assert.equal(err.data, undefined);
    },
  },
  {
    name: 'an unknown namespace is "Invalid namespace"',
    needs: 'auth',
    async run(world) {
      const socket = world.socket('/nowhere');
      const refused = nextValue(socket, 'connect_error');
      socket.connect();
      assert.equal((await refused).message, 'Invalid namespace');
    },
  },
  {
    name: 'a namespace has its own middleware, ids and handlers',
    needs: 'auth',
    async run(world) {
      const refused = world.socket('/chat');
      const error = nextValue(refused, 'connect_error');
      refused.connect();
      assert.equal((await error).message.length > 0, true);

      const room = world.name();
      const [ani, budi] = await Promise.all(['ani', 'budi'].map((name) => world.connect('/chat', { auth: { name } })));
      await Promise.all([call(ani, 'join', [room]), call(budi, 'join', [room])]);
      assert.equal((await call(ani, 'whoami')).nsp, '/chat');
      const heard = nextValue(budi, 'shouted');
      ani.emit('shout', { room, text: 'selamat pagi' });
      same(await heard, { name: 'ani', text: 'selamat pagi' });
    },
  },
  {
    name: 'two namespaces share one connection, and an unknown one does not harm them',
    needs: 'auth',
    async run(world) {
      const main = await world.connect();
      const chat = main.io.socket('/chat', { auth: { name: 'citra' } });
      const nowhere = main.io.socket('/nowhere');
      const [, [error]] = await Promise.all([
        next(open(chat), 'connect'), next(open(nowhere), 'connect_error'),
      ]);
      assert.equal(error.message, 'Invalid namespace');
      assert.notEqual(main.id, chat.id);
      same((await call(chat, 'whoami')).nsp, '/chat');

      const left = next(chat, 'disconnect');
      chat.disconnect();
      await left;
      await settle(main);
      assert.equal(main.connected, true);
    },
  },
];

function open(socket) {
  socket.connect();
  return socket;
}
