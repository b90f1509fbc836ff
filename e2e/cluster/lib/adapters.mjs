// The published adapters, each connected to the server that a flag names.
import pg from 'pg';
import { createClient } from 'redis';
import { createAdapter as classic, createShardedAdapter as sharded } from '@socket.io/redis-adapter';
import { createAdapter as streams } from '@socket.io/redis-streams-adapter';
import { createAdapter as postgres } from '@socket.io/postgres-adapter';
import { createAdapter as olderPostgres } from 'postgres-adapter-0.3';

async function redis(url) {
  const client = createClient({ url });
  client.on('error', (err) => console.error(err.message));
  await client.connect();
  return client;
}

async function pair(url) {
  const clients = [await redis(url), await redis(url)];
  return { clients, close: () => Promise.all(clients.map((client) => client.disconnect())) };
}

export const adapters = {
  async redis({ url, prefix }) {
    const { clients: [pub, sub], close } = await pair(url);
    return { adapter: classic(pub, sub, { key: prefix }), close };
  },
  async 'redis-specific'({ url, prefix }) {
    const { clients: [pub, sub], close } = await pair(url);
    return { adapter: classic(pub, sub, { key: prefix, publishOnSpecificResponseChannel: true }), close };
  },
  async sharded({ url, prefix }) {
    const { clients: [pub, sub], close } = await pair(url);
    return { adapter: sharded(pub, sub, { channelPrefix: prefix }), close };
  },
  async 'sharded-private'({ url, prefix }) {
    const { clients: [pub, sub], close } = await pair(url);
    return { adapter: sharded(pub, sub, { channelPrefix: prefix, subscriptionMode: 'dynamic-private' }), close };
  },
  async streams({ url, prefix }) {
    const client = await redis(url);
    return { adapter: streams(client, { streamName: prefix, channelPrefix: prefix }), close: () => client.disconnect() };
  },
  postgres: (flags) => table(postgres, flags),
  'postgres-0.3': (flags) => table(olderPostgres, flags),
};

async function table(createAdapter, { url, prefix }) {
  const pool = new pg.Pool({ connectionString: url });
  await pool.query('CREATE TABLE IF NOT EXISTS socket_io_attachments (id bigserial UNIQUE, created_at timestamptz DEFAULT NOW(), payload bytea)');
  return { adapter: createAdapter(pool, { channelPrefix: prefix }), close: () => pool.end() };
}
