// A Socket.IO server in a cluster over NATS, and clients of it, as a process that is
// told what to do by lines of JSON, and answers with lines of JSON.
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { connect } from "@nats-io/transport-node";
import { Server } from "socket.io";
import { io as client } from "socket.io-client";
import adapter from "../index.js";

const [, , servers, options = "{}"] = process.argv;
const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const nc = await connect({ servers, maxReconnectAttempts: -1, reconnectTimeWait: 200 });
const http = createServer();
const io = new Server(http, {
  adapter: adapter.createAdapter(nc, { ...JSON.parse(options), onError: (err) => say({ error: String(err) }) }),
});
const clients = new Map();

// Bytes are written as {"hex": "..."}.
const toBytes = (_, v) => (typeof v?.hex === "string" ? Buffer.from(v.hex, "hex") : v);
const plain = (v) => {
  if (v instanceof Uint8Array || v instanceof ArrayBuffer) {
    return { hex: Buffer.from(v).toString("hex") };
  }
  if (Array.isArray(v)) {
    return v.map(plain);
  }
  return v && typeof v === "object" ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)])) : v;
};

// What a namespace of the server does with events of the cluster and of clients.
function open(name) {
  const nsp = io.of(name);
  nsp.on("connection", (socket) => {
    socket.join(socket.handshake.auth.rooms ?? []);
    socket.data = { name: socket.handshake.auth.name, ...(socket.handshake.auth.blob && { blob: Buffer.from([1, 2]) }) };
  });
  nsp.on("heard", (...args) => say({ heard: plain(args) }));
  nsp.on("question", (...args) => args.pop()(args.length === 1 ? args[0] : args));
  return nsp;
}

const chosen = ({ nsp = "/", to = [], except = [], timeout }) => {
  let operator = io.of(nsp).to(to).except(except);
  if (timeout) {
    operator = operator.timeout(timeout);
  }
  return operator;
};

const verbs = {
  open: async ({ nsp }) => void open(nsp),
  count: async ({ nsp = "/" }) => io.of(nsp).adapter.serverCount(),
  client: async ({ name, nsp = "/", ...auth }) => {
    const socket = client(`http://127.0.0.1:${http.address().port}${nsp}`, {
      transports: ["websocket"], forceNew: true, auth: { name, ...auth },
    });
    clients.set(name, socket);
    socket.onAny((...args) => {
      const ack = typeof args.at(-1) === "function" ? args.pop() : undefined;
      say({ client: name, event: plain(args) });
      ack?.(args[1] ?? null);
    });
    socket.on("disconnect", () => say({ client: name, disconnected: true }));
    await new Promise((done, failed) => socket.on("connect", done).on("connect_error", failed));
    return socket.id;
  },
  rooms: async ({ nsp = "/", id }) => [...io.of(nsp).sockets.get(id).rooms].sort(),
  emit: async ({ args, ...where }) => void chosen(where).emit(...args),
  ask: async ({ args, ...where }) => chosen(where).emitWithAck(...args),
  fetch: async (where) =>
    (await chosen(where).fetchSockets()).map(({ id, rooms, data }) => ({ id, rooms: [...rooms].sort(), data: plain(data) })),
  join: async ({ rooms, ...where }) => void chosen(where).socketsJoin(rooms),
  leave: async ({ rooms, ...where }) => void chosen(where).socketsLeave(rooms),
  disconnect: async ({ close, ...where }) => void chosen(where).disconnectSockets(close),
  tell: async ({ nsp = "/", args }) => void io.of(nsp).serverSideEmit(...args),
  question: async ({ nsp = "/", args }) => io.of(nsp).serverSideEmitWithAck(...args),
  close: async () => {
    for (const socket of clients.values()) {
      socket.close();
    }
    await io.close();
    await nc.drain();
  },
};

open("/");
await new Promise((done) => http.listen(0, "127.0.0.1", done));
say({ ready: true });
for await (const line of createInterface({ input: process.stdin })) {
  const { n, verb, ...rest } = JSON.parse(line, toBytes);
  verbs[verb](rest).then(
    (result) => say({ n, result: plain(result ?? null) }),
    (err) => say({ n, failed: String(err) }),
  );
}
process.exit(0);
