// Two of Node's own servers in one process, linked by a published adapter: see ../cluster, whose contract this is.
// Clients reach the one; what they publish is emitted by the other.
import { createServer } from 'node:http';
import pg from 'pg';
import { createClient } from 'redis';
import { Server } from 'socket.io';
import { createAdapter as classic, createShardedAdapter as sharded } from '@socket.io/redis-adapter';
import { createAdapter as streams } from '@socket.io/redis-streams-adapter';
import { createAdapter as postgres } from '@socket.io/postgres-adapter';
import { flags, listen, milliseconds } from './flags.mjs';

const { backplane, url } = flags;

async function redis() {
  const client = createClient({ url });
  await client.connect();
  return client;
}

const adapters = {
  redis: async () => classic(await redis(), await redis()),
  sharded: async () => sharded(await redis(), await redis()),
  streams: async () => streams(await redis()),
  postgres: async () => {
    const pool = new pg.Pool({ connectionString: url, max: 2 }); // one listens; with two more it would change the order
    await pool.query('CREATE TABLE IF NOT EXISTS socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)');
    return postgres(pool);
  },
};

const http = createServer();
const options = {
  pingInterval: milliseconds(flags['ping-interval']),
  pingTimeout: milliseconds(flags['ping-timeout']),
};
const near = new Server(http, { ...options, adapter: await adapters[backplane]() });
const far = new Server({ ...options, adapter: await adapters[backplane]() });

near.on('connection', (socket) => {
  socket.on('join', (room, ack) => {
    socket.join(room);
    ack(true);
  });
  socket.on('publish', ({ room, n, text }, ack) => {
    for (let i = 0; i < n; i++) far.to(room).emit('message', text);
    ack(true);
  });
});
listen(http);
