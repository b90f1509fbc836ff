import assert from 'node:assert/strict';
import { startServer } from '../lib/servers.mjs';
import { call, next, nextValue, settle, World } from '../lib/world.mjs';

/** A server of the case's own, which it may kill and freeze. */
export async function ownServer(world, heartbeat = []) {
  const flags = [...world.flags, ...heartbeat];
  let server = await startServer(world.host, flags);
  const addr = new URL(server.url).host;
  const own = new World({ ...world, url: server.url });
  world.onEnd(async () => {
    await own.end();
    await server.stop('SIGKILL');
  });
  return {
    connect: () => own.connect('/', { reconnection: true, timeout: 2000 }),
    stop: (signal) => server.stop(signal),
    signal: (name) => server.signal(name),
    async start() { server = await startServer(world.host, [...flags, '-addr', addr]); },
  };
}

export const restart = [
  {
    name: 'the server is killed and started again: the client is back and sends what it kept',
    async run(world) {
      const server = await ownServer(world);
      const socket = await server.connect();
      await settle(socket);
      const left = nextValue(socket, 'disconnect');
      await server.stop('SIGKILL');
      assert.match(await left, /^transport (close|error)$/);

      const kept = call(socket, 'echo-ack', 'written while the server was away');
      const back = next(socket, 'connect');
      await server.start();
      await back;
      assert.equal(await kept, 'written while the server was away');
    },
  },
  {
    name: 'the server shuts down in order and is started again',
    async run(world) {
      const server = await ownServer(world);
      const socket = await server.connect();
      await settle(socket);
      const left = nextValue(socket, 'disconnect');
      const { code } = await server.stop('SIGTERM');
      assert.equal(code, 0);
      assert.match(await left, /^transport (close|error)$/);
      const back = next(socket, 'connect');
      await server.start();
      await back;
      await settle(socket);
    },
  },
  {
    name: 'heartbeats keep an idle connection, and their absence ends it',
    needs: 'pings',
    async run(world) {
      const server = await ownServer(world, ['-ping-interval', '300', '-ping-timeout', '1500']);
      const socket = await server.connect();
      let pings = 0;
      socket.io.engine.on('packet', ({ type }) => { if (type === 'ping') pings++; });
      await new Promise((resolve) => setTimeout(resolve, 1500));
      assert.equal(socket.connected, true);
      assert.ok(pings >= 2 && pings <= 6, `${pings} pings in 1.5 s`);

      const left = nextValue(socket, 'disconnect');
      server.signal('SIGSTOP');
      assert.equal(await left, 'ping timeout');
      const back = next(socket, 'connect');
      server.signal('SIGCONT');
      await back;
      await settle(socket);
    },
  },
];
