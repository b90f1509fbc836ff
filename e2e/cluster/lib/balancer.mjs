// A balancer without stickiness: each request, and each upgrade, goes to another node.
import http from 'node:http';
import net from 'node:net';

/** Spreads requests over the nodes' URLs, in turn or at random. `nodes` can be changed at any time. */
export async function startBalancer(urls, { random = false } = {}) {
  let turn = 0;
  const balancer = { nodes: [...urls], counts: new Map() };
  const next = () => {
    const { nodes } = balancer;
    const url = random ? nodes[Math.floor(Math.random() * nodes.length)] : nodes[turn++ % nodes.length];
    balancer.counts.set(url, (balancer.counts.get(url) ?? 0) + 1);
    return new URL(url);
  };
  const server = http.createServer((req, res) => {
    const { hostname, port } = next();
    const forwarded = http.request({ hostname, port, path: req.url, method: req.method, headers: req.headers, agent: false }, (answer) => {
      res.writeHead(answer.statusCode, answer.headers);
      answer.pipe(res);
    });
    forwarded.on('error', () => { res.destroyed || res.headersSent ? res.destroy() : res.writeHead(502).end(); });
    res.on('close', () => forwarded.destroy());
    req.pipe(forwarded);
  });
  const sockets = new Set();
  server.on('connection', (socket) => { sockets.add(socket); socket.on('close', () => sockets.delete(socket)); });
  server.on('upgrade', (req, client, head) => {
    const { hostname, port } = next();
    const upstream = net.connect(Number(port), hostname, () => {
      const lines = [`${req.method} ${req.url} HTTP/1.1`];
      for (let i = 0; i < req.rawHeaders.length; i += 2) lines.push(`${req.rawHeaders[i]}: ${req.rawHeaders[i + 1]}`);
      upstream.write(`${lines.join('\r\n')}\r\n\r\n`);
      upstream.write(head);
      upstream.pipe(client);
      client.pipe(upstream);
    });
    for (const [side, other] of [[client, upstream], [upstream, client]]) {
      side.setNoDelay(true);
      side.on('error', () => other.destroy()).on('close', () => other.destroy());
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  balancer.url = `http://127.0.0.1:${server.address().port}`;
  balancer.stop = () => new Promise((resolve) => {
    server.close(resolve);
    for (const socket of sockets) socket.destroy();
  });
  return balancer;
}
