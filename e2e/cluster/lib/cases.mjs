// What nodes can have one another do. Each case is given two nodes: what `from` does is seen on `to`, and on itself.
import assert from 'node:assert/strict';
import { name, news, pause, reach, until } from './world.mjs';

/** Three clients: a and b on the other node, both in the room, and c on the node itself, in the room as well. */
async function trio({ world, from, to, nsp = '/' }) {
  const room = name();
  const [a, b, c] = await Promise.all([
    world.client(to, { nsp, rooms: [room], auth: { user: 'ann' } }),
    world.client(to, { nsp, rooms: [room], auth: { user: 'ben' } }),
    world.client(from, { nsp, rooms: [room], auth: { user: 'cat' } }),
  ]);
  await reach(from, [a, b, c], room, nsp);
  return { room, a, b, c, all: [a, b, c] };
}

/** Emits what comes behind everything else to all, and waits for it, and for what Node has sent before it. */
async function settle(from, sockets, nsp) {
  if (from.kind === 'reference') await pause(50); // it can send what comes later first
  await from.do('emit', { nsp, event: 'end' });
  for (const s of sockets) await until(`end at ${s.id}`, () => s.connected === false || s.heard.some(([event]) => event === 'end'));
  for (const s of sockets) s.heard = s.heard.filter(([event]) => event !== 'end');
}

/** Checks what the sockets have heard: in that order, where both nodes keep one. Node's do not with PostgreSQL. */
function same(t, sockets, want) {
  const ordered = t.from.kind === 'kawat' && t.to.kind === 'kawat';
  const order = ordered ? (list) => list : (list) => list.toSorted((x, y) => JSON.stringify(x) < JSON.stringify(y) ? -1 : 1);
  assert.deepEqual(sockets.map((s) => order(news(s))), want.map(order));
}
const ids = (sockets) => sockets.map((s) => s.id).sort();

/** Values of every kind. */
const everything = [1, 'two', true, null, 1.5, -7, 'é😀', { a: [{ b: {} }, []], n: 2 ** 53 }, [], { $bin: '000102ff' }, { deep: [{ $bin: '' }] }, 4294967296, -2147483649];

export const cases = [
  {
    name: 'emit to all, with values of every kind',
    async run(t) {
      const { all } = await trio(t);
      await t.from.do('emit', { event: 'news', args: everything });
      await settle(t.from, all);
      same(t, all, all.map(() => [['news', ...everything]]));
    },
  },
  {
    name: 'emit to one room, to several, and to none that exists',
    async run(t) {
      const { a, b, c, all, room } = await trio(t);
      const other = name();
      await a.emitWithAck('join', other);
      await reach(t.from, [a], other);
      await t.from.do('emit', { rooms: [room], event: 'one' });
      await t.from.do('emit', { rooms: [room, other], event: 'two', args: [{ $bin: 'ff' }] });
      await t.from.do('emit', { rooms: [other], event: 'three' });
      await t.from.do('emit', { rooms: [name()], event: 'four' });
      await settle(t.from, all);
      const both = [['one'], ['two', { $bin: 'ff' }]];
      same(t, [a, b, c], [[...both, ['three']], both, both]);
    },
  },
  {
    name: 'emit to a socket by its id',
    async run(t) {
      const { a, all } = await trio(t);
      await t.from.do('emit', { rooms: [a.id], event: 'you' });
      await settle(t.from, all);
      same(t, all, [[['you']], [], []]);
    },
  },
  {
    name: 'except rooms and ids',
    async run(t) {
      const { a, b, all, room } = await trio(t);
      const muted = name();
      await b.emitWithAck('join', muted);
      await t.from.do('emit', { rooms: [room], except: [muted], event: 'one' });
      await t.from.do('emit', { except: [muted, a.id], event: 'two' });
      await settle(t.from, all);
      same(t, all, [[['one']], [], [['one'], ['two']]]);
    },
  },
  {
    name: 'local stays local',
    async run(t) {
      const { all, room } = await trio(t);
      await t.from.do('emit', { rooms: [room], flags: { local: true }, event: 'here' });
      await settle(t.from, all);
      same(t, all, [[], [], [['here']]]);
    },
  },
  {
    name: 'volatile, and without compression',
    async run(t) {
      const { all, room } = await trio(t);
      await pause(200); // nothing volatile is for a client that is still written to
      await t.from.do('emit', { rooms: [room], flags: { volatile: true, compress: false }, event: 'maybe', args: [1] });
      await settle(t.from, all);
      same(t, all, all.map(() => [['maybe', 1]]));
    },
  },
  {
    name: 'another namespace, with a strange name',
    async run(t) {
      for (const nsp of ['/chat', '/a.b*>']) {
        const { all, room } = await trio({ ...t, nsp });
        const stranger = await t.world.client(t.to, { rooms: [room] });
        await t.from.do('emit', { nsp, rooms: [room], event: 'one', args: [nsp] });
        await t.from.do('emit', { nsp, event: 'two', args: [{ $bin: '01' }] });
        await settle(t.from, all, nsp);
        same(t, [...all, stranger], [...all.map(() => [['one', nsp], ['two', { $bin: '01' }]]), []]);
      }
    },
  },
  {
    name: 'a dynamic namespace',
    async run(t) {
      const nsp = `/dyn-${name('n')}`;
      const { all, room } = await trio({ ...t, nsp });
      await until('the nodes know each other there', async () => (await t.from.do('fetchSockets', { nsp })).length === 3);
      await t.from.do('emit', { nsp, rooms: [room], event: 'one' });
      await settle(t.from, all, nsp);
      same(t, all, all.map(() => [['one']]));
    },
  },
  {
    name: 'rooms with hostile names reach nobody else',
    async run(t) {
      const { a, all, room } = await trio(t);
      const hostile = ['*', '>', '#', `${room}*`, `${room}#`, '?', '[a-z]', '"', '\'; NOTIFY x', ' ', '/', 'x'.repeat(70), '\u0000', 'é', '{}', '12345678901234567890'];
      for (const bad of hostile) await t.from.do('emit', { rooms: [bad], event: 'bad', args: [bad] });
      await settle(t.from, all);
      same(t, all, [[], [], []]);
      for (const bad of hostile) await a.emitWithAck('join', bad);
      for (const bad of hostile) await reach(t.from, [a], bad);
      for (const bad of hostile) await t.from.do('emit', { rooms: [bad], event: 'good', args: [bad] });
      await settle(t.from, all);
      same(t, all, [hostile.map((bad) => ['good', bad]), [], []]);
    },
  },
  {
    name: 'acks of all clients, with binary',
    async run(t) {
      const { a, b, c, all, room } = await trio(t);
      [a, b, c].forEach((s, i) => { s.answer = [i, Buffer.from([i])]; });
      const { replies, failed } = await t.from.do('emitWithAck', { rooms: [room], timeout: 10_000, event: 'vote', args: [{ $bin: 'aa' }] });
      assert.equal(failed, undefined);
      assert.deepEqual(replies.sort((x, y) => x[0] - y[0]), [0, 1, 2].map((i) => [i, { $bin: `0${i}` }]));
      same(t, all, all.map(() => [['vote', { $bin: 'aa' }]]));
    },
  },
  {
    name: 'acks where nobody is, and where somebody does not answer',
    async run(t) {
      const none = await t.from.do('emitWithAck', { rooms: [name()], timeout: 10_000, event: 'vote' });
      assert.deepEqual(none, { replies: [] });
      const { a, room } = await trio(t);
      a.offAny();
      a.on('vote', () => {});
      const some = await t.from.do('emitWithAck', { rooms: [room], timeout: 1000, event: 'vote' });
      assert.equal(some.replies.length, 2);
      assert.ok(some.failed);
    },
  },
  {
    name: 'fetchSockets, with rooms, data and handshake',
    async run(t) {
      const { a, b, c, room } = await trio(t);
      const found = await t.from.do('fetchSockets', { rooms: [room] });
      assert.deepEqual(found.map((s) => s.id).sort(), ids([a, b, c]));
      const one = found.find((s) => s.id === a.id);
      assert.deepEqual(one.rooms, [a.id, room].sort());
      assert.deepEqual(one.data, { user: 'ann' });
      assert.deepEqual(one.auth, { user: 'ann' });
      assert.equal(one.query.from, 'test');
      assert.equal(one.query.EIO, '4');
      assert.match(one.url, /^\/socket\.io\/\?.*EIO=4/);
      assert.ok(Math.abs(one.issued - Date.now()) < 60_000, `issued ${one.issued}`);
      assert.ok(one.address.includes('127.0.0.1'), one.address);
      assert.deepEqual((await t.from.do('fetchSockets', { rooms: [room], except: [a.id] })).map((s) => s.id).sort(), ids([b, c]));
      assert.deepEqual((await t.from.do('fetchSockets', { rooms: [room], flags: { local: true } })).map((s) => s.id), [c.id]);
      assert.deepEqual(await t.from.do('fetchSockets', { rooms: [name()] }), []);
    },
  },
  {
    name: 'socketsJoin and socketsLeave',
    async run(t) {
      const { a, b, c, all, room } = await trio(t);
      const [one, two] = [name(), name()];
      await t.from.do('socketsJoin', { rooms: [room], except: [b.id], join: [one, two] });
      await until('they are in', async () => (await t.to.do('fetchSockets', { rooms: [one] })).length === 2);
      await until('there, too', async () => (await t.from.do('fetchSockets', { rooms: [two] })).length === 2);
      await reach(t.from, [a, c], one);
      await t.from.do('emit', { rooms: [one], event: 'one' });
      await until('it is heard', () => news(a).length === 1);
      await t.from.do('socketsLeave', { rooms: [a.id], leave: [one] });
      await until('it is out', async () => (await t.from.do('fetchSockets', { rooms: [one] })).length === 1);
      await t.from.do('emit', { rooms: [one], event: 'two' });
      await settle(t.from, all);
      same(t, [a, b, c], [[['one']], [], [['one'], ['two']]]);
    },
  },
  {
    name: 'disconnectSockets, with and without the connection',
    async run(t) {
      const { a, b, c, room } = await trio(t);
      const ends = [];
      for (const s of [a, b, c]) { s.io.reconnection(false); s.on('disconnect', (reason) => ends.push([s.id ?? '', reason])); }
      await t.from.do('disconnectSockets', { rooms: [room], except: [c.id, b.id], close: false });
      await until('one has left', () => !a.connected);
      assert.deepEqual(ends.map(([, reason]) => reason), ['io server disconnect']);
      await t.from.do('disconnectSockets', { rooms: [b.id], close: true });
      await until('the other, too', () => !b.connected && b.io.engine.readyState !== 'open');
      assert.ok(c.connected);
    },
  },
  {
    name: 'serverSideEmit',
    async run(t) {
      await t.to.do('heard');
      await t.from.do('heard');
      await t.from.do('serverSideEmit', { event: 'note', args: everything });
      await t.from.do('serverSideEmit', { nsp: '/chat', event: 'note', args: [{ $bin: '0a' }] });
      const got = [];
      await until('both', async () => { got.push(...(await t.to.do('heard')).filter((h) => h.event === 'note')); return got.length >= 2; });
      got.sort((x, y) => x.nsp.length - y.nsp.length);
      const mangled = t.from.kind === 'reference' && t.plane.startsWith('redis'); // it writes JSON there, whatever it is
      const args = (list) => (mangled ? asJSON(list) : list);
      assert.deepEqual(got, [{ nsp: '/', event: 'note', args: args(everything) }, { nsp: '/chat', event: 'note', args: args([{ $bin: '0a' }]) }]);
      assert.deepEqual((await t.from.do('heard')).filter((h) => h.event === 'note'), []);
    },
  },
  {
    name: 'serverSideEmit with acks',
    async run(t) {
      const kind = t.to.kind;
      assert.deepEqual(await t.from.do('serverSideEmitWithAck', { event: 'question', args: [5] }), { replies: [{ node: kind, value: 5 }] });
      assert.deepEqual(await t.from.do('serverSideEmitWithAck', { nsp: '/chat', event: 'question', args: ['x'] }), { replies: [{ node: kind, value: 'x' }] });
      const none = await t.from.do('serverSideEmitWithAck', { event: 'nobody hears' });
      assert.ok(none.failed, JSON.stringify(none));
      assert.deepEqual(none.replies, []);
    },
  },
  {
    name: 'events of rooms are of the node that the sockets are on',
    async run(t) {
      await t.to.do('rooms');
      await t.from.do('rooms');
      const a = await t.world.client(t.to);
      const room = name();
      await t.from.do('socketsJoin', { rooms: [a.id], join: [room] });
      await until('joined', async () => (await t.from.do('fetchSockets', { rooms: [room] })).length === 1);
      await t.from.do('socketsLeave', { rooms: [room], leave: [room] });
      await until('left', async () => (await t.from.do('fetchSockets', { rooms: [room] })).length === 0);
      assert.deepEqual((await t.to.do('rooms')).filter((e) => e[1] === room),
        [['create-room', room], ['join-room', room, a.id], ['leave-room', room, a.id], ['delete-room', room]]);
      assert.deepEqual((await t.from.do('rooms')).filter((e) => e[1] === room), []);
    },
  },
  {
    name: 'order: a thousand events of one node come in order',
    async run(t) {
      const { a, b, all, room } = await trio(t);
      for (let i = 0; i < 1000; i++) t.from.do('emit', { rooms: i % 2 ? [room] : [], event: 'n', args: [i] });
      await settle(t.from, all);
      for (const s of [a, b]) await until(() => `1000, have ${news(s).length}`, () => news(s).length === 1000);
      const numbers = Array.from({ length: 1000 }, (_, i) => i);
      for (const s of [a, b]) {
        const got = news(s).map(([, i]) => i);
        assert.deepEqual(t.from.kind === 'kawat' ? got : got.toSorted((x, y) => x - y), numbers);
      }
    },
  },
];

/** What comes of values where binary is written as JSON. */
function asJSON(v) {
  if (Array.isArray(v)) return v.map(asJSON);
  if (typeof v?.$bin === 'string') return { type: 'Buffer', data: [...Buffer.from(v.$bin, 'hex')] };
  if (v && typeof v === 'object') return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, asJSON(x)]));
  return v;
}
