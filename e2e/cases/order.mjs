import assert from 'node:assert/strict';
import { same } from '../lib/same.mjs';
import { call, until } from '../lib/world.mjs';

const count = 1000;

function number(i) {
  const blob = Buffer.alloc(4);
  blob.writeUInt32BE(i);
  return blob;
}

/** The first tick that is not the one expected, or -1. */
function listen(socket) {
  const seen = { count: 0, firstWrong: -1 };
  socket.on('tick', (i, rest) => {
    const right = i === seen.count && (!rest || Buffer.from(rest.blob).readUInt32BE(0) === i);
    if (!right && seen.firstWrong < 0) seen.firstWrong = i;
    seen.count++;
  });
  return seen;
}

// Everything is sent in the moment of connecting, so that under "upgrade" it crosses the change of transports.
export const order = [
  {
    name: `${count} events each way, mixed with binary: none lost, repeated or out of order`,
    async run(world) {
      const socket = await world.connect();
      const seen = listen(socket);
      socket.emit('burst', { n: count, binaryEvery: 3 });
      for (let i = 0; i < count; i++) socket.emit('seq', i, ...(i % 4 ? [] : [number(i)]));
      same(await call(socket, 'seq-report'), { count, firstWrong: -1 });
      await until('all ticks', () => seen.count >= count);
      same(seen, { count, firstWrong: -1 });
      if (world.mode === 'upgrade') await until('the upgrade', () => socket.io.engine.transport.name === 'websocket');
      same(await call(socket, 'echo-ack', 'still here'), 'still here');
    },
  },
  {
    name: 'a slow trickle across the upgrade keeps its order',
    modes: ['upgrade'],
    async run(world) {
      const socket = await world.connect();
      const seen = listen(socket);
      let sent = 0;
      await new Promise((resolve) => {
        const send = () => {
          for (let i = 0; i < 5; i++, sent++) socket.emit('seq', sent, number(sent));
          if (sent % 20 === 0 && sent <= 200) socket.emit('burst', { from: sent - 20, n: 20, binaryEvery: 2 });
          if (socket.io.engine.transport.name === 'websocket' && sent > 200) resolve();
          else setTimeout(send, 4);
        };
        send();
      });
      same(await call(socket, 'seq-report'), { count: sent, firstWrong: -1 });
      await until('all ticks', () => seen.count >= 200);
      same(seen, { count: 200, firstWrong: -1 });
    },
  },
];

export const crowd = [
  {
    name: '50 clients, each with its own calls, and one broadcast for all',
    async run(world) {
      const room = world.name();
      const sockets = await world.connectMany(50);
      await Promise.all(sockets.map((socket) => call(socket, 'join', [room])));
      const heard = sockets.map((socket) => new Promise((resolve) => socket.once('news', resolve)));
      const replies = await Promise.all(sockets.map((socket, i) =>
        Promise.all([0, 1, 2].map((j) => call(socket, 'echo-ack', { i, j, blob: number(i * 10 + j) })))));
      same(replies, sockets.map((_, i) => [0, 1, 2].map((j) => ({ i, j, blob: number(i * 10 + j) }))));
      assert.equal((await call(sockets[0], 'members', room)).length, 50);
      await call(sockets[0], 'relay', { from: 'io', to: [room], event: 'news', value: room });
      same(await Promise.all(heard), sockets.map(() => room));
    },
  },
];
