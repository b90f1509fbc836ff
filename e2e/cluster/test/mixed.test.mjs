// Every operation between nodes of Kawat and of Node, in both directions, on every bus that both speak. The pair of two
// of Node's own is the proof of the suite.
import { after, before, describe, it } from 'node:test';
import { cases } from '../lib/cases.mjs';
import { startNode } from '../lib/node.mjs';
import { pairs } from '../lib/pairs.mjs';
import { planes } from '../lib/planes.mjs';
import { until, World } from '../lib/world.mjs';

for (const plane of planes) {
  describe(plane.name, () => {
    let bus;
    before(async () => { bus = await plane.start(); });
    after(() => bus?.stop());
    for (const [one, other] of pairs.filter((pair) => !plane.ours || !pair.includes('reference')).filter(([a, b]) => !plane.variant || a !== b)) {
      const pair = `${one} to ${other}`;
      describe(`${plane.name}, ${pair}`, () => {
        let from, to;
        before(async () => {
          const flags = { backplane: plane.name, url: bus.url, prefix: `${one}.${other}` };
          [from, to] = await Promise.all([startNode(one, flags), startNode(other, flags)]);
          for (const nsp of ['/', '/chat', '/a.b*>']) {
            for (const node of [from, to]) {
              await until('the nodes know each other', async () => (await node.do('serverSideEmitWithAck', { nsp, event: 'question', args: [1] })).replies.length === 1);
            }
          }
        });
        after(async () => { await from?.stop(); await to?.stop(); });
        for (const each of cases) {
          it(`${plane.name}, ${pair}: ${each.name}`, { timeout: 60_000 }, async () => {
            const world = new World();
            try {
              await each.run({ world, from, to, plane: plane.name });
            } finally {
              world.end();
            }
          });
        }
      });
    }
  });
}
