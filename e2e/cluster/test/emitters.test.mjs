// Processes that are no servers: Kawat's emitter before nodes of Kawat and of Node, and Node's before both. That Node's
// nodes hear Node's emitter, too, is the proof of what is asked of Kawat's.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { nodesEmitters, startNodesEmitter } from '../lib/emitters.mjs';
import { startNode } from '../lib/node.mjs';
import { planes } from '../lib/planes.mjs';
import { name, news, reach, until, World } from '../lib/world.mjs';

/** Those who do not hear Node's emitter: for this adapter of Node's it leaves the namespace out, as the one before did. */
const deaf = (node, emitter) => emitter.kind === 'reference' && node.kind === 'reference' && node.backplane === 'postgres';

/** The nodes before an emitter. With PostgreSQL, Node is there twice: once with an adapter that hears Node's emitter. */
function kinds(plane) {
  if (plane.ours) return [['kawat', plane.name], ['kawat', plane.name]];
  const both = [['kawat', plane.name], ['reference', plane.name]];
  return plane.name === 'postgres' ? [...both, ['reference', 'postgres-0.3']] : both;
}

const byEvent = (list) => list.toSorted(([x], [y]) => (x < y ? -1 : 1)); // with PostgreSQL, Node keeps no order

/** Waits until the sockets have heard what is wanted, and then a last word; they must have heard nothing else. */
async function hear(emitter, sockets, want, nsp) {
  for (const [i, s] of sockets.entries()) {
    await until(() => `${JSON.stringify(want[i]).slice(0, 500)}; have ${JSON.stringify(news(s)).slice(0, 500)}`, () => news(s).length >= want[i].length);
  }
  await emitter.do('emit', { nsp, event: 'end' });
  for (const s of sockets) await until('the end', () => s.heard.some(([event]) => event === 'end'));
  assert.deepEqual(sockets.map((s) => byEvent(news(s))), want.map(byEvent));
  for (const s of sockets) s.heard.length = 0;
}

/** Waits until so many sockets are in a room, of those that the first node, Kawat's, knows: all. */
const count = ([node], nsp, room, n) => until(`${n} in ${room}`, async () => (await node.do('fetchSockets', { nsp, rooms: [room] })).length === n);

const big = 'é'.repeat(10_000); // too much for a notification of PostgreSQL

const cases = {
  /** For each node that hears, one in the room, and one that is in another beside. */
  async 'to, in, except, volatile, binary, and what is long'({ world, emitter, nodes, nsp }) {
    const [room, muted, nobody] = [name(), name(), name()];
    const sockets = [];
    for (const node of nodes) {
      sockets.push(await world.client(node, { nsp, rooms: [room] }), await world.client(node, { nsp, rooms: [room, muted] }));
    }
    await reach(emitter, sockets, room, nsp);
    await reach(emitter, sockets.filter((_, i) => i % 2), muted, nsp);
    const say = (event, how) => emitter.do('emit', { nsp, event, ...how });
    await say('a', { args: [1, null, { $bin: '0102' }, [{ deep: { $bin: '' } }]] });
    await say('b', { rooms: [room], except: [muted], args: ['x'] });
    await say('c', { rooms: [muted, nobody], args: [big] });
    await say('d', { except: [nobody, muted], args: [{ $bin: 'ab'.repeat(20_000) }], flags: { compress: false } });
    await say('e', { rooms: [nobody] });
    await say('f', { rooms: [sockets[0].id] });
    await hear(emitter, sockets, sockets.map((_, i) => [
      ['a', 1, null, { $bin: '0102' }, [{ deep: { $bin: '' } }]],
      ...(i % 2 ? [['c', big]] : [['b', 'x'], ['d', { $bin: 'ab'.repeat(20_000) }]]),
      ...(i ? [] : [['f']]),
    ]), nsp);
    await say('g', { rooms: [room], args: ['v'], flags: { volatile: true } }); // nothing is being written any more
    await hear(emitter, sockets, sockets.map(() => [['g', 'v']]), nsp);
  },
  async 'socketsJoin, socketsLeave and disconnectSockets'({ world, emitter, nodes, nsp }) {
    const [room, muted, one, two] = [name(), name(), name(), name()];
    const sockets = [];
    for (const node of nodes) {
      sockets.push(await world.client(node, { nsp, rooms: [room] }), await world.client(node, { nsp, rooms: [room, muted] }));
    }
    await reach(emitter, sockets, room, nsp);
    const aim = (op, how) => emitter.do(op, { nsp, ...how });
    const half = nodes.length;
    await aim('socketsJoin', { rooms: [room], except: [muted], join: [one, two] });
    await count(nodes, nsp, two, half);
    await reach(emitter, sockets.filter((_, i) => i % 2 === 0), one, nsp);
    await aim('emit', { rooms: [one], event: 'in' });
    await hear(emitter, sockets, sockets.map((_, i) => (i % 2 ? [] : [['in']])), nsp);
    await aim('socketsLeave', { rooms: [two], except: [sockets[0].id], leave: [one] });
    await count(nodes, nsp, one, 1);
    await aim('emit', { rooms: [one], event: 'left' });
    await hear(emitter, sockets, sockets.map((_, i) => (i ? [] : [['left']])), nsp);

    for (const s of sockets) s.io.reconnection(false);
    await aim('disconnectSockets', { rooms: [room], except: [muted], close: false });
    await until('half have gone', () => sockets.every((s, i) => s.connected === (i % 2 === 1)));
    await aim('disconnectSockets', { rooms: [muted], close: true });
    await until('the others, too', () => sockets.every((s, i) => !s.connected && (i % 2 === 0 || s.io.engine.readyState === 'closed')));
  },
  async serverSideEmit({ emitter, nodes, nsp, plane }) {
    for (const node of nodes) await node.do('heard');
    // With the classic adapter, Node's emitter writes JSON, whatever it is.
    const args = [{ a: [1, 'é'] }, big, ...(plane === 'redis' ? [] : [{ $bin: '0a' }])];
    await emitter.do('serverSideEmit', { nsp, event: 'note', args });
    for (const node of nodes) {
      const got = await until('the note', async () => (await node.do('heard')).find(({ event }) => event === 'note'));
      assert.deepEqual(got, { nsp, event: 'note', args });
    }
  },
};

for (const plane of planes.filter(({ name }) => !['redis-specific', 'sharded-private'].includes(name))) {
  describe(`emitters, ${plane.name}`, () => {
    const emitted = nodesEmitters.includes(plane.name) ? ['kawat', 'reference'] : ['kawat'];
    const emitters = {};
    let bus, nodes;
    before(async () => {
      bus = await plane.start();
      const flags = { url: bus.url, prefix: 'e' };
      nodes = await Promise.all(kinds(plane).map(async ([kind, backplane]) => ({ ...await startNode(kind, { ...flags, backplane }), backplane })));
      for (const nsp of ['/', '/chat']) {
        await until('the first knows the others, which listen', async () => (await nodes[0].do('serverSideEmitWithAck', { nsp, event: 'question', args: [1] })).replies.length === nodes.length - 1);
      }
      emitters.kawat = await startNode('kawat', { ...flags, backplane: plane.name, emitter: true });
      if (emitted.length > 1) emitters.reference = await startNodesEmitter({ ...flags, backplane: plane.name });
    });
    after(async () => {
      for (const one of [...Object.values(emitters), ...nodes ?? []]) await one.stop();
      await bus?.stop();
    });

    for (const kind of emitted) {
      for (const nsp of ['/', '/chat', `/dyn-${kind}`]) {
        for (const [what, run] of Object.entries(cases)) {
          it(`emitters, ${plane.name}, ${kind}, ${nsp}: ${what}`, { timeout: 30_000 }, async () => {
            const world = new World();
            const emitter = emitters[kind];
            try {
              // A dynamic namespace is there as long as somebody is in it.
              const room = name();
              const present = await Promise.all(nodes.map((node) => world.client(node, { nsp, rooms: [room] })));
              const heard = (node) => !deaf(node, emitter);
              await reach(emitter, present.filter((_, i) => heard(nodes[i])), room, nsp);
              await run({ world, emitter, nodes: nodes.filter(heard), nsp, plane: plane.name });
              for (const [i, s] of present.entries()) if (!heard(nodes[i])) assert.deepEqual([news(s), s.reached.size], [[], 0]);
            } finally {
              world.end();
            }
          });
        }
      }
    }
  });
}
