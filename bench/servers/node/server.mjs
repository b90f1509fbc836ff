// The contract of the comparison (bench/README.md) on Node's own server, with its default options.
import { createServer } from 'node:http';
import { Server } from 'socket.io';
import { flags, listen, milliseconds } from './flags.mjs';

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

listen(http);
