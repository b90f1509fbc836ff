// Connection state recovery, with a proxy that cuts. In each case the client counts: nothing is missing, nothing
// comes twice, and every return is a recovery.
import assert from 'node:assert/strict';
import { startProxy } from '../lib/proxy.mjs';
import { call, next, sleep, until, World } from '../lib/world.mjs';

/** A client behind a proxy that hears the numbers of a sequence that the server counts. */
async function counter(world) {
  const proxy = await startProxy(world.url);
  const own = new World({ ...world, url: proxy.url });
  world.onEnd(async () => {
    await own.end();
    await proxy.stop();
  });
  const socket = await own.connect('/', { reconnection: true, reconnectionDelay: 10, reconnectionDelayMax: 30, timeout: 2000 });
  const id = socket.id;
  const heard = [];
  let returns = 0;
  socket.on('number', (n) => heard.push(n));
  socket.on('connect', () => {
    returns++;
    assert.equal(socket.recovered, true, `return ${returns} is no recovery`);
    assert.equal(socket.id, id);
  });
  return {
    proxy, socket, heard,
    get returns() { return returns; },
    /** Has the server count to a number, with so many milliseconds between and bytes behind each. */
    count: (to, every, bytes = 0) => call(socket, 'count', { to, every, bytes }),
    /** Cuts, and waits until the client is back. */
    async lose(cut) {
      const before = returns;
      let gone = false;
      socket.once('disconnect', () => { gone = true; });
      for (let i = 0; !gone; i++) {
        assert.ok(i < 50, 'the client cannot be cut off');
        cut(); // between two polls there may be nothing to cut
        for (let waited = 0; waited < 400 && !gone; waited += 5) await sleep(5);
      }
      await until('the client to be back', () => returns > before && socket.connected);
    },
    async check(want) {
      await until(`${want} numbers`, () => heard.length >= want);
      await sleep(50); // what comes twice may come late
      assert.deepEqual(heard, Array.from({ length: want }, (_, i) => i));
    },
  };
}

export const recovery = [
  {
    name: 'cut before the first event',
    async run(world) {
      const c = await counter(world);
      await c.count(5, 100); // the first number has not come yet
      await c.lose(() => c.proxy.cut());
      await c.check(5);
    },
  },
  {
    name: 'cut after some events',
    async run(world) {
      const c = await counter(world);
      await c.count(20, 10);
      await until('some numbers', () => c.heard.length > 5);
      await c.lose(() => c.proxy.cut());
      await c.check(20);
    },
  },
  {
    name: 'half open: the server has not noticed, and its old connection times out later',
    async run(world) {
      const c = await counter(world);
      await c.count(200, 10);
      await until('some numbers', () => c.heard.length > 5);
      await c.lose(() => c.proxy.halfOpen());
      await sleep(1500); // the heartbeat of the old connection
      await c.lose(() => c.proxy.cut());
      await c.check(200);
      assert.equal(c.returns, 2);
    },
  },
  {
    name: 'cut in the middle of a message or of a response',
    async run(world) {
      const c = await counter(world);
      await c.count(400, 10, 20_000);
      for (const bytes of [1, 10_000, 35_000, 50_001]) {
        await c.lose(() => c.proxy.cutAfter(bytes));
      }
      await c.check(400);
    },
  },
  {
    name: 'cut while the client moves to WebSocket',
    modes: ['upgrade'],
    async run(world) {
      const c = await counter(world);
      await c.count(150, 10);
      for (let wait = 0; wait < 30; wait += 3) {
        await c.lose(() => c.proxy.cut());
        await sleep(wait);
      }
      await c.check(150);
    },
  },
  {
    name: 'twenty cuts in a row, of all kinds, under a hundred events a second',
    async run(world) {
      const c = await counter(world);
      await c.count(400, 10);
      for (let i = 0; i < 20; i++) {
        await sleep(Math.random() * 100);
        await c.lose([() => c.proxy.cut(), () => c.proxy.halfOpen(), () => c.proxy.cutAfter(1 + Math.random() * 100)][i % 3]);
      }
      await c.check(400);
      assert.ok(c.returns >= 20);
    },
  },
  {
    name: 'rooms and data are there again, and middleware has run',
    async run(world) {
      const c = await counter(world);
      await call(c.socket, 'keep', 'this', world.name());
      await c.lose(() => c.proxy.cut());
      assert.deepEqual(await call(c.socket, 'kept'), { data: 'this', rooms: 2, recovered: true });
    },
  },
  {
    name: 'who leaves in order is not recovered',
    async run(world) {
      const socket = await world.connect();
      const id = socket.id;
      socket.disconnect();
      const back = next(socket, 'connect');
      socket.connect();
      await back;
      assert.equal(socket.recovered, false);
      assert.notEqual(socket.id, id);
    },
  },
];
