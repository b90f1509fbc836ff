// The contract of the comparison (bench/README.md) on Node's own server, with its default options.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

// Flags are written as Go's flag package takes them, so that all servers start alike.
const flags = { addr: '127.0.0.1:0', 'ping-interval': '25s', 'ping-timeout': '20s' };
for (let i = 2; i + 1 < process.argv.length; i += 2) flags[process.argv[i].replace(/^-+/, '')] = process.argv[i + 1];

function milliseconds(duration) {
  const [, number, unit] = /^([0-9.]+)(ms|s|m)$/.exec(duration) ?? [];
  if (!number) throw new Error(`${duration} is no duration: write 500ms, 25s or 1m`);
  return Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit];
}

const http = createServer();
const io = new Server(http, {
  pingInterval: milliseconds(flags['ping-interval']),
  pingTimeout: milliseconds(flags['ping-timeout']),
});

io.on('connection', (socket) => {
  socket.on('echo', (text, ack) => ack(text));
  socket.on('object', (object, ack) => ack(object));
  socket.on('raw', (...args) => {
    const ack = args.pop();
    ack(...args);
  });
  socket.on('binary', (bytes, ack) => ack(bytes));
  socket.on('join', (room, ack) => {
    socket.join(room);
    ack(true);
  });
  socket.on('leave', (room, ack) => {
    socket.leave(room);
    ack(true);
  });
  socket.on('publish', ({ room, n, text }, ack) => {
    for (let i = 0; i < n; i++) io.to(room).emit('message', text);
    ack(true);
  });
  socket.on('quiet', () => {});
});

const colon = flags.addr.lastIndexOf(':');
http.listen(Number(flags.addr.slice(colon + 1)), flags.addr.slice(0, colon), () => {
  const { address, port } = http.address();
  console.log(`listening ${address}:${port}`);
});
process.on('SIGTERM', () => process.exit(0)); // dropping everybody: the next round waits
