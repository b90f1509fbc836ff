// A node of a cluster that is Node's own server. It takes commands as lines of JSON, and answers each with one: see
// lib/node.mjs. Its other half, with the same flags and commands, is the Go program in node.
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Server } from 'socket.io';
import { adapters } from './lib/adapters.mjs';
import { fromWire, toWire } from './lib/values.mjs';

const { values: flags } = parseArgs({ options: {
  backplane: { type: 'string' }, url: { type: 'string' }, recovery: { type: 'string', default: '0' },
  prefix: { type: 'string', default: 'socket.io' },
} });

const http = createServer();
const link = await adapters[flags.backplane](flags);
const io = new Server(http, {
  adapter: link.adapter,
  connectionStateRecovery: flags.recovery === '0' ? undefined : { maxDisconnectionDuration: Number(flags.recovery), skipMiddlewares: true },
});

const heard = []; // events of other nodes
const rooms = []; // events of rooms, without those that every socket has to itself

function prepare(nsp) {
  nsp.on('connection', (socket) => {
    if (socket.handshake.auth.user) socket.data.user = socket.handshake.auth.user;
    socket.emit('welcome', { recovered: socket.recovered, rooms: [...socket.rooms].filter((room) => room !== socket.id) });
    socket.on('join', (room, done) => { socket.join(room); done(); });
    socket.on('echo', (...args) => args.pop()(args[0]));
    socket.on('disconnect', (reason) => heard.push({ event: 'disconnect', args: [reason] }));
  });
}

function listen(nsp) {
  nsp.on('note', (...args) => heard.push({ nsp: nsp.name, event: 'note', args: toWire(args) }));
  nsp.on('question', (value, answer) => answer({ node: 'reference', value }));
  for (const event of ['create-room', 'join-room', 'leave-room', 'delete-room']) {
    nsp.adapter.on(event, (room, id) => { if (!nsp.sockets.has(room)) rooms.push([event, room, id].slice(0, event.includes('join') || event.includes('leave') ? 3 : 2)); });
  }
}
for (const name of ['/', '/chat', '/a.b*>']) { prepare(io.of(name)); listen(io.of(name)); }
const parent = io.of(/^\/dyn-/);
prepare(parent);
io.on('new_namespace', listen);

function target({ nsp = '/', rooms = [], except = [], flags = {}, timeout }) {
  let b = io.of(nsp);
  if (rooms.length) b = b.to(rooms);
  if (except.length) b = b.except(except);
  if (flags.volatile) b = b.volatile;
  if (flags.local) b = b.local;
  if (flags.compress === false) b = b.compress(false);
  if (timeout) b = b.timeout(timeout);
  return b;
}

const commands = {
  emit: async (c) => { target(c).emit(c.event, ...fromWire(c.args ?? [])); },
  emitWithAck: async (c) => {
    try {
      return { replies: toWire(await target(c).emitWithAck(c.event, ...fromWire(c.args ?? []))) };
    } catch (err) {
      return { replies: toWire(err.responses), failed: err.message };
    }
  },
  fetchSockets: async (c) => (await target(c).fetchSockets()).map((s) => ({
    id: s.id, rooms: [...s.rooms].sort(), data: toWire(s.data), auth: s.handshake.auth, query: { ...s.handshake.query },
    agent: s.handshake.headers['user-agent'] ?? '', issued: s.handshake.issued, address: s.handshake.address, url: s.handshake.url,
  })),
  socketsJoin: async (c) => { target(c).socketsJoin(c.join); },
  socketsLeave: async (c) => { target(c).socketsLeave(c.leave); },
  disconnectSockets: async (c) => { target(c).disconnectSockets(c.close); },
  serverSideEmit: async (c) => { io.of(c.nsp ?? '/').serverSideEmit(c.event, ...fromWire(c.args ?? [])); },
  serverSideEmitWithAck: async (c) => {
    try {
      return { replies: toWire(await io.of(c.nsp ?? '/').serverSideEmitWithAck(c.event, ...fromWire(c.args ?? []))) };
    } catch (err) {
      return { replies: toWire(err.responses ?? []), failed: err.message };
    }
  },
  peers: async (c) => (await io.of(c.nsp ?? '/').adapter.serverCount()) - 1,
  local: async (c) => [...io.of(c.nsp ?? '/').sockets.keys()],
  cut: async (c) => { for (const s of io.of(c.nsp ?? '/').sockets.values()) if (!c.id || s.id === c.id) s.conn.transport.socket?.terminate?.() ?? s.conn.close(true); },
  heard: async () => heard.splice(0),
  rooms: async () => rooms.splice(0),
};

const say = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
createInterface({ input: process.stdin }).on('line', async (line) => {
  const c = JSON.parse(line);
  try {
    say({ id: c.id, result: await commands[c.op](c) });
  } catch (err) {
    say({ id: c.id, error: String(err.message ?? err) });
  }
}).on('close', async () => {
  io.close();
  await link.close();
  process.exit(0);
});
http.listen(0, '127.0.0.1', () => say({ url: `http://127.0.0.1:${http.address().port}` }));
