// The stock client through a balancer that knows nothing of sessions, over three nodes of Kawat's: Config.ShareSessions.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBalancer } from '../lib/balancer.mjs';
import { startRedis } from '../lib/buses.mjs';
import { planes } from '../lib/planes.mjs';
import { startNode } from '../lib/node.mjs';
import { name, news, until, World } from '../lib/world.mjs';

const transports = { polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] };

for (const plane of planes.filter(({ name }) => ['redis', 'streams', 'nats'].includes(name))) {
  describe(`share, ${plane.name}`, () => {
    let bus, nodes;
    before(async () => {
      bus = await plane.start();
      nodes = await Promise.all([1, 2, 3].map(() => startNode('kawat', { backplane: plane.name, url: bus.url, share: true, ping: 4000 })));
      for (const node of nodes) {
        await until('the nodes know each other', async () => (await node.do('serverSideEmitWithAck', { event: 'question', args: [1] })).replies.length === 2);
      }
    });
    after(async () => { for (const node of nodes ?? []) await node.stop(); await bus?.stop(); });

    for (const random of [false, true]) {
      for (const [kind, list] of Object.entries(transports)) {
        const what = `share, ${plane.name}: ${kind}, ${random ? 'at random' : 'in turn'}`;
        it(what, { timeout: 120_000 }, async () => {
          const balancer = await startBalancer(nodes.map((node) => node.url), { random });
          const world = new World();
          try {
            const room = name();
            const clients = await Promise.all(Array.from({ length: 4 }, () => world.client(balancer, { transports: list, rooms: [room], reconnection: false })));
            const ends = [];
            for (const s of clients) s.on('disconnect', (reason) => ends.push(reason));
            const rounds = 100;
            const echoes = clients.map(async (s) => {
              for (let i = 0; i < rounds; i++) assert.deepEqual(await s.timeout(30_000).emitWithAck('echo', { i, blob: Buffer.from([i]) }), { i, blob: Buffer.from([i]) });
            });
            for (let i = 0; i < rounds; i++) await nodes[i % 3].do('emit', { rooms: [room], event: 'n', args: [i, { $bin: 'ff' }] });
            await Promise.all(echoes);
            for (const s of clients) {
              await until(() => `all, have ${news(s).length}`, () => news(s).length >= rounds);
              assert.deepEqual(news(s).map(([, i]) => i).sort((x, y) => x - y), Array.from({ length: rounds }, (_, i) => i));
            }
            if (kind === 'upgrade') for (const s of clients) await until('the upgrade', () => s.io.engine.transport.name === 'websocket');
            const big = 'x'.repeat(400_000);
            for (const s of clients) assert.equal(await s.timeout(30_000).emitWithAck('echo', big), big);
            assert.deepEqual(ends, []);
            if (!random) for (const node of nodes) assert.ok(balancer.counts.get(node.url) > 0);
          } finally {
            world.end();
            await balancer.stop();
          }
        });
      }
    }

    it(`share, ${plane.name}: a node dies, and its clients come back elsewhere`, { timeout: 120_000 }, async () => {
      const balancer = await startBalancer(nodes.map((node) => node.url));
      const world = new World();
      try {
        const clients = await Promise.all(Array.from({ length: 9 }, () => world.client(balancer, { transports: ['polling'], reconnectionDelay: 50, reconnectionDelayMax: 500 })));
        await nodes[0].kill();
        balancer.nodes = nodes.slice(1).map((node) => node.url);
        nodes = nodes.slice(1);
        for (const s of clients) await until('all are there', async () => s.connected && (await s.timeout(500).emitWithAck('echo', 1).catch(() => 0)) === 1, 60_000);
        // Those of the dead at once; and one whose poll went through the dead node, when it answers no ping.
        await until('the sockets that were left are forgotten', async () => (await nodes[0].do('fetchSockets')).length === clients.length, 30_000);
      } finally {
        world.end();
        await balancer.stop();
      }
    });
  });
}
