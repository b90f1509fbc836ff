// Processes that are no servers: Kawat's emitter before nodes of Kawat and of Node, and Node's before both.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createClient } from 'redis';
import { Emitter } from '@socket.io/redis-emitter';
import { startNode } from '../lib/node.mjs';
import { planes } from '../lib/planes.mjs';
import { fromWire } from '../lib/values.mjs';
import { name, news, reach, until, World } from '../lib/world.mjs';

/** Node's emitter, with the commands of a node. */
async function nodesEmitter(bus, prefix) {
  const client = createClient({ url: bus.url });
  await client.connect();
  const emitter = new Emitter(client, { key: prefix });
  const target = ({ nsp = '/', rooms = [], except = [] }) => {
    let b = emitter.of(nsp);
    if (rooms.length) b = b.to(rooms);
    if (except.length) b = b.except(except);
    return b;
  };
  const commands = {
    emit: (c) => target(c).emit(c.event, ...fromWire(c.args ?? [])),
    socketsJoin: (c) => target(c).socketsJoin(c.join),
    socketsLeave: (c) => target(c).socketsLeave(c.leave),
    disconnectSockets: (c) => target(c).disconnectSockets(c.close),
    serverSideEmit: (c) => emitter.of(c.nsp ?? '/').serverSideEmit(c.event, ...c.args),
  };
  return { kind: 'reference', do: async (op, c) => { commands[op](c); }, stop: () => client.disconnect() };
}

for (const plane of planes.filter(({ name }) => !['redis-specific', 'sharded-private'].includes(name))) {
  describe(`emitters, ${plane.name}`, () => {
    let bus, nodes;
    const emitters = {};
    before(async () => {
      bus = await plane.start();
      const flags = { backplane: plane.name, url: bus.url, prefix: 'e' };
      const kinds = plane.ours ? ['kawat', 'kawat'] : ['kawat', 'reference'];
      nodes = await Promise.all(kinds.map((kind) => startNode(kind, flags)));
      for (const node of nodes) {
        await until('the nodes know each other', async () => (await node.do('serverSideEmitWithAck', { event: 'question', args: [1] })).replies.length === 1);
      }
      emitters.kawat = await startNode('kawat', { ...flags, emitter: true });
      if (plane.name === 'redis') emitters.reference = await nodesEmitter(bus, 'e');
    });
    after(async () => {
      for (const one of [...Object.values(emitters), ...nodes ?? []]) await one.stop();
      await bus?.stop();
    });

    for (const kind of plane.name === 'redis' ? ['kawat', 'reference'] : ['kawat']) {
      it(`emitters, ${plane.name}: ${kind}`, { timeout: 60_000 }, async () => {
        const world = new World();
        const emitter = emitters[kind];
        try {
          const [room, muted] = [name(), name()];
          const clients = [];
          for (const node of nodes) clients.push(await world.client(node, { rooms: [room] }), await world.client(node, { rooms: [room, muted] }));
          const strangers = await Promise.all(nodes.map((node) => world.client(node, { nsp: '/chat', rooms: [room] })));
          await reach(emitter, clients, room);
          await reach(emitter, strangers, room, '/chat');
          await emitter.do('emit', { event: 'all', args: [1, { $bin: '0102' }] });
          await emitter.do('emit', { rooms: [room], except: [muted], event: 'some', args: ['x'] });
          await emitter.do('emit', { nsp: '/chat', rooms: [room], event: 'chat' });
          await emitter.do('socketsJoin', { rooms: [muted], join: ['later'] });
          await until('they are in', async () => (await nodes[0].do('fetchSockets', { rooms: ['later'] })).length === 2);
          await reach(emitter, clients.filter((_, i) => i % 2), 'later');
          await emitter.do('emit', { rooms: ['later'], event: 'later' });
          await emitter.do('socketsLeave', { rooms: ['later'], leave: ['later'] });
          await until('they are out', async () => (await nodes[0].do('fetchSockets', { rooms: ['later'] })).length === 0);
          await emitter.do('emit', { event: 'end' });
          for (const s of clients) await until('the end', () => s.heard.some(([event]) => event === 'end'));
          const all = ['all', 1, { $bin: '0102' }];
          const any = (list) => list.toSorted(([x], [y]) => (x < y ? -1 : 1)); // with PostgreSQL, Node keeps no order
          assert.deepEqual(clients.map((s) => any(news(s))), [[all, ['some', 'x']], [all, ['later']], [all, ['some', 'x']], [all, ['later']]]);
          for (const s of strangers) await until('the chat', () => news(s).length === 1);
          assert.deepEqual(strangers.map(news), [[['chat']], [['chat']]]);

          for (const node of nodes) await node.do('heard');
          await emitter.do('serverSideEmit', { event: 'note', args: [{ a: 1 }] });
          for (const node of nodes) {
            const got = await until('the note', async () => (await node.do('heard')).find(({ event }) => event === 'note'));
            assert.deepEqual(got, { nsp: '/', event: 'note', args: [{ a: 1 }] });
          }
          await emitter.do('disconnectSockets', { rooms: [muted], close: true });
          await until('two have gone', async () => (await nodes[0].do('fetchSockets', { rooms: [room] })).length === 2);
        } finally {
          world.end();
        }
      });
    }
  });
}
