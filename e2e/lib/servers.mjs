// Starts the servers under test: the Go program with its four hosts, and Node's own server as the reference.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const hosts = ['nethttp', 'gin', 'echo', 'fiber', 'node'];

/** The hosts to run against: all, or those that E2E_HOSTS names, as in E2E_HOSTS=gin,node. */
export const wantedHosts = () => process.env.E2E_HOSTS?.split(',') ?? hosts;

const goServer = fileURLToPath(new URL('../.bin/server', import.meta.url));
const reference = fileURLToPath(new URL('../server/reference.mjs', import.meta.url));

/**
 * Starts one server process and waits for the line in which it names its addresses.
 * Both programs take the same flags: -host, -addr, -codec, -client, -ping-interval, -ping-timeout, and -recovery and
 * -parking, which mean nothing to Node. E2E_PARKING=off is -parking off for all that do not say otherwise.
 */
export async function startServer(host, flags = []) {
  const only = host === 'all' ? [] : ['-host', host];
  const all = ['-parking', process.env.E2E_PARKING ?? 'on', ...flags];
  const [program, args] = host === 'node' ? [process.execPath, [reference, ...all]] : [goServer, [...only, ...all]];
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const log = [];
  child.stderr.on('data', (text) => log.push(text));
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const urls = await firstLine(child, exited, log);
  return {
    urls,
    url: urls[host],
    /** Sends a signal without waiting: SIGSTOP and SIGCONT freeze and thaw the server. */
    signal: (name) => child.kill(name),
    /** Ends the process and waits for it; returns what it wrote to stderr. */
    async stop(name) {
      if (name) child.kill(name);
      else child.stdin.end();
      const status = await exited;
      return { ...status, log: log.join('') };
    },
  };
}

function firstLine(child, exited, log) {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    exited.then(({ code }) => reject(new Error(`server exited with ${code}: ${log.join('')}`)));
    createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line)));
  });
}

/** Starts the wanted hosts for a test file; stop() fails when the race detector or a panic has spoken. */
export async function startAll(flags = [], hosts = () => true) {
  const wanted = wantedHosts().filter(hosts);
  const programs = [];
  if (wanted.some((host) => host !== 'node')) programs.push('all');
  if (wanted.includes('node')) programs.push('node');
  const servers = await Promise.all(programs.map((program) => startServer(program, flags)));
  return {
    urls: Object.assign({}, ...servers.map((server) => server.urls)),
    async stop() {
      for (const server of servers) complain(await server.stop());
    },
  };
}

/** Throws when a process did not end well, or said something that no server should say. */
export function complain({ code, signal, log }) {
  if (code !== 0 || signal || /DATA RACE|panic|^goroutine \d+/m.test(log)) {
    throw new Error(`server ended with code ${code}, signal ${signal}:\n${log}`);
  }
}
