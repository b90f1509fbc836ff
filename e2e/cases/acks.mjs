import assert from 'node:assert/strict';
import { bytes, same } from '../lib/same.mjs';
import { call, callAll, settle } from '../lib/world.mjs';

export const acks = [
  {
    name: 'the server acknowledges, also with binary and with several values',
    async run(world) {
      const socket = await world.connect();
      same(await callAll(socket, 'echo-ack', 'a', { b: bytes(9) }, [1]), ['a', { b: bytes(9) }, [1]]);
      same(await callAll(socket, 'echo-ack'), []);
    },
  },
  {
    name: 'acks find their own calls when many are under way',
    async run(world) {
      const socket = await world.connect();
      const calls = Array.from({ length: 100 }, (_, i) => call(socket, 'echo-ack', i % 3 ? i : { i, blob: bytes(i) }));
      same(await Promise.all(calls), Array.from({ length: 100 }, (_, i) => (i % 3 ? i : { i, blob: bytes(i) })));
    },
  },
  {
    name: 'a handler\'s error is its ack; an unknown error keeps its text to itself',
    async run(world) {
      const socket = await world.connect();
      same(await call(socket, 'fail', 'known'), { error: { message: 'no such order', data: { id: 7 } } });
      same(await call(socket, 'fail', 'unknown'), { error: { message: 'internal error' } });
    },
  },
  {
    name: 'the client acknowledges, also with binary',
    async run(world) {
      const socket = await world.connect();
      socket.on('question', (question, ack) => ack({ answer: question }));
      for (const question of ['siapa?', { blob: bytes(50) }, null, 7]) {
        same(await call(socket, 'ask', { question, timeout: 15_000 }), { reply: { answer: question } });
      }
    },
  },
  {
    name: 'the server gives up waiting for a silent client, and ignores a late answer',
    async run(world) {
      const socket = await world.connect();
      let answer;
      socket.on('question', (_, ack) => { answer = ack; });
      same(await call(socket, 'ask', { question: 'anybody?', timeout: 60 }), { error: 'timeout' });
      answer?.('too late');
      await settle(socket);
    },
  },
  {
    name: 'timeout() of the client, in time and too late',
    needs: 'timeout',
    async run(world) {
      const socket = await world.connect();
      const reply = await new Promise((resolve, reject) =>
        socket.timeout(15_000).emit('echo-ack', 'here', (err, value) => (err ? reject(err) : resolve(value))));
      assert.equal(reply, 'here');
      const err = await new Promise((resolve) => socket.timeout(50).emit('silent', resolve));
      assert.match(err.message, /timed out/);
    },
  },
  {
    name: 'emitWithAck() of the client, in time and too late',
    needs: 'emitWithAck',
    async run(world) {
      const socket = await world.connect();
      same(await socket.emitWithAck('echo-ack', { blob: bytes(5) }), { blob: bytes(5) });
      same(await socket.timeout(15_000).emitWithAck('echo-ack', 'x'), 'x');
      await assert.rejects(socket.timeout(50).emitWithAck('silent'), /timed out/);
    },
  },
  {
    name: 'a broadcast collects the acks of a whole room',
    async run(world) {
      const room = world.name();
      const sockets = await world.connectMany(3);
      await Promise.all(sockets.map((socket) => call(socket, 'join', [room])));
      sockets.forEach((socket, i) => socket.on('question', (question, ack) => ack({ i, blob: bytes(i + 1), question })));
      const { replies, timedOut } = await call(sockets[0], 'vote', { room, timeout: 15_000, question: 'setuju?' });
      assert.equal(timedOut, false);
      same(replies.sort((a, b) => a.i - b.i), [0, 1, 2].map((i) => ({ i, blob: bytes(i + 1), question: 'setuju?' })));
    },
  },
  {
    name: 'a broadcast that times out hands over the answers that came',
    async run(world) {
      const room = world.name();
      const sockets = await world.connectMany(3);
      await Promise.all(sockets.map((socket) => call(socket, 'join', [room])));
      sockets.slice(0, 2).forEach((socket, i) => socket.on('question', (_, ack) => ack(i)));
      const { replies, timedOut } = await call(sockets[0], 'vote', { room, timeout: 4000, question: 'setuju?' });
      assert.equal(timedOut, true);
      same(replies.sort(), [0, 1]);
    },
  },
];
