// Watches the orders of one of the framework examples, and makes one:
//
//   node examples/internal/shop/watch.mjs http://127.0.0.1:3000 ani-token "a lamp"
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../chat/', import.meta.url));
const { io } = require('socket.io-client'); // npm ci --prefix examples/chat

const [url = 'http://127.0.0.1:3000', token = 'ani-token', item] = process.argv.slice(2);
const socket = io(url, { path: '/api/socket.io', extraHeaders: { authorization: `Bearer ${token}` } });

socket.on('connect', async () => {
  console.log('connected as', await socket.emitWithAck('whoami'));
  if (item) console.log('ordered', await socket.emitWithAck('order', { item }));
});
socket.on('orderMade', (order) => console.log('new order', order));
socket.on('connect_error', (err) => console.log('not connected:', err.message));
socket.on('disconnect', (reason) => console.log('disconnected:', reason));
