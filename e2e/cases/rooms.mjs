import assert from 'node:assert/strict';
import { bytes, same } from '../lib/same.mjs';
import { call, record, settle, until } from '../lib/world.mjs';

/** Three sockets: a and b in the room, c outside of it. Each records the event. */
async function trio(world, event) {
  const room = world.name();
  const sockets = await world.connectMany(3);
  await Promise.all(sockets.slice(0, 2).map((socket) => call(socket, 'join', [room])));
  return { room, sockets, heard: sockets.map((socket) => record(socket, event)) };
}

/** Lets the first socket relay, and waits until every socket has what was sent before. */
async function relay(sockets, order) {
  await call(sockets[0], 'relay', order);
  await settle(...sockets);
}

export const rooms = [
  {
    name: 'join, leave and one\'s own room',
    async run(world) {
      const [one, two] = [world.name(), world.name()];
      const socket = await world.connect();
      same((await call(socket, 'join', [one, two])).sort(), [one, two, socket.id].sort());
      same(await call(socket, 'members', one), [socket.id]);
      same((await call(socket, 'leave', one)).sort(), [two, socket.id].sort());
      same(await call(socket, 'members', one), []);
      same(await call(socket, 'members', socket.id), [socket.id]);
    },
  },
  {
    name: 'io.to(room) reaches the members, each once, in several rooms too',
    async run(world) {
      const { room, sockets, heard } = await trio(world, 'news');
      const second = world.name();
      await call(sockets[0], 'join', [second]);
      await relay(sockets, { from: 'io', to: [room, second], event: 'news', value: 1 });
      same(heard, [[1], [1], []]);
    },
  },
  {
    name: 'socket.to(room) leaves the sender out',
    async run(world) {
      const { room, sockets, heard } = await trio(world, 'news');
      await relay(sockets, { from: 'socket', to: [room], event: 'news', value: { blob: bytes(20) } });
      same(heard, [[], [{ blob: bytes(20) }], []]);
    },
  },
  {
    name: 'except(room) and except(id)',
    async run(world) {
      const { room, sockets, heard } = await trio(world, 'news');
      const muted = world.name('muted');
      await call(sockets[1], 'join', [muted]);
      await relay(sockets, { from: 'io', to: [room], except: [muted], event: 'news', value: 1 });
      await relay(sockets, { from: 'io', to: [room], except: [sockets[0].id], event: 'news', value: 2 });
      same(heard, [[1], [2], []]);
    },
  },
  {
    name: 'a broadcast from a socket reaches everybody else',
    async run(world) {
      const event = world.name('news'); // nobody else listens to it, whoever is connected
      const sockets = await world.connectMany(3);
      const heard = sockets.map((socket) => record(socket, event));
      await relay(sockets, { from: 'broadcast', event, value: 'all' });
      same(heard, [[], ['all'], ['all']]);
      await relay(sockets, { from: 'io', except: [sockets[2].id], event, value: 'both' });
      same(heard, [['both'], ['all', 'both'], ['all']]);
    },
  },
  {
    name: 'another socket by its id, local and volatile broadcasts',
    async run(world) {
      const { room, sockets, heard } = await trio(world, 'news');
      await relay(sockets, { from: 'socket', to: [sockets[2].id], event: 'news', value: 'you' });
      same(heard, [[], [], ['you']]);
      await relay(sockets, { from: 'io', to: [room], flag: 'local', event: 'news', value: 'here' });
      same(heard, [['here'], ['here'], ['you']]);
      // Volatile may be dropped while no poll is there: it is repeated until it has come.
      for (let i = 0; i < 500 && !heard[1].includes('light'); i++) {
        await relay(sockets, { from: 'socket', to: [room], flag: 'volatile', event: 'news', value: 'light' });
      }
      assert.ok(heard[1].includes('light'));
      assert.ok(!heard[0].includes('light') && !heard[2].includes('light'));
    },
  },
  {
    name: 'whole rooms are moved and disconnected',
    async run(world) {
      const { room, sockets, heard } = await trio(world, 'news');
      const second = world.name();
      const [a, b, c] = sockets;
      await call(c, 'move', { room, join: [second] });
      same(await call(c, 'members', second), [a.id, b.id].sort());
      await call(c, 'move', { room: second, leave: [room] });
      same(await call(c, 'members', room), []);
      await relay([c, a, b], { from: 'io', to: [second], event: 'news', value: 1 });
      same(heard, [[1], [1], []]);

      c.emit('kick', { room: second, close: false });
      await until('both to be gone', () => !a.connected && !b.connected);
      await settle(c);
    },
  },
  {
    name: 'a closed socket has left its rooms',
    async run(world) {
      const { room, sockets } = await trio(world, 'news');
      const [a, b, c] = sockets;
      const id = a.id;
      a.disconnect();
      same((await call(c, 'left', id)).rooms, [room, id].sort());
      same(await call(c, 'members', room), [b.id]);
    },
  },
];
