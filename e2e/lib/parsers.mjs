// What the published parsers, and Kawat's, make of messages, in one form.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const { Decoder } = createRequire(require.resolve('socket.io'))('socket.io-parser');
const engine = createRequire(require.resolve('engine.io'));
const parser4 = engine('engine.io-parser');
const parser3 = engine('./parser-v3/index.js');

const program = fileURLToPath(new URL('../.bin/parser', import.meta.url));
const types = ['open', 'close', 'ping', 'pong', 'message', 'upgrade', 'noop'];

// What socket.io and engine.io make of an input: { packets, error, pending }.
export function theirs([kind, ...messages]) {
  switch (kind) {
    case 'socket.io': return socketIO(messages);
    case 'payload': return engineIO(parser4.decodePayload(messages[0].toString()));
    case 'message': return engineIO([parser4.decodePacket(messages[0])]);
    case 'message 3': return engineIO([parser3.decodePacket(messages[0])]);
  }
  const packets = [];
  try {
    // The server reads a text body as UTF-8, and takes no packet behind one that ends the session.
    parser3.decodePayload(kind === 'payload 3' ? messages[0].toString() : messages[0], (p) => { packets.push(p); });
  } catch (err) {
    return { packets: [], error: `threw ${err.message}` };
  }
  return engineIO(packets);
}

function socketIO(messages) {
  const decoder = new Decoder();
  let packet;
  decoder.on('decoded', (p) => { packet = p; });
  for (const m of messages) {
    try {
      decoder.add(m);
    } catch (err) {
      return { packets: [], error: err.message };
    }
    if (packet) return { packets: [describe(packet)] };
  }
  return { packets: [], pending: true };
}

function describe({ type, nsp, id, data }) {
  const all = data === undefined ? [] : type === 2 || type === 3 ? data : [data];
  const event = type === 2 ? all[0] ?? '' : '';
  return { type, nsp, id: id ?? -1, event, args: (type === 2 ? all.slice(1) : all) };
}

function engineIO(packets) {
  const taken = [];
  for (const { type, data } of packets) {
    if (type === 'error') return { packets: taken, error: data };
    taken.push([types.indexOf(type), data ?? '']);
  }
  return { packets: taken };
}

// What Kawat makes of inputs, one verdict for each.
export function ours(inputs) {
  const lines = inputs.map(([kind, ...messages]) => JSON.stringify([kind, ...messages.map((m) => (typeof m === 'string' ? m : { b: m.toString('base64') }))]));
  const { status, error, stdout, stderr } = spawnSync(program, { input: `${lines.join('\n')}\n`, encoding: 'utf8', maxBuffer: 2 ** 30, timeout: 300_000 });
  if (error || status !== 0) throw new Error(`parser has ended with ${status}: ${stderr}`, { cause: error });
  return stdout.trimEnd().split('\n').map((line) => JSON.parse(line));
}

// One text for all that is the same, whatever the order of its keys.
export function canonical(v) {
  if (v instanceof Uint8Array) return canonical({ '\0binary': Buffer.from(v).toString('base64') });
  if (Array.isArray(v)) return `[${v.map(canonical).join(',')}]`;
  if (v !== null && typeof v === 'object') {
    return `{${Object.keys(v).sort().map((key) => `${JSON.stringify(key)}:${canonical(v[key])}`).join(',')}}`;
  }
  return Object.is(v, -0) ? '-0' : typeof v === 'string' ? JSON.stringify(v) : String(v);
}
