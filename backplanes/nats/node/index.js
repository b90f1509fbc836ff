"use strict";
// Lets Socket.IO servers of Node's join a cluster of Kawat's over NATS. What is sent
// is written down in docs/cluster-protocol.md.
const { createHash, createHmac, timingSafeEqual } = require("node:crypto");
const { ClusterAdapterWithHeartbeat, MessageType } = require("socket.io-adapter");
const { encode, decode } = require("notepack.io");

// The kinds that may hold binary; they are MessagePack then.
const MAY_HOLD_BINARY = new Set([
  MessageType.BROADCAST,
  MessageType.FETCH_SOCKETS_RESPONSE,
  MessageType.SERVER_SIDE_EMIT,
  MessageType.SERVER_SIDE_EMIT_RESPONSE,
  MessageType.BROADCAST_ACK,
]);

const LONGEST_NAME = 200;
const SEALED = Buffer.of(1); // the version of the seal
const MAC = 16;

/** What a namespace's name becomes in a subject, whatever is in it. */
function token(name) {
  const bytes = Buffer.from(name);
  if (bytes.length === 0) {
    return "=";
  }
  if (bytes.length > LONGEST_NAME) {
    return "=" + createHash("sha256").update(bytes).digest("base64url");
  }
  return bytes.toString("base64url");
}

function hasBinary(value) {
  if (typeof value !== "object" || value === null) {
    return false;
  }
  if (value instanceof ArrayBuffer || ArrayBuffer.isView(value)) {
    return true;
  }
  if (typeof value.toJSON === "function") {
    return hasBinary(value.toJSON());
  }
  return Object.values(value).some(hasBinary);
}

// Each of the prefix's words has to be there, and none may stand for others.
function checkPrefix(prefix) {
  if (!/^[!-~]{1,100}$/.test(prefix) || /[*>$]/.test(prefix) || prefix.split(".").includes("")) {
    throw new Error(`the prefix ${JSON.stringify(prefix)} cannot be part of a subject`);
  }
}

class NatsAdapter extends ClusterAdapterWithHeartbeat {
  constructor(nsp, nc, opts) {
    super(nsp, opts);
    this.nc = nc;
    this.secret = opts.secret;
    this.durable = opts.durable === true;
    this.subject = opts.prefix + "." + token(nsp.name);
    this.onError = opts.onError;
    const callback = (err, msg) => (err ? this.onError(err) : this.take(msg));
    this.subscriptions = [this.subject, this.subject + ".d", this.subject + ".n." + this.uid].map((subject) =>
      nc.subscribe(subject, { callback }),
    );
  }

  take(msg) {
    try {
      const data = this.open(msg.subject, Buffer.from(msg.data.buffer, msg.data.byteOffset, msg.data.byteLength));
      const message = data[0] === 0x7b ? JSON.parse(data.toString()) : decode(data);
      if (message.nsp === this.nsp.name) {
        this.onMessage(message);
      }
    } catch (err) {
      this.onError(err);
    }
  }

  send(subject, message) {
    const binary = MAY_HOLD_BINARY.has(message.type) && hasBinary(message.data);
    const data = binary ? encode(message) : Buffer.from(JSON.stringify(message));
    this.nc.publish(subject, this.seal(subject, data));
  }

  async doPublish(message) {
    // What clients may have missed goes where it is kept, if there is such a place.
    const { type, data } = message;
    const lasting =
      (type === MessageType.BROADCAST && data.requestId === undefined && !data.opts.flags?.volatile) ||
      type === MessageType.SOCKETS_JOIN ||
      type === MessageType.SOCKETS_LEAVE ||
      type === MessageType.DISCONNECT_SOCKETS;
    this.send(this.durable && lasting ? this.subject + ".d" : this.subject, message);
    return "";
  }

  async doPublishResponse(requester, response) {
    if (/^[A-Za-z0-9_-]{1,64}$/.test(requester)) {
      this.send(this.subject + ".n." + requester, response);
    }
  }

  // One who does not know the secret can say nothing: see internal/seal.
  mac(subject, payload) {
    const channel = Buffer.from(subject);
    const head = Buffer.from("kawat\0\0\x01\0\0\0\0\0\0\0\0", "latin1");
    head.writeUInt32BE(channel.length, 12);
    return createHmac("sha256", this.secret).update(head).update(channel).update(payload).digest().subarray(0, MAC);
  }

  seal(subject, payload) {
    return this.secret ? Buffer.concat([SEALED, this.mac(subject, payload), payload]) : payload;
  }

  open(subject, data) {
    if (!this.secret) {
      return data;
    }
    const payload = data.subarray(1 + MAC);
    if (data.length < 1 + MAC || data[0] !== SEALED[0] || !timingSafeEqual(data.subarray(1, 1 + MAC), this.mac(subject, payload))) {
      throw new Error("a message is not authentic: have all nodes the same secret?");
    }
    return payload;
  }

  close() {
    super.close();
    for (const subscription of this.subscriptions) {
      subscription.unsubscribe();
    }
  }
}

/**
 * @param nc a connection of @nats-io/transport-node, or of the package nats
 * @param opts see index.d.ts
 */
function createAdapter(nc, opts = {}) {
  const options = { prefix: "socket.io", onError: () => {}, ...opts };
  checkPrefix(options.prefix);
  // Called with new, which an arrow function cannot be.
  return function (nsp) {
    return new NatsAdapter(nsp, nc, options);
  };
}

exports.createAdapter = createAdapter;
exports.NatsAdapter = NatsAdapter;
exports.token = token;
