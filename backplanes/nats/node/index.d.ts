import type { Namespace } from "socket.io";
import type { ClusterAdapterOptions, ClusterAdapterWithHeartbeat } from "socket.io-adapter";

export interface NatsAdapterOptions extends ClusterAdapterOptions {
  /** Begins all subjects, as Config.Prefix of Kawat's. Default "socket.io". */
  prefix?: string;
  /** Authenticates what nodes say to each other, as Config.Secret of Kawat's. */
  secret?: string;
  /**
   * Where the nodes of Kawat's keep broadcasts in JetStream: has those of this server
   * kept, too, so that clients of theirs recover them. Default false.
   */
  durable?: boolean;
  /** Is told of messages that could not be read. */
  onError?: (err: Error) => void;
}

/** What the adapter needs of a connection of `@nats-io/transport-node`, or of `nats`. */
export interface NatsConnection {
  publish(subject: string, payload?: Uint8Array): void;
  subscribe(
    subject: string,
    opts: { callback: (err: any, msg: { subject: string; data: Uint8Array }) => void },
  ): { unsubscribe(max?: number): void };
}

export function createAdapter(
  nc: NatsConnection,
  opts?: NatsAdapterOptions,
): (nsp: Namespace) => ClusterAdapterWithHeartbeat;

/** What a namespace's name becomes in a subject. */
export function token(name: string): string;
