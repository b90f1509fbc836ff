// Stock clients of a cluster's nodes, which remember what they are told.
import { io } from 'socket.io-client';
import { toWire } from './values.mjs';

/** Waits for a condition; fails with what is said to be wanted. */
export async function until(what, there, patience = 15_000) {
  for (const end = Date.now() + patience; ;) {
    const found = await there();
    if (found) return found;
    if (Date.now() > end) throw new Error(`in vain: ${typeof what === 'function' ? what() : what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

let names = 0;
/** A name that no other case uses. */
export const name = (kind = 'room') => `${kind}-${process.pid}-${++names}`;

export class World {
  #clients = [];

  /** Connects a client to a node; what it hears of these events is in its list `heard`, as [event, ...args]. */
  async client(node, { nsp = '/', rooms = [], auth = {}, ...options } = {}) {
    const socket = io(node.url + nsp, { transports: ['websocket'], forceNew: true, auth, query: { from: 'test' }, ...options });
    socket.heard = [];
    socket.reached = new Map(); // the rooms it was probed in, each with its last probe
    socket.onAny((event, ...args) => {
      const done = typeof args.at(-1) === 'function' ? args.pop() : undefined;
      if (event === 'probe') return socket.reached.set(...args);
      socket.heard.push([event, ...toWire(args)]);
      done?.(socket.answer ?? { id: socket.id });
    });
    this.#clients.push(socket);
    await new Promise((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('connect_error', reject);
    });
    await until('the welcome', () => socket.heard.some(([event]) => event === 'welcome'));
    for (const room of rooms) await socket.timeout(10_000).emitWithAck('join', room);
    return socket;
  }

  end() {
    for (const socket of this.#clients) socket.disconnect();
    this.#clients = [];
  }
}

/** What a client has heard, but for its welcome and what ends a case; without offsets. */
export const news = (socket) => socket.heard.filter(([event]) => !['welcome', 'end'].includes(event))
  .map((event) => (socket.recovers ? event.slice(0, -1) : event));

/**
 * Waits until what a node emits to a room comes to these sockets. With a channel for each room, a socket may be in
 * a room before its node hears the channel: what was emitted in between is for nobody, as it is with Node's servers.
 */
export async function reach(from, sockets, room, nsp) {
  for (let probe = 1; probe < 60; probe++) {
    await from.do('emit', { nsp, rooms: [room], event: 'probe', args: [room, probe] });
    for (const end = Date.now() + 250; Date.now() < end; await pause(2)) {
      if (sockets.every((s) => s.reached.get(room) === probe)) return;
    }
  }
  throw new Error(`${room} is not reached`);
}
