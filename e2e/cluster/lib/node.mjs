// Starts nodes of a cluster, Kawat's and Node's, and has them do things.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const programs = {
  kawat: [fileURLToPath(new URL('../../.bin/cluster', import.meta.url)), []],
  reference: [process.execPath, [fileURLToPath(new URL('../reference.mjs', import.meta.url))]],
};

/** Starts a node of a kind, kawat or reference, and waits until clients can connect. */
export async function startNode(kind, flags) {
  const [program, first] = programs[kind];
  const args = Object.entries(flags).flatMap(([name, value]) => (value === true ? [`-${name}`]
    : [`-${kind === 'kawat' ? '' : '-'}${name}`, String(value)]));
  const child = spawn(program, [...first, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const log = [];
  child.stderr.on('data', (text) => log.push(text));
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const waiting = new Map();
  let count = 0;
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise((resolve, reject) => {
    child.once('error', reject);
    exited.then(({ code }) => reject(new Error(`${kind} exited with ${code}: ${log.join('')}`)));
    lines.on('line', (line) => {
      const said = JSON.parse(line);
      if (said.url) return resolve(said.url);
      const { done, fail } = waiting.get(said.id);
      waiting.delete(said.id);
      if (said.error) fail(new Error(`${kind}: ${said.error}`));
      else done(said.result);
    });
  });
  return {
    kind, url, child,
    /** Has the node do something, and returns what comes of it. */
    do: (op, args = {}) => new Promise((done, fail) => {
      const id = ++count;
      waiting.set(id, { done, fail });
      child.stdin.write(`${JSON.stringify({ id, op, ...args })}\n`);
    }),
    async stop() {
      child.stdin.end();
      const { code, signal } = await exited;
      const text = log.join('');
      if (code !== 0 || signal || /DATA RACE|panic|^goroutine \d+/m.test(text)) {
        throw new Error(`${kind} ended with code ${code}, signal ${signal}:\n${text}`);
      }
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    /** Signals without waiting, as SIGTERM, by which a node of Kawat's drains. */
    signal: (name) => child.kill(name),
    exited, log: () => log.join(''),
  };
}
