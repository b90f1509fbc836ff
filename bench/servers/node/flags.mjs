// What the servers have in common: their flags, and how they say where they listen.

// Flags are written as Go's flag package takes them, so that all servers start alike.
export const flags = { addr: '127.0.0.1:0', 'ping-interval': '25s', 'ping-timeout': '20s' };
for (let i = 2; i + 1 < process.argv.length; i += 2) flags[process.argv[i].replace(/^-+/, '')] = process.argv[i + 1];

/** A duration of Go's as milliseconds. */
export function milliseconds(duration) {
  const [, number, unit] = /^([0-9.]+)(ms|s|m)$/.exec(duration) ?? [];
  if (!number) throw new Error(`${duration} is no duration: write 500ms, 25s or 1m`);
  return Number(number) * { ms: 1, s: 1000, m: 60_000 }[unit];
}

/** Listens where the flag says, and says so in the line that the comparison waits for. */
export function listen(http) {
  const colon = flags.addr.lastIndexOf(':');
  http.listen(Number(flags.addr.slice(colon + 1)), flags.addr.slice(0, colon), () => {
    const { address, port } = http.address();
    console.log(`listening ${address}:${port}`);
  });
  process.on('SIGTERM', () => process.exit(0)); // dropping everybody: the next round waits
}
