// The published clients, each with the engine.io-client that its own release was published with.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export const versions = ['3.1.3', '4.0.2', '4.5.4', '4.8.4'];

/** The first release in which a client can do what a case asks of it. */
export const since = {
  timeout: '4.4.0',
  onAnyOutgoing: '4.5.0',
  emitWithAck: '4.6.0',
  retries: '4.6.0',
};

/** The client module of a version: { io, Manager, ... }. */
export const client = (version) => require(`client-${version}`);

/** Whether a client of this version can run a case that needs the feature. */
export const supports = (version, feature) => !feature || compare(version, since[feature]) >= 0;

function compare(a, b) {
  const [x, y] = [a, b].map((v) => v.split('.').map(Number));
  for (let i = 0; i < 3; i++) if (x[i] !== y[i]) return x[i] - y[i];
  return 0;
}
