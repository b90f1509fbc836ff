// The connection, the seat in a room, and the messages that are not sent yet.
import { randomKey, remember, remembered } from './dom.js';

const patience = 10_000; // how long an answer may take before the question is put again
const patienceForImages = 40_000;

export class Session {
  #socket;
  #on;
  #wanted = null; // the name and room asked for, again after each reconnection
  #joined = false;
  #seat = null; // what was asked for and given
  #early = null; // what is heard between asking for a seat and having it
  #outbox = [];
  #sending = false;

  /** on: what the page does about state, joined, refused, post, presence, typing, rooms, item. */
  constructor(io, on, options = {}) {
    this.#on = on;
    this.client = remembered(sessionStorage, 'client') ?? randomKey();
    remember(sessionStorage, 'client', this.client);

    const socket = io({ autoConnect: false, reconnectionDelay: 400, reconnectionDelayMax: 3000, ...options });
    this.#socket = socket;
    socket.on('connect', () => {
      this.#state();
      this.#join();
      socket.io.engine.on('upgrade', () => this.#state());
    });
    socket.on('disconnect', (reason) => {
      this.#joined = false;
      this.#seat = null;
      this.#state(reason === 'io server disconnect' ? 'replaced' : 'offline');
    });
    socket.on('connect_error', () => this.#state(socket.active ? 'offline' : 'refused'));
    for (const event of ['post', 'presence', 'typing', 'rooms']) {
      socket.on(event, (value) => (this.#early ? this.#early.push([event, value]) : on[event](value)));
    }
  }

  get room() { return this.#wanted?.room; }

  /** Asks for a seat; the page is told by joined or refused. */
  join(name, room) {
    this.#wanted = { name, room };
    this.#joined = false;
    if (this.#socket.connected) this.#join();
    else this.connect();
  }

  connect() {
    this.#state('connecting');
    this.#socket.connect();
  }

  /** Takes a message to be sent now, or as soon as the server is there. */
  send(text, image) {
    const item = { key: randomKey(), room: this.room, text, image, state: 'waiting', at: Date.now() };
    this.#outbox.push(item);
    this.#on.item(item);
    this.#flush();
    return item;
  }

  retry(item) {
    this.#mark(item, 'waiting');
    this.#flush();
  }

  discard(item) {
    this.#outbox = this.#outbox.filter((other) => other !== item);
  }

  waiting(room) {
    return this.#outbox.filter((item) => item.room === room);
  }

  typing(on) {
    if (this.#joined) this.#socket.volatile.emit('typing', on);
  }

  async picture(key) {
    const reply = await this.#socket.timeout(patienceForImages).emitWithAck('picture', { key });
    if (reply.error) throw new Error(reply.error.message);
    return reply;
  }

  #join() {
    const wanted = this.#wanted;
    if (!wanted || !this.#socket.connected) return;
    this.#early = [];
    // A callback and no promise: what comes right behind the answer must find it taken in.
    this.#socket.timeout(patience).emit('join', { client: this.client, ...wanted }, (err, reply) => {
      if (wanted !== this.#wanted) return; // another room was chosen meanwhile
      if (err) this.#join(); // if the connection is gone, "connect" brings the page here again
      else if (reply.error) this.#refused(reply.error.message, wanted);
      else this.#seated(reply);
    });
  }

  // Whoever asked for another seat and did not get it keeps the one they have.
  #refused(message, wanted) {
    this.#wanted = this.#seat;
    this.#catchUp();
    this.#on.refused(message, wanted);
  }

  #seated(reply) {
    this.#seat = this.#wanted;
    for (const { key } of reply.history) this.#sent(key);
    this.#on.joined(reply);
    this.#catchUp();
  }

  #catchUp() {
    const early = this.#early ?? [];
    this.#early = null;
    this.#joined = this.#seat !== null;
    for (const [event, value] of early) this.#on[event](value);
    this.#flush();
  }

  // One message at a time, so that they are posted in the order they were written.
  async #flush() {
    if (this.#sending || !this.#joined) return;
    const item = this.#outbox.find(({ state, room }) => state === 'waiting' && room === this.room);
    if (!item) return;
    this.#sending = true;
    this.#mark(item, 'sending');
    const wait = await this.#deliver(item);
    this.#sending = false;
    if (wait > 0) setTimeout(() => this.#flush(), wait);
    else this.#flush();
  }

  /** Sends one message; returns how long to wait before the next. */
  async #deliver(item) {
    const { key, room, text, image } = item;
    try {
      const limit = image ? patienceForImages : patience;
      const reply = await this.#socket.timeout(limit).emitWithAck('send', { key, room, text, image });
      if (!reply.error) this.#sent(key, reply);
      else if (reply.error.data?.retryAfter) {
        this.#mark(item, 'waiting', reply.error.message);
        return reply.error.data.retryAfter;
      } else this.#mark(item, 'failed', reply.error.message);
    } catch {
      // It may have been posted all the same: the server knows the key when it comes again.
      if (this.#outbox.includes(item)) this.#mark(item, 'waiting');
    }
    return 0;
  }

  #sent(key, reply) {
    const item = this.#outbox.find((other) => other.key === key);
    if (!item) return;
    this.discard(item);
    Object.assign(item, reply);
    this.#mark(item, 'sent');
  }

  #mark(item, state, problem = '') {
    Object.assign(item, { state, problem });
    this.#on.item(item);
  }

  #state(state = 'online') {
    const { engine } = this.#socket.io;
    this.#on.state(state, state === 'online' ? engine.transport.name : '');
  }
}
