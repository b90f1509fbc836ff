import assert from 'node:assert/strict';
import { bytes, same } from '../lib/same.mjs';
import { until } from '../lib/world.mjs';

/** What an engine.io session says first; a case begins after it. */
const greeting = 'hello';

export const engine = [
  {
    name: 'opens, is greeted, and reaches the transport it should',
    async run(open) {
      const { socket, transport } = await open();
      await until('the transport', () => socket.transport.name === transport);
    },
  },
  {
    name: 'text and binary come back as they went',
    async run(open) {
      const { socket, messages } = await open();
      const sent = ['a', 'é 😀 \u2028', bytes(3), bytes(5000), '4', 'b', 'x'.repeat(100_000), bytes(0)];
      for (const data of sent) socket.send(data);
      await until('all echoes', () => messages.length === sent.length);
      same(messages, sent);
    },
  },
  {
    name: 'messages near the limit',
    async run(open) {
      const { socket, messages } = await open();
      const sent = ['é'.repeat(490_000), bytes(740_000)];
      for (const data of sent) {
        const before = messages.length;
        socket.send(data);
        await until('the echo', () => messages.length > before);
      }
      same(messages, sent);
    },
  },
  {
    name: '1000 messages keep their order across the upgrade',
    async run(open) {
      const { socket, messages } = await open();
      const sent = Array.from({ length: 1000 }, (_, i) => (i % 5 ? `message ${i}` : bytes(i % 256)));
      for (const data of sent) socket.send(data);
      await until('all echoes', () => messages.length >= sent.length);
      same(messages, sent);
    },
  },
  {
    name: 'the client closes',
    async run(open) {
      const { socket, closed } = await open();
      socket.close();
      assert.equal(await closed, 'forced close');
    },
  },
  {
    name: 'the server closes',
    async run(open) {
      const { socket, closed } = await open();
      socket.send('bye');
      assert.equal(await closed, 'transport close');
    },
  },
  {
    name: '30 sessions side by side',
    async run(open) {
      const sessions = await Promise.all(Array.from({ length: 30 }, () => open()));
      sessions.forEach(({ socket }, i) => socket.send(`session ${i}`));
      await until('all echoes', () => sessions.every(({ messages }) => messages.length === 1));
      same(sessions.map(({ messages }) => messages[0]), sessions.map((_, i) => `session ${i}`));
    },
  },
];

/** Opens a session and takes the greeting from its messages. */
export async function openSession(Socket, url, transports, transport) {
  const socket = new Socket(url, { transports, path: '/engine.io' });
  const messages = [];
  const closed = new Promise((resolve) => socket.on('close', resolve));
  await new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.once('message', (first) => {
      socket.on('message', (data) => messages.push(data));
      if (first === greeting) resolve();
      else reject(new Error(`greeted with ${first}`));
    });
  });
  return { socket, messages, closed, transport };
}
