// The published clients, each with the engine.io-client that its own release was published with.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

export const versions = ['1.7.4', '2.0.4', '2.5.0', '3.1.3', '4.0.2', '4.5.4', '4.8.4'];

/** The first release in which a client can do what a case asks of it. */
export const since = {
  typedArrays: '2.0.0',
  lookalikes: '2.5.0', // of placeholders are not taken for them
  unicodePayloads: '2.0.0', // before, polling garbles all but ASCII, with Node's own server too
  auth: '3.0.0',
  volatile: '3.0.0',
  onAny: '3.0.0',
  pings: '3.0.0', // come from the server
  protocols: '3.0.0', // of WebSocket; before, an option of the engine alone
  rejoin: '3.0.0', // a namespace, after the server has disconnected it
  timeout: '4.4.0',
  onAnyOutgoing: '4.5.0',
  emitWithAck: '4.6.0',
  retries: '4.6.0',
};

/** A client is its version, and the codec that both sides are set to if it is not JSON: "4.8.4 msgpack". */
const parse = (name) => {
  const [version, codec = 'json'] = name.split(' ');
  return { version, codec };
};

const parsers = { msgpack: 'socket.io-msgpack-parser' };

/** The client module: { io, Manager, ... }. Before 3.0.0 the module was what is now io. */
export function client(name) {
  const module = require(`client-${parse(name).version}`);
  return module.io ? module : { io: module };
}

/** The options that set a client's codec, and the flags that set its server's. */
export const codecOptions = (name) => {
  const parser = parsers[parse(name).codec];
  return parser ? { parser: require(parser) } : {};
};
export const codecFlags = (name) => ['-codec', parse(name).codec];

/** Whether a client can run a case that needs the feature and, if it names one, the codec. */
export const supports = (name, feature, codec) =>
  (!feature || compare(parse(name).version, since[feature]) >= 0) && (!codec || parse(name).codec === codec);

function compare(a, b) {
  const [x, y] = [a, b].map((v) => v.split('.').map(Number));
  for (let i = 0; i < 3; i++) if (x[i] !== y[i]) return x[i] - y[i];
  return 0;
}
