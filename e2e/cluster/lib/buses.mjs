// Starts the servers behind the backplanes, each on a free port, in a folder of its own.
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function accepting(port, child, log) {
  for (let tries = 0; tries < 600; tries++) {
    if (child.exitCode !== null) break;
    const open = await new Promise((resolve) => {
      const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
      socket.on('error', () => resolve(false));
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`a server does not listen on port ${port}:\n${log.join('')}`);
}

function run(program, args, options) {
  const log = [];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  child.on('error', (err) => log.push(`${err.message}: please install it (make prepare does)\n`));
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => log.push(text));
  const exited = new Promise((resolve) => { child.once('exit', resolve); child.once('error', resolve); });
  return { child, log, exited };
}

/** Starts a Redis server. */
export async function startRedis(port) {
  const dir = mkdtempSync(join(tmpdir(), 'kawat-redis-'));
  port ??= await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir];
  const { child, log, exited } = run('redis-server', args);
  await accepting(port, child, log);
  return {
    url: `redis://127.0.0.1:${port}`, port, child,
    async stop(signal = 'SIGKILL') {
      child.kill(signal);
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function postgresFolder() {
  const versions = '/usr/lib/postgresql';
  const found = existsSync(versions) ? readdirSync(versions).sort((a, b) => b - a).map((v) => `${versions}/${v}/bin`) : [];
  const all = [...found, ...(process.env.PATH ?? '').split(':')];
  const folder = all.find((path) => existsSync(join(path, 'initdb')) && existsSync(join(path, 'postgres')));
  if (!folder) throw new Error('PostgreSQL is missing: please install postgresql (make prepare does)');
  return folder;
}

/** The user that PostgreSQL runs as, which must not be root. */
function humble() {
  if (process.getuid() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (what) => Number(execFileSync('id', [what, name], { stdio: ['ignore', 'pipe', 'ignore'] }));
      return { uid: id('-u'), gid: id('-g') };
    } catch { /* the next */ }
  }
  throw new Error('PostgreSQL does not run as root, and there is no user postgres or nobody');
}

/** Starts a PostgreSQL server. */
export async function startPostgres() {
  const bin = postgresFolder();
  const dir = mkdtempSync(join(tmpdir(), 'kawat-postgres-'));
  const user = humble();
  if (user.uid) chownSync(dir, user.uid, user.gid);
  execFileSync(join(bin, 'initdb'), ['-D', join(dir, 'data'), '-U', 'kawat', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    { ...user, cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
  const port = await freePort();
  const settings = { port, listen_addresses: '127.0.0.1', unix_socket_directories: dir, fsync: 'off', max_connections: 200 };
  const args = ['-D', join(dir, 'data'), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const { child, log, exited } = run(join(bin, 'postgres'), args, { ...user, cwd: dir });
  await accepting(port, child, log);
  for (let tries = 0; !log.join('').includes('ready to accept connections'); tries++) {
    if (tries > 600) throw new Error(log.join(''));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return {
    url: `postgres://kawat@127.0.0.1:${port}/postgres`, port, child,
    async stop() {
      child.kill('SIGINT');
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Starts a NATS server with JetStream: the module's, in a program of ours. */
export async function startNats() {
  const dir = mkdtempSync(join(tmpdir(), 'kawat-nats-'));
  const port = await freePort();
  const { child, log, exited } = run(fileURLToPath(new URL('../../.bin/natsd', import.meta.url)), ['-port', String(port), '-dir', dir]);
  await accepting(port, child, log);
  return {
    url: `nats://127.0.0.1:${port}`, port, child,
    async stop() {
      child.kill('SIGKILL');
      await exited;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
