import { bytes, same } from '../lib/same.mjs';
import { call, next, until } from '../lib/world.mjs';

/** A client that repeats what is not acknowledged in time, and one beside it that asks how often the handler ran. */
async function retrying(world, options) {
  const auth = { client: world.name('client') };
  const [socket, witness] = await Promise.all([
    world.connect('/retries', { auth, reconnection: true, retries: 30, ...options }),
    world.connect('/retries', { auth }),
  ]);
  return { socket, runs: (id) => call(witness, 'runs', id) };
}

const order = (socket, value) =>
  new Promise((resolve, reject) => socket.emit('order', value, (err, reply) => (err ? reject(err) : resolve(reply))));

/** Waits until the server has begun with an order. */
async function begun(runs, id) {
  let count = 0;
  const asking = setInterval(async () => { count = await runs(id); }, 20);
  try {
    await until('the handler', () => count > 0);
  } finally {
    clearInterval(asking);
  }
}

export const retries = [
  {
    name: 'a slow handler: the client repeats the event, and the handler runs once',
    needs: 'retries',
    async run(world) {
      const { socket, runs } = await retrying(world, { ackTimeout: 200 });
      same(await order(socket, { id: 'a', slow: 900, note: bytes(40) }), { run: 1, note: bytes(40) });
      same(await order(socket, { id: 'b', slow: 0, note: bytes(1) }), { run: 1, note: bytes(1) });
      same([await runs('a'), await runs('b')], [1, 1]);
    },
  },
  {
    name: 'the connection is lost while the handler runs: the repeat gets the first one\'s ack',
    needs: 'retries',
    async run(world) {
      const { socket, runs } = await retrying(world, { ackTimeout: 15_000 });
      const made = order(socket, { id: 'a', slow: 1200, note: bytes(7) });
      await begun(runs, 'a');
      const [left, back] = [next(socket, 'disconnect'), next(socket, 'connect')];
      socket.io.engine.close();
      await left;
      await back;
      same(await made, { run: 1, note: bytes(7) });
      same(await runs('a'), 1);
    },
  },
  {
    name: 'the connection is lost, and the handler is through before the client is back',
    needs: 'retries',
    async run(world) {
      const { socket, runs } = await retrying(world, { ackTimeout: 15_000, reconnectionDelay: 900, reconnectionDelayMax: 900 });
      const made = order(socket, { id: 'a', slow: 200, note: bytes(3) });
      await begun(runs, 'a');
      socket.io.engine.close();
      same(await made, { run: 1, note: bytes(3) });
      same(await runs('a'), 1);
    },
  },
  {
    name: 'a refusal is an answer too, and is not asked for twice',
    needs: 'retries',
    async run(world) {
      const { socket, runs } = await retrying(world, { ackTimeout: 200 });
      same(await order(socket, { id: 'a', slow: 700, soldOut: true }), { error: { message: 'sold out', data: { run: 1 } } });
      same(await runs('a'), 1);
    },
  },
];
