// A rolling deploy: a server that drains, another that takes over, and a balancer in front that leads new connections
// to the latter.
import assert from 'node:assert/strict';
import { createServer, connect } from 'node:net';
import { startServer } from '../lib/servers.mjs';
import { call, next, record, settle, until, World } from '../lib/world.mjs';

const clients = 8;
const over = 1500; // milliseconds

/** Passes connections on: those of a session to its server, others to wherever it leads at the time. */
async function startBalancer(url) {
  const open = new Set();
  const homes = new Map(); // of the sessions: the servers' addresses
  let leadsTo = url;
  const balancer = createServer((client) => {
    client.once('data', (request) => {
      const sid = /[?&]sid=([\w-]+)/.exec(request.toString('latin1'))?.[1];
      const home = homes.get(sid) ?? leadsTo;
      const server = connect(new URL(home).port, '127.0.0.1');
      server.once('data', (reply) => {
        const opened = /"sid":"([\w-]+)"/.exec(reply.toString('latin1'))?.[1];
        if (opened) homes.set(opened, home);
      });
      server.write(request);
      for (const [from, to] of [[client, server], [server, client]]) {
        open.add(from);
        from.on('close', () => { open.delete(from); to.destroy(); });
        from.pipe(to);
        from.on('error', () => to.destroy());
      }
    });
    client.on('error', () => client.destroy());
  });
  await new Promise((resolve) => balancer.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${balancer.address().port}`,
    leadTo(other) { leadsTo = other; },
    stop() {
      for (const socket of open) socket.destroy();
      balancer.close();
    },
  };
}

/** A client that notes what happens to it. */
async function guest(world) {
  const socket = await world.connect('/', { reconnection: true, timeout: 2000 });
  const it = { socket, numbers: record(socket, 'number'), left: [], at: 0 };
  socket.on('question', (question, ack) => setTimeout(() => ack({ answer: question }), 300));
  socket.on('disconnect', (reason) => {
    it.left.push(reason);
    it.at = Date.now();
  });
  return it;
}

/** Two servers, of which the first drains at SIGTERM, and a balancer that leads to it. */
async function deploy(world) {
  const servers = await Promise.all([['-drain', String(over)], []].map((flags) => startServer(world.host, [...world.flags, ...flags])));
  const balancer = await startBalancer(servers[0].url);
  const own = new World({ ...world, url: balancer.url });
  world.onEnd(async () => {
    await own.end();
    balancer.stop();
    await Promise.all(servers.map((server) => server.stop('SIGKILL')));
  });
  return { servers, balancer, own };
}

/** Comes and goes until it is told to go elsewhere. */
async function untilRefused(url) {
  for (;;) {
    const reply = await fetch(url);
    if (reply.status === 503) {
      assert.ok(reply.headers.get('retry-after'));
      return;
    }
    const { sid } = JSON.parse((await reply.text()).slice(1));
    await fetch(`${url}&sid=${sid}`, { method: 'POST', body: '1' });
  }
}

export const drain = [
  {
    name: 'clients are moved to another server, one after the other, and miss nothing before',
    async run(world) {
      const { servers, balancer, own } = await deploy(world);
      const guests = await Promise.all(Array.from({ length: clients }, () => guest(own)));
      await settle(...guests.map(({ socket }) => socket));

      balancer.leadTo(servers[1].url);
      await Promise.all(guests.map(({ socket }) => call(socket, 'count', { to: 1000, every: 10, bytes: 0 })));
      // What is under way when it begins: handlers that wait for their own client, and calls.
      const asked = guests.map(({ socket }) => call(socket, 'ask', { question: 'siapa?', timeout: 15_000 }));
      await settle(...guests.map(({ socket }) => socket));
      const back = guests.map(({ socket }) => next(socket, 'connect'));
      const stopped = servers[0].stop('SIGTERM');

      await Promise.all(back);
      for (const reply of await Promise.all(asked)) assert.deepEqual(reply, { reply: { answer: 'siapa?' } });
      assert.equal((await stopped).code, 0);
      for (const { numbers, left } of guests) {
        assert.deepEqual(left, ['transport close']);
        assert.ok(numbers.length > 0);
        assert.deepEqual(numbers, Array.from(numbers, (_, i) => i));
      }
      const times = guests.map(({ at }) => at).sort((a, b) => a - b);
      assert.ok(times.at(-1) - times[0] > over / 4, `all have gone within ${times.at(-1) - times[0]} ms`);
      await settle(...guests.map(({ socket }) => socket)); // on the other server
    },
  },
  {
    name: 'who comes while it drains is refused, and tries again elsewhere',
    async run(world) {
      const { servers, balancer, own } = await deploy(world);
      const first = await Promise.all(Array.from({ length: clients }, () => guest(own)));
      const stopped = servers[0].stop('SIGTERM');
      await untilRefused(`${servers[0].url}/socket.io/?EIO=4&transport=polling`);
      const late = own.socket('/', { reconnection: true, timeout: 2000 });
      let failures = 0;
      late.on('connect_error', () => { if (++failures === 1) balancer.leadTo(servers[1].url); });
      late.io.on('connect_error', () => { if (++failures === 1) balancer.leadTo(servers[1].url); }); // clients before 3.0.0
      const connected = next(late, 'connect');
      late.connect();
      await connected;
      assert.ok(failures > 0);
      balancer.leadTo(servers[1].url);
      await until('the first to be back', () => first.every(({ left, socket }) => left.length > 0 && socket.connected));
      assert.equal((await stopped).code, 0);
      await settle(late, ...first.map(({ socket }) => socket));
    },
  },
];
