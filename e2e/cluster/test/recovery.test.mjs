// A client that is cut on one node goes on with another, be it Kawat's or Node's, over Redis streams; and back.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startRedis } from '../lib/buses.mjs';
import { pairs } from '../lib/pairs.mjs';
import { startNode } from '../lib/node.mjs';
import { name, news, until, World } from '../lib/world.mjs';

/** Has the client's connection end, and start again with another node; what `away` does it misses. */
async function move(socket, to, away) {
  socket.io.reconnectionDelay(400);
  socket.io.uri = to.url;
  const gone = new Promise((resolve) => socket.once('disconnect', resolve));
  const back = new Promise((resolve) => socket.once('connect', resolve));
  socket.io.engine.close();
  await gone;
  await away();
  await back;
}

describe('recovery', () => {
  let bus;
  before(async () => { bus = await startRedis(); });
  after(() => bus?.stop());
  for (const [one, other] of pairs) {
    const pair = `${one} to ${other}`;
    describe(pair, () => {
      let from, to;
      before(async () => {
        const flags = { backplane: 'streams', url: bus.url, prefix: `${one}.${other}`, recovery: 60_000 };
        [from, to] = await Promise.all([startNode(one, flags), startNode(other, flags)]);
        await until('the nodes know each other', async () => (await from.do('fetchSockets')).length === 0);
      });
      after(async () => { await from?.stop(); await to?.stop(); });

      it(`${pair}: what is missed comes, in order and once, with id, rooms and data`, { timeout: 60_000 }, async () => {
        const world = new World();
        const [room, muted] = [name(), name()];
        const s = await world.client(from, { rooms: [room, muted], auth: { user: 'ann' } });
        s.recovers = true;
        const { id } = s;
        const expected = [];
        const emit = async (node, event, how = {}) => {
          await node.do('emit', { event, args: [expected.length, { $bin: '01' }], ...how });
          await new Promise((resolve) => setTimeout(resolve, 30)); // so that the order is the one that is meant
        };
        const heard = async (node, event, how) => {
          const args = [event, expected.length, { $bin: '01' }];
          await emit(node, event, how);
          expected.push(args);
        };
        await heard(from, 'first');
        await until('the first', () => news(s).length === 1);
        let nodes = [from, to];
        for (let i = 0; i < 4; i++) {
          const [here, there] = nodes;
          await move(s, there, async () => {
            await heard(here, 'room', { rooms: [room] });
            await emit(there, 'others', { rooms: [name()] });
            await heard(there, 'all');
            await emit(here, 'muted', { rooms: [room], except: [muted] });
            await heard(here, 'mine', { rooms: [id] });
          });
          assert.equal(s.recovered, true, `${here.kind} to ${there.kind}`);
          assert.equal(s.id, id);
          await heard(here, 'live', { rooms: [room] });
          await until(() => `${expected.length}, have ${JSON.stringify(news(s))}`, () => news(s).length >= expected.length);
          assert.deepEqual(news(s), expected);
          const [found] = await here.do('fetchSockets', { rooms: [room] });
          assert.deepEqual([found.id, found.data, found.rooms], [id, { user: 'ann' }, [id, room, muted].sort()]);
          nodes = [there, here];
        }
        world.end();
      });
    });
  }
});
