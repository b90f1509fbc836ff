// Node's emitters, with the commands of a node.
import { encode } from '@msgpack/msgpack';
import { Emitter as PostgresEmitter } from '@socket.io/postgres-emitter';
import { Emitter as RedisEmitter } from '@socket.io/redis-emitter';
import pg from 'pg';
import { createClient } from 'redis';
import { fromWire } from './values.mjs';

async function redis(url) {
  const client = createClient({ url });
  await client.connect();
  return client;
}

/** Those that are there, by backplane. Each has `of` and is ended by `stop`. */
const all = {
  async redis({ url, prefix }) {
    const client = await redis(url);
    const emitter = new RedisEmitter(client, { key: prefix });
    return { of: (nsp) => emitter.of(nsp), stop: () => client.disconnect() };
  },
  async postgres({ url, prefix }) {
    const pool = new pg.Pool({ connectionString: url, max: 1 });
    // Its own `of` forgets the options.
    return { of: (nsp) => new PostgresEmitter(pool, nsp, { channelPrefix: prefix }), stop: () => pool.end() };
  },
  async streams({ url, prefix }) {
    const client = await redis(url);
    return { of: (nsp) => new StreamsEmitter(client, prefix, nsp), stop: () => client.disconnect() };
  },
};

/** Writes what @socket.io/redis-streams-emitter 0.1.1 does: entries of everything, with nothing in them that is Kawat's. */
class StreamsEmitter {
  #client; #stream; #nsp; #opts;

  constructor(client, stream, nsp, opts = { rooms: [], flags: {}, except: [] }) {
    [this.#client, this.#stream, this.#nsp, this.#opts] = [client, stream, nsp, opts];
  }

  #with(more) { return new StreamsEmitter(this.#client, this.#stream, this.#nsp, { ...this.#opts, ...more }); }
  to(rooms) { return this.#with({ rooms: [...this.#opts.rooms, ...[rooms].flat()] }); }
  in(rooms) { return this.to(rooms); }
  except(rooms) { return this.#with({ except: [...this.#opts.except, ...[rooms].flat()] }); }
  get volatile() { return this.#with({ flags: { ...this.#opts.flags, volatile: true } }); }
  compress(compress) { return this.#with({ flags: { ...this.#opts.flags, compress } }); }

  #add(type, data, binary) {
    const text = binary ? Buffer.from(encode(data)).toString('base64') : JSON.stringify(data);
    return this.#client.xAdd(this.#stream, '*', { uid: 'emitter', nsp: this.#nsp, type: String(type), data: text },
      { TRIM: { strategy: 'MAXLEN', strategyModifier: '~', threshold: 10_000 } });
  }

  emit(...data) { return this.#add(3, { packet: { type: 2, data, nsp: this.#nsp }, opts: this.#opts }, binaryIn(data)); }
  socketsJoin(rooms) { return this.#add(4, { opts: { ...this.#opts, flags: {} }, rooms: [rooms].flat() }); }
  socketsLeave(rooms) { return this.#add(5, { opts: { ...this.#opts, flags: {} }, rooms: [rooms].flat() }); }
  disconnectSockets(close = false) { return this.#add(6, { opts: { ...this.#opts, flags: {} }, close }); }
  serverSideEmit(...packet) { return this.#add(9, { packet }, binaryIn(packet)); }
}

const binaryIn = (v) => v instanceof Uint8Array || (!!v && typeof v === 'object' && Object.values(v).some(binaryIn));

/** Starts Node's emitter for a backplane. */
export async function startNodesEmitter({ backplane, ...flags }) {
  const { of, stop } = await all[backplane](flags);
  const target = ({ nsp = '/', rooms = [], except = [], flags = {} }) => {
    let b = of(nsp);
    if (rooms.length === 1) b = b.in(rooms[0]);
    else if (rooms.length) b = b.to(rooms);
    if (except.length) b = b.except(except);
    if (flags.volatile) b = b.volatile;
    if (flags.compress === false) b = b.compress(false);
    return b;
  };
  const commands = {
    emit: (c) => target(c).emit(c.event, ...fromWire(c.args ?? [])),
    socketsJoin: (c) => target(c).socketsJoin(c.join),
    socketsLeave: (c) => target(c).socketsLeave(c.leave),
    disconnectSockets: (c) => target(c).disconnectSockets(c.close),
    serverSideEmit: (c) => of(c.nsp ?? '/').serverSideEmit(c.event, ...fromWire(c.args ?? [])),
  };
  return { kind: 'reference', do: async (op, c) => { await commands[op](c); }, stop };
}

/** The buses that an emitter of Node's is there for. */
export const nodesEmitters = Object.keys(all);
