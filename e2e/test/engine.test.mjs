// engine.io-client against the plain Engine.IO server of every host.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Socket } from 'engine.io-client';
import { engine, openSession } from '../cases/engine.mjs';
import { startAll, wantedHosts } from '../lib/servers.mjs';
import { modes, transports } from '../lib/world.mjs';

describe('engine.io-client', () => {
  let servers;
  before(async () => { servers = await startAll(); });
  after(() => servers?.stop());

  for (const host of wantedHosts()) {
    it(`engine.io ${host}: older revisions are refused where they are not allowed`, async () => {
      const response = await fetch(`${servers.urls[host]}/engine.io/?EIO=3&transport=polling`);
      assert.equal(response.status, 400);
      assert.equal((await response.json()).code, 5);
    });
    for (const mode of modes) {
      describe(`engine.io ${host} ${mode}`, { concurrency: 4 }, () => {
        for (const one of engine) {
          it(`engine.io ${host} ${mode}: ${one.name}`, { timeout: 60_000 }, async () => {
            const sockets = [];
            const transport = mode === 'polling' ? 'polling' : 'websocket';
            const open = async () => {
              const session = await openSession(Socket, servers.urls[host], transports[mode], transport);
              sockets.push(session.socket);
              return session;
            };
            try {
              await one.run(open);
            } finally {
              for (const socket of sockets) socket.close();
            }
          });
        }
      });
    }
  }
});
