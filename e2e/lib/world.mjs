// What a case is given: clients that connect in the way the case runs under, and that are closed after it.
import { after } from 'node:test';
import { client, codecFlags, codecOptions } from './clients.mjs';

// What a case that has failed leaves behind, such as a client that goes on
// reconnecting, must not keep the process alive, and the whole run with it.
after(() => setTimeout(() => process.exit(), 5000).unref());

/** What a client is told to use in each mode. */
export const transports = { polling: ['polling'], websocket: ['websocket'], upgrade: ['polling', 'websocket'] };
export const modes = Object.keys(transports);

/** How long anything may take that should come at once; generous, for a busy machine. */
const patience = 20_000;

let names = 0;

export class World {
  #managers = new Set();
  #cleanups = [];

  constructor({ version, mode, host, url, flags = [] }) {
    Object.assign(this, { version, mode, host, url });
    this.io = client(version).io;
    this.flags = [...flags, ...codecFlags(version)]; // for servers of a case's own
    this.codec = this.flags.at(-1);
    this.transport = mode === 'polling' ? 'polling' : 'websocket';
  }

  /** A name that no other case uses, so that cases share a server in peace. */
  name(prefix = 'room') {
    return `${prefix}-${process.pid}-${++names}`;
  }

  /** A socket that is not connected yet. Reconnection is off unless the case asks for it. */
  socket(namespace = '/', options = {}) {
    const socket = this.io(this.url + (namespace === '/' ? '' : namespace), {
      transports: transports[this.mode], forceNew: true, reconnection: false, autoConnect: false, ...codecOptions(this.version),
      reconnectionDelay: 50, reconnectionDelayMax: 200, ...options,
    });
    this.#managers.add(socket.io);
    return socket;
  }

  /** A connected socket. */
  async connect(namespace, options) {
    const socket = this.socket(namespace, options);
    const connected = firstOf(socket, ['connect', 'connect_error', 'error']); // error: clients before 3.0.0
    socket.connect();
    const { event, args } = await connected;
    if (event !== 'connect') throw new Error(`${event}: ${args[0].message ?? args[0]}`);
    return socket;
  }

  connectMany(count, namespace, options) {
    return Promise.all(Array.from({ length: count }, () => this.connect(namespace, options)));
  }

  onEnd(cleanup) {
    this.#cleanups.push(cleanup);
  }

  async end() {
    for (const manager of this.#managers) {
      manager.reconnection(false);
      manager.engine?.close();
    }
    for (const cleanup of this.#cleanups) await cleanup();
  }
}

/** The promise of an event's arguments. */
export const next = async (socket, event) => (await firstOf(socket, [event])).args;

/** The promise of the first argument of an event. */
export const nextValue = async (socket, event) => (await next(socket, event))[0];

function firstOf(socket, events) {
  return within(`${events.join(' or ')}`, (resolve) => {
    const heard = (event) => (...args) => {
      for (const [name, listener] of listeners) socket.off(name, listener);
      resolve({ event, args });
    };
    const listeners = events.map((event) => [event, heard(event)]);
    for (const [name, listener] of listeners) socket.on(name, listener);
  });
}

/** Emits with an acknowledgement and waits for its first argument. */
export const call = async (socket, event, ...args) => (await callAll(socket, event, ...args))[0];

/** Emits with an acknowledgement and waits for all its arguments. */
export const callAll = (socket, event, ...args) =>
  within(`ack of ${event}`, (resolve) => socket.emit(event, ...args, (...reply) => resolve(reply)));

/** Resolves when the condition holds. */
export async function until(what, condition) {
  let interval;
  try {
    await within(what, (resolve) => {
      const look = () => condition() && resolve();
      interval = setInterval(look, 5);
      look();
    });
  } finally {
    clearInterval(interval);
  }
}

/** Waits for what was sent to the sockets before: one round trip each. */
export const settle = (...sockets) => Promise.all(sockets.map((socket) => call(socket, 'echo-ack')));

/** Records an event's first arguments in the order they come. */
export function record(socket, event) {
  const heard = [];
  socket.on(event, (value) => heard.push(value));
  return heard;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function within(what, start) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited ${patience / 1000} s for ${what}`)), patience);
    start((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
