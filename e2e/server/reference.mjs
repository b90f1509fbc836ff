// The contract of the suite on Node's own server. Whatever the suite asks of Kawat, it asks of this first.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { Server as EngineServer } from 'engine.io';
import msgpack from 'socket.io-msgpack-parser';

// Flags are written as Go's flag package takes them, so that both servers start alike.
const flags = {
  host: '', client: '', addr: '127.0.0.1:0', codec: 'json', 'ping-interval': '25000', 'ping-timeout': '20000',
};
for (let i = 2; i + 1 < process.argv.length; i += 2) flags[process.argv[i].replace(/^-+/, '')] = process.argv[i + 1];

const http = createServer((req, res) => res.writeHead(404).end());
const heartbeat = { pingInterval: Number(flags['ping-interval']), pingTimeout: Number(flags['ping-timeout']) };
const limits = { maxHttpBufferSize: 1_000_000, destroyUpgrade: false };
const codec = flags.codec === 'msgpack' ? { parser: msgpack } : {};
const io = new Server(http, { ...heartbeat, ...limits, ...codec, serveClient: flags.client !== '', allowEIO3: true });

const reasons = new Map(); // socket id -> promise of the reason it left for
const settle = new Map();

io.use((socket, next) => {
  const token = socket.handshake.auth.token ?? socket.handshake.query.token;
  if (token === 'forbidden') next(forbidden());
  else if (token === 'broken') next(new Error('internal error'));
  else next();
});
io.on('connection', (socket) => {
  remember(socket);
  socket.emit('hello', { id: socket.id });
  identity(socket);
  echoes(socket);
  acks(socket);
  sequences(socket);
  rooms(socket);
  endings(socket);
});

const chat = io.of('/chat');
chat.use((socket, next) => {
  const { name, token } = socket.handshake.auth;
  next(!name ? new Error('a name is needed') : token === 'forbidden' ? forbidden() : undefined);
});
chat.on('connection', (socket) => {
  remember(socket);
  identity(socket);
  socket.on('join', (names, ack) => { socket.join(names); ack([...socket.rooms]); });
  socket.on('shout', ({ room, text }) => chat.to(room).emit('shouted', { name: socket.handshake.auth.name, text }));
});

function forbidden() {
  return Object.assign(new Error('not allowed'), { data: { code: 403, field: 'token' } });
}

// Node has nothing that knows a repeated event again: this is what a program does by itself.
const orders = new Map(); // client and id -> { runs, promise of the reply }
const retries = io.of('/retries');
retries.on('connection', (socket) => {
  const key = (id) => `${socket.handshake.auth.client} ${id}`;
  socket.on('order', async ({ id, slow, soldOut, note }, ack) => {
    if (!orders.has(key(id))) {
      const made = { runs: 1 };
      orders.set(key(id), made);
      made.reply = new Promise((resolve) => setTimeout(resolve, slow)).then(() =>
        (soldOut ? { error: { message: 'sold out', data: { run: made.runs } } } : { run: made.runs, note }));
    }
    ack(await orders.get(key(id)).reply);
  });
  socket.on('runs', (id, ack) => ack(orders.get(key(id))?.runs ?? 0));
});

function remember(socket) {
  reasons.set(socket.id, new Promise((resolve) => settle.set(socket.id, resolve)));
  const rooms = [];
  socket.on('disconnecting', () => rooms.push(...socket.rooms));
  socket.on('disconnect', (reason) => settle.get(socket.id)({ reason, rooms: rooms.sort(), after: [...socket.rooms] }));
}

function identity(socket) {
  const { auth, query } = socket.handshake;
  socket.on('whoami', (ack) =>
    ack({ id: socket.id, nsp: socket.nsp.name, auth, lang: query.lang ?? '', transport: socket.conn.transport.name }));
}

function echoes(socket) {
  socket.on('echo', (...args) => socket.emit('echo', ...args));
  socket.on('echo-ack', (...args) => args.pop()(...args));
  socket.on('echo-volatile', (value) => socket.volatile.emit('echo', value));
  socket.on('echo-plain', (value) => socket.compress(false).emit('echo', value));
  socket.on('typed', (value, ack) => ack({ ...value, count: value.count + 1 }));
  socket.on('moment', (value, ack) => ack(value));
  socket.on('nothing', () => socket.emit('nothing'));
  socket.on('size', (value, ack) => ack(value.length));
  socket.on('make', ({ text, bytes }) => socket.emit('made', text ? 'x'.repeat(text) : Buffer.alloc(bytes, 7)));
}

function acks(socket) {
  socket.on('fail', (kind, ack) =>
    ack({ error: kind === 'known' ? { message: 'no such order', data: { id: 7 } } : { message: 'internal error' } }));
  socket.on('silent', () => {});
  socket.on('ask', async ({ question, timeout }, ack) => {
    try {
      ack({ reply: await socket.timeout(timeout).emitWithAck('question', question) });
    } catch {
      ack({ error: 'timeout' });
    }
  });
  socket.on('vote', ({ room, timeout, question }, ack) => {
    io.to(room).timeout(timeout).emit('question', question, (err, replies) => ack({ replies, timedOut: Boolean(err) }));
  });
}

function sequences(socket) {
  const seen = { count: 0, firstWrong: -1 };
  socket.on('seq', (i, blob, ack) => {
    const right = i === seen.count && (!Buffer.isBuffer(blob) || blob.readUInt32BE(0) === i);
    if (!right && seen.firstWrong < 0) seen.firstWrong = i;
    seen.count++;
    if (typeof ack === 'function') ack(i);
    else if (typeof blob === 'function') blob(i);
  });
  socket.on('seq-report', (ack) => ack(seen));
  socket.on('burst', ({ from = 0, n, binaryEvery }) => {
    for (let i = from; i < from + n; i++) {
      if (binaryEvery && i % binaryEvery === 0) {
        const blob = Buffer.alloc(4);
        blob.writeUInt32BE(i);
        socket.emit('tick', i, { blob });
      } else socket.emit('tick', i);
    }
  });
}

function rooms(socket) {
  socket.on('join', (names, ack) => { socket.join(names); ack([...socket.rooms]); });
  socket.on('leave', (name, ack) => { socket.leave(name); ack([...socket.rooms]); });
  socket.on('members', async (room, ack) => ack((await io.in(room).fetchSockets()).map((s) => s.id).sort()));
  socket.on('move', ({ room, join, leave }, ack) => {
    if (join) io.in(room).socketsJoin(join);
    if (leave) io.in(room).socketsLeave(leave);
    ack(true);
  });
  socket.on('relay', ({ from, to = [], except = [], flag, event, value }, ack) => {
    let target = from === 'broadcast' ? socket.broadcast : from === 'socket' ? socket : io;
    if (to.length) target = target.to(to);
    if (except.length) target = target.except(except);
    if (flag) target = target[flag];
    target.emit(event, value);
    ack(true);
  });
}

function endings(socket) {
  socket.on('kick', ({ room, close }) => (room ? io.in(room).disconnectSockets(close) : socket.disconnect(close)));
  socket.on('engine-close', () => socket.conn.close());
  socket.on('left', async (id, ack) => ack(await reasons.get(id)));
}

const engine = new EngineServer({ ...heartbeat, ...limits, perMessageDeflate: { threshold: 1024 } });
engine.attach(http, { path: '/engine.io', destroyUpgrade: false });
engine.on('connection', (session) => {
  session.send('hello');
  session.on('message', (data) => (data === 'bye' ? session.close() : session.send(data)));
});

const [hostname, port] = flags.addr.split(':');
http.listen(Number(port), hostname, () => {
  console.log(JSON.stringify({ node: `http://127.0.0.1:${http.address().port}` }));
});
process.stdin.on('end', () => process.exit(0)).resume();
process.on('SIGTERM', () => io.close(() => process.exit(0)));
