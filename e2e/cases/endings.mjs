import assert from 'node:assert/strict';
import { same } from '../lib/same.mjs';
import { call, next, nextValue, settle } from '../lib/world.mjs';

/** Two sockets: one that ends, and a witness that asks the server why. */
async function pair(world, options) {
  const [leaver, witness] = await Promise.all([world.connect('/', options), world.connect()]);
  await settle(leaver);
  return { leaver, witness, id: leaver.id };
}

/** A second namespace on the same connection, which keeps the client from closing it. */
async function beside(socket) {
  const chat = socket.io.socket('/chat', { auth: { name: 'beside' }, query: 'name=beside' });
  const connected = next(chat, 'connect');
  chat.connect();
  await connected;
  return chat;
}

export const endings = [
  {
    name: 'the client disconnects',
    async run(world) {
      const { leaver, witness, id } = await pair(world);
      const left = nextValue(leaver, 'disconnect');
      leaver.disconnect();
      assert.equal(await left, 'io client disconnect');
      same(await call(witness, 'left', id), { reason: 'client namespace disconnect', rooms: [id], after: [] });
    },
  },
  {
    name: 'the server disconnects the socket and leaves the connection open',
    needs: 'rejoin',
    async run(world) {
      const { leaver, witness, id } = await pair(world);
      const chat = await beside(leaver);
      const left = nextValue(leaver, 'disconnect');
      leaver.emit('kick', { close: false });
      assert.equal(await left, 'io server disconnect');
      assert.equal((await call(witness, 'left', id)).reason, 'server namespace disconnect');
      await call(chat, 'whoami');

      const back = next(leaver, 'connect');
      leaver.connect();
      await back;
      assert.notEqual(leaver.id, id);
      await settle(leaver);
    },
  },
  {
    name: 'the server disconnects the socket and closes the connection',
    async run(world) {
      const { leaver, witness, id } = await pair(world);
      const chat = await beside(leaver);
      const left = Promise.all([leaver, chat].map((socket) => nextValue(socket, 'disconnect')));
      leaver.emit('kick', { close: true });
      same(await left, ['io server disconnect', 'io server disconnect']);
      assert.equal((await call(witness, 'left', id)).reason, 'server namespace disconnect');
    },
  },
  {
    name: 'the client\'s connection closes under the socket',
    async run(world) {
      const { leaver, witness, id } = await pair(world);
      const { engine } = leaver.io;
      if (world.mode === 'upgrade' && engine.transport.name !== 'websocket') {
        // A close in the middle of the move can be seen as a broken poll: that is another story.
        await new Promise((resolve) => engine.once('upgrade', resolve));
      }
      const left = nextValue(leaver, 'disconnect');
      engine.close();
      assert.equal(await left, 'forced close');
      assert.equal((await call(witness, 'left', id)).reason, 'transport close');
    },
  },
  {
    name: 'the server closes the connection, and the client comes back by itself',
    async run(world) {
      const { leaver, witness, id } = await pair(world, { reconnection: true });
      const left = nextValue(leaver, 'disconnect');
      const back = next(leaver, 'connect');
      leaver.emit('engine-close');
      assert.equal(await left, 'transport close');
      assert.equal((await call(witness, 'left', id)).reason, 'forced close');
      await back;
      assert.notEqual(leaver.id, id);
      await settle(leaver);
    },
  },
  {
    name: 'what was emitted while the connection was away is sent after it is back',
    async run(world) {
      const { leaver } = await pair(world, { reconnection: true });
      const left = next(leaver, 'disconnect');
      leaver.io.engine.close();
      await left;
      same(await Promise.all([1, 2, 3].map((i) => call(leaver, 'echo-ack', i))), [1, 2, 3]);
    },
  },
  {
    name: 'a retrying client delivers each message once',
    needs: 'retries',
    async run(world) {
      const socket = await world.connect('/', { reconnection: true, retries: 5, ackTimeout: 8000 });
      const acked = Array.from({ length: 20 }, (_, i) =>
        new Promise((resolve, reject) => socket.emit('seq', i, (err, value) => (err ? reject(err) : resolve(value)))));
      same(await Promise.all(acked), Array.from({ length: 20 }, (_, i) => i));
      const report = await new Promise((resolve) => socket.emit('seq-report', (err, value) => resolve(value)));
      same(report, { count: 20, firstWrong: -1 });
    },
  },
];
