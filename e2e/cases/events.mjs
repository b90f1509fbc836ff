import assert from 'node:assert/strict';
import { supports } from '../lib/clients.mjs';
import { bytes, same } from '../lib/same.mjs';
import { call, callAll, next, nextValue, record, settle, until } from '../lib/world.mjs';

// What notepack.io, which is in the msgpack client, cannot say: a number beyond 64 bits, and a part of an ArrayBuffer.
const great = (world) => (world.codec === 'msgpack' ? 2 ** 62 : 1e21);
const part = (world, view, ...range) => (world.codec === 'msgpack' ? view.slice(...range) : view.subarray(...range));

const values = (world) => [
  [1, 'two', true, null, [3, [4, []]], { five: { six: 6 } }],
  [],
  [0, -1, 1.5, great(world), -0.000001, 2 ** 53 - 1],
  ['', ' ', '"quoted" \\ / \b\f\n\r\t', '\u0000\u001f\u2028\u2029', '0', '[]', '42["x"]'],
  ['é 漢字 😀 👩‍👩‍👧 עברית \u{10ffff}', { 'ключ 😀': 'qiymat' }],
  [{}, [], [[]], { a: [] }, { '': '' }],
];

const binaries = [
  [bytes(3)],
  [bytes(0), 'empty above'],
  [bytes(1), bytes(2), bytes(1000)],
  [{ name: 'nested', parts: { a: bytes(4), b: [bytes(5), { deep: bytes(6) }] } }, 'after', bytes(7)],
  [[[[bytes(8)]]], null],
];

export const events = [
  {
    name: 'events both ways with arguments of every kind',
    needsToPoll: 'unicodePayloads',
    async run(world) {
      const socket = await world.connect();
      for (const args of values(world)) {
        const heard = next(socket, 'echo');
        socket.emit('echo', ...args);
        same(await heard, args);
        same(await callAll(socket, 'echo-ack', ...args), args);
      }
    },
  },
  {
    name: 'binary both ways, nested anywhere',
    async run(world) {
      const socket = await world.connect();
      const lookalike = supports(world.version, 'lookalikes') ? [[bytes(9), { _placeholder: 'not one', num: 0 }]] : [];
      for (const args of [...binaries, ...lookalike]) {
        const heard = next(socket, 'echo');
        socket.emit('echo', ...args);
        same(await heard, args);
        same(await callAll(socket, 'echo-ack', ...args), args);
      }
    },
  },
  {
    name: 'typed arrays and ArrayBuffers are binary too',
    needs: 'typedArrays',
    async run(world) {
      const socket = await world.connect();
      const views = [new Uint8Array([1, 2, 3]), part(world, new Uint8Array([9, 8, 7, 6]), 1, 3), new Uint8Array([5]).buffer];
      same(await callAll(socket, 'echo-ack', ...views), [bytes_(1, 2, 3), bytes_(8, 7), bytes_(5)]);
    },
  },
  {
    name: 'what JSON has no word for arrives as it is',
    codec: 'msgpack',
    async run(world) {
      const socket = await world.connect();
      same(await callAll(socket, 'echo-ack', NaN, [Infinity], { a: -Infinity }), [NaN, [Infinity], { a: -Infinity }]);
      for (const date of [new Date(), new Date(0), new Date('1815-12-10T01:02:03.004Z')]) {
        const { at } = await call(socket, 'moment', { at: date });
        assert.ok(at instanceof Date, `${at} is no Date`);
        assert.equal(at.getTime(), date.getTime());
      }
    },
  },
  {
    name: 'a struct with binary fields survives the way in and out',
    async run(world) {
      const socket = await world.connect();
      const value = {
        name: 'kabel', count: 41, blob: bytes(300), list: [bytes(2), bytes(3)],
        parts: { left: bytes(4), right: bytes(5) }, inner: { blob: bytes(6), note: 'dalam' },
      };
      same(await call(socket, 'typed', value), { ...value, count: 42 });
    },
  },
  {
    name: 'an event without arguments',
    async run(world) {
      const socket = await world.connect();
      const heard = next(socket, 'nothing');
      socket.emit('nothing');
      same(await heard, []);
    },
  },
  {
    name: 'catch-all listeners of the client hear every event',
    needs: 'onAny',
    async run(world) {
      const socket = await world.connect();
      const heard = [];
      socket.onAny((event, ...args) => heard.push([event, ...args]));
      socket.emit('echo', 1, 'a');
      await settle(socket);
      same(heard.filter(([event]) => event !== 'hello'), [['echo', 1, 'a']]);
    },
  },
  {
    name: 'outgoing catch-all listeners see what is sent',
    needs: 'onAnyOutgoing',
    async run(world) {
      const socket = await world.connect();
      const sent = [];
      socket.onAnyOutgoing((event, ...args) => sent.push([event, ...args]));
      const heard = next(socket, 'echo');
      socket.emit('echo', bytes(3));
      same(await heard, [bytes(3)]);
      same(sent, [['echo', bytes(3)]]);
    },
  },
  {
    name: 'volatile and uncompressed events arrive on an idle connection',
    needs: 'volatile',
    async run(world) {
      const socket = await world.connect();
      await settle(socket);
      let lost = 0;
      // A volatile event may be dropped while a poll is not there: it is asked for until one comes through.
      const heard = record(socket, 'echo');
      for (; heard.length === 0 && lost < 500; lost++) {
        socket.volatile.emit('echo-volatile', 'light');
        await settle(socket);
      }
      same(heard[0], 'light');
      const plain = nextValue(socket, 'echo');
      socket.compress(false).emit('echo-plain', 'x'.repeat(4000));
      assert.ok((await plain).length === 4000 || heard.length > 0);
    },
  },
  {
    name: 'text near the limit of a message, both ways',
    needsToPoll: 'unicodePayloads',
    async run(world) {
      const socket = await world.connect();
      // With msgpack all messages are binary, which a poll carries as base64.
      const size = world.codec === 'json' || world.mode === 'websocket' ? 990_000 : 740_000;
      assert.equal(await call(socket, 'size', 'é'.repeat(size / 2 - 45_000)), size / 2 - 45_000);
      assert.equal(await call(socket, 'size', 'x'.repeat(size)), size);
      const made = nextValue(socket, 'made');
      socket.emit('make', { text: size });
      assert.equal((await made).length, size);
    },
  },
  {
    name: 'binary near the limit of a message, both ways',
    async run(world) {
      // A poll carries binary as base64, which takes a third more.
      const size = world.mode === 'websocket' ? 990_000 : 740_000;
      const socket = await world.connect();
      assert.equal(await call(socket, 'size', bytes(size)), size);
      const made = nextValue(socket, 'made');
      socket.emit('make', { bytes: size });
      const blob = await made;
      assert.equal(blob.length ?? blob.byteLength, size);
    },
  },
  {
    name: 'a message over the limit ends the connection, and nobody else\'s',
    modes: ['polling', 'websocket'],
    async run(world) {
      const [socket, other] = await world.connectMany(2);
      const left = nextValue(socket, 'disconnect');
      socket.emit('size', 'x'.repeat(1_100_000), () => {});
      assert.equal(await left, world.mode === 'polling' ? 'transport error' : 'transport close');
      await settle(other);
      await until('the other one to stay', () => other.connected);
    },
  },
];

const bytes_ = (...values) => Buffer.from(values);
