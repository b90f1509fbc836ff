// Crosses one client version with every transport, host and case.
import { after, before, describe, it } from 'node:test';
import { codecFlags, supports } from './clients.mjs';
import { startAll, wantedHosts } from './servers.mjs';
import { modes as allModes, World } from './world.mjs';

/** How many cases of one host and transport run side by side. */
const concurrency = 8;

/**
 * Runs the cases with a client of this version, so many suites of one host and transport at a time. The options are
 * also flags for the servers, which of the wanted hosts and of the modes can run these cases, and how the suites are
 * called.
 */
export function matrix(version, cases, { suites = 1, flags = [], hosts = () => true, modes = allModes, name = version } = {}) {
  describe(`socket.io-client ${name}`, { concurrency: suites }, () => {
    let servers;
    before(async () => { servers = await startAll([...codecFlags(version), ...flags], hosts); });
    after(() => servers?.stop());

    for (const host of wantedHosts().filter(hosts)) {
      for (const mode of modes) {
        describe(`${name} ${host} ${mode}`, { concurrency }, () => {
          for (const one of cases.filter((c) => runs(c, version, mode))) {
            it(`${name} ${host} ${mode}: ${one.name}`, { timeout: 60_000 }, async () => {
              const world = new World({ version, mode, host, url: servers.urls[host], flags });
              try {
                await one.run(world);
              } finally {
                await world.end();
              }
            });
          }
        });
      }
    }
  });
}

const runs = (one, version, mode) => supports(version, one.needs, one.codec) && (one.modes ?? allModes).includes(mode)
  && (mode === 'websocket' || supports(version, one.needsToPoll));
