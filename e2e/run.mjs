// Builds the Go servers with the race detector, then runs what is asked for:
//
//   node run.mjs             the clients' matrix
//   node run.mjs --browser   the chat in a browser
//   node run.mjs --cluster   several servers, Kawat's and Node's, with the servers that link them
//   node run.mjs --all       all of it
//
// E2E_HOSTS=gin,node narrows the matrix to these hosts.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const mode = process.argv[2] ?? '--matrix';
const folders = {
  '--matrix': ['test'], '--browser': ['browser'], '--cluster': ['cluster/test'], '--all': ['test', 'browser', 'cluster/test'],
}[mode];
if (!folders) {
  console.error(`unknown option ${mode}`);
  process.exit(2);
}

const run = (program, args) => {
  const { status, error } = spawnSync(program, args, { cwd: here, stdio: 'inherit' });
  if (error) console.error(error.message);
  if (status !== 0) process.exit(status ?? 1);
};

const server = ['server', './server'];
const compared = [['bench-kawat', '../bench/servers/kawat'], ['bench-floor', '../bench/servers/floor']];
const programs = {
  test: [server, ['parser', './parser'], ...compared],
  browser: [['chat', '../examples/chat'], server],
  'cluster/test': [['cluster', './node', 'cluster'], ['natsd', './natsd', 'cluster']], // in a module of their own
};
for (const [name, source, module = '.'] of new Set(folders.flatMap((folder) => programs[folder]))) {
  run('go', ['build', '-C', module, '-race', '-o', `${here}.bin/${name}`, source]);
}
const files = folders.flatMap((folder) =>
  readdirSync(here + folder).filter((name) => name.endsWith('.test.mjs')).map((name) => `${folder}/${name}`));
run(process.execPath, [
  '--test', '--test-concurrency=2', '--test-reporter=./lib/quiet.mjs', '--test-reporter-destination=stdout', ...files,
]);
