// A TCP proxy that does to connections what networks do.
import net from 'node:net';

/** Starts a proxy to a server's URL. */
export async function startProxy(target) {
  const { hostname, port } = new URL(target);
  const pairs = new Set();
  let left = Infinity; // bytes that clients may still be brought before somebody is cut off

  const server = net.createServer((client) => {
    const upstream = net.connect(Number(port), hostname);
    const pair = { client, upstream };
    pairs.add(pair);
    const end = () => {
      client.destroy();
      if (!pair.forgotten) {
        upstream.destroy();
        pairs.delete(pair);
      }
    };
    client.on('data', (data) => { if (!pair.forgotten) upstream.write(data); });
    upstream.on('data', (data) => {
      if (pair.forgotten) return;
      if (data.length < left) {
        left -= data.length;
        client.write(data);
        return;
      }
      pair.forgotten = true;
      client.write(data.subarray(0, left), () => { // in the middle of whatever it was
        client.destroy();
        upstream.destroy();
      });
      left = Infinity;
    });
    for (const side of [client, upstream]) side.on('error', end).on('close', end).setNoDelay(true);
    upstream.on('close', () => pairs.delete(pair));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${server.address().port}`,
    /** Cuts all connections: both ends are told. */
    cut() {
      for (const { client, upstream } of pairs) {
        client.resetAndDestroy();
        upstream.resetAndDestroy();
      }
    },
    /** Cuts all connections, and the server does not get to know. */
    halfOpen() {
      for (const pair of pairs) {
        pair.forgotten = true;
        pair.client.resetAndDestroy();
      }
    },
    /** Cuts the connection that brings the last of so many bytes to come. */
    cutAfter(bytes) { left = Math.ceil(bytes); },
    stop() {
      for (const { client, upstream } of pairs) {
        client.destroy();
        upstream.destroy();
      }
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
