// The servers that bench compares, with the published client: what they are measured by, they do.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { complain, wantedHosts } from '../lib/servers.mjs';
import { modes, World } from '../lib/world.mjs';

const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const kawat = path('../.bin/bench-kawat');
const programs = {
  node: [process.execPath, path('../../bench/servers/node/server.mjs')],
  floor: [path('../.bin/bench-floor')], // the bare loop, which has WebSocket only
};

async function start(name) {
  const [program, ...args] = programs[name] ?? [kawat, '-host', name];
  const child = spawn(program, [...args, '-ping-interval', '200ms', '-ping-timeout', '10s'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const log = [];
  child.stderr.on('data', (text) => log.push(text));
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const line = await Promise.race([
    new Promise((resolve) => createInterface({ input: child.stdout }).once('line', resolve)),
    exited.then(({ code }) => { throw new Error(`${name} exited with ${code}: ${log.join('')}`); }),
  ]);
  assert.match(line, /^listening 127\.0\.0\.1:\d+$/);
  return {
    url: `http://${line.slice('listening '.length)}`,
    async stop() {
      child.kill('SIGTERM');
      complain({ ...await exited, log: log.join('') });
    },
  };
}

async function contract(world) {
  const [ann, budi] = await world.connectMany(2);
  const heard = [];
  budi.on('message', (text) => heard.push(text));
  let pings = 0;
  ann.io.on('ping', () => pings++);

  const object = { id: 7, name: 'ann', on: true };
  assert.equal(await ann.emitWithAck('echo', 'text'), 'text');
  assert.deepEqual(await ann.emitWithAck('object', object), object);
  assert.equal(await ann.emitWithAck('raw', 'text'), 'text');
  const bytes = Buffer.from([0, 1, 128, 255]);
  assert.deepEqual(Buffer.from(await ann.emitWithAck('binary', bytes)), bytes);

  assert.equal(await budi.emitWithAck('join', 'a'), true);
  ann.emit('quiet');
  assert.equal(await ann.emitWithAck('publish', { room: 'a', n: 3, text: 'one' }), true);
  assert.equal(await ann.emitWithAck('publish', { room: 'b', n: 3, text: 'two' }), true);
  await budi.emitWithAck('echo', 'what was sent before has arrived');
  assert.deepEqual(heard, ['one', 'one', 'one']);
  assert.equal(await budi.emitWithAck('leave', 'a'), true);
  await ann.emitWithAck('publish', { room: 'a', n: 1, text: 'three' });
  await budi.emitWithAck('echo', 'what was sent before has arrived');
  assert.deepEqual(heard, ['one', 'one', 'one']);

  for (let waited = 0; pings < 2 && waited < 10_000; waited += 50) await sleep(50);
  assert.ok(pings >= 2, `${pings} pings`);
  assert.ok(ann.connected && budi.connected);
}

describe('bench', { concurrency: 2 }, () => {
  for (const name of [...wantedHosts(), 'floor']) {
    for (const mode of name === 'floor' ? ['websocket'] : modes) {
      it(`${name} ${mode}: the contract of the comparison`, { timeout: 60_000 }, async () => {
        const server = await start(name);
        const world = new World({ version: '4.8.4', mode, host: name, url: server.url });
        try {
          await contract(world);
        } finally {
          await world.end();
          await server.stop();
        }
      });
    }
  }
});
