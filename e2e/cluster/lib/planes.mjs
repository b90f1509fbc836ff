import { startNats, startPostgres, startRedis } from './buses.mjs';

/**
 * The buses; E2E_PLANES=redis,streams narrows them. Those that are `ours` have no published adapter for Node,
 * and a `variant` is tried between Kawat and Node only.
 */
export const planes = [
  { name: 'redis', start: startRedis },
  { name: 'redis-specific', start: startRedis, variant: true },
  { name: 'sharded', start: startRedis },
  { name: 'sharded-private', start: startRedis, variant: true },
  { name: 'streams', start: startRedis, durable: true },
  { name: 'postgres', start: startPostgres },
  { name: 'nats', start: startNats, ours: true },
  { name: 'jetstream', start: startNats, ours: true, durable: true },
].filter(({ name }) => !process.env.E2E_PLANES || process.env.E2E_PLANES.split(',').includes(name));
