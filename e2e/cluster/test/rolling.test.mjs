// Three nodes are restarted one after the other, under 500 messages a second: clients move, and miss nothing.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startBalancer } from '../lib/balancer.mjs';
import { startNode } from '../lib/node.mjs';
import { planes } from '../lib/planes.mjs';
import { news, pause, until, World } from '../lib/world.mjs';

const drain = 1500; // milliseconds
const transports = { websocket: ['websocket'], upgrade: ['polling', 'websocket'], polling: ['polling'] };

for (const plane of planes.filter((plane) => plane.durable)) {
  describe(`rolling restart, ${plane.name}`, () => {
    let bus, nodes, publisher;
    const start = () => startNode('kawat', { backplane: plane.name, url: bus.url, share: true, recovery: 60_000, drain });
    before(async () => {
      bus = await plane.start();
      nodes = await Promise.all([start(), start(), start()]);
      publisher = await start(); // has no clients
    });
    after(async () => { for (const node of [...nodes ?? [], publisher]) await node?.stop(); await bus?.stop(); });

    it(`rolling restart, ${plane.name}: nothing is lost, nothing comes twice`, { timeout: 240_000 }, async () => {
      const balancer = await startBalancer(nodes.map((node) => node.url));
      const world = new World();
      try {
        const clients = await Promise.all(Object.values(transports).flatMap((list) => Array.from({ length: 4 }, () =>
          world.client(balancer, { transports: list, rooms: ['news'], reconnectionDelay: 50, reconnectionDelayMax: 300 }))));
        const moves = clients.map(() => []);
        clients.forEach((s, i) => { s.recovers = true; s.on('connect', () => moves[i].push(s.recovered)); });
        const ids = clients.map((s) => s.id);

        let sent = 0, restarting = true;
        const publish = (async () => {
          for (const began = Date.now(); restarting; await pause(10)) {
            for (const due = (Date.now() - began) / 2; sent < due; sent++) publisher.do('emit', { rooms: sent % 2 ? ['news'] : [], event: 'n', args: [sent] });
          }
        })();
        for (let i = 0; i < 3; i++) {
          await pause(500);
          const old = nodes[i];
          balancer.nodes = balancer.nodes.filter((url) => url !== old.url);
          nodes[i] = await start();
          balancer.nodes = [...balancer.nodes, nodes[i].url];
          old.signal('SIGTERM');
          const { code } = await old.exited;
          assert.equal(code, 0, old.log());
        }
        await pause(500);
        restarting = false;
        await publish;
        for (const s of clients) await until(() => `${sent} messages, have ${news(s).length}`, () => news(s).length >= sent, 60_000);
        for (const s of clients) assert.deepEqual(news(s).map(([, n]) => n), Array.from({ length: sent }, (_, n) => n));
        assert.ok(moves.every((list) => list.length > 0 && list.every((recovered) => recovered)), JSON.stringify(moves));
        assert.deepEqual(clients.map((s) => s.id), ids);
        assert.ok(sent > 1500, `${sent} messages`);
      } finally {
        world.end();
        await balancer.stop();
      }
    });
  });
}
