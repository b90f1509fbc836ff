// A page that gets the client from the server it then talks to.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch } from '../lib/browser.mjs';
import { startAll, wantedHosts } from '../lib/servers.mjs';

const client = fileURLToPath(new URL('../node_modules/client-4.8.4/dist', import.meta.url));

// What a page does when it has the client: it connects, and has something sent back.
const use = 'const s = io(); s.on("echo", (v) => { document.title = v.text; }); s.emit("echo", { text: "it came back" });';
const pages = {
  'socket.io.js': `<script src="/socket.io/socket.io.js"></script><script>${use}</script>`,
  'socket.io.min.js': `<script src="/socket.io/socket.io.min.js"></script><script>${use}</script>`,
  'socket.io.esm.min.js': `<script type="module">import { io } from "/socket.io/socket.io.esm.min.js"; ${use}</script>`,
};

describe('bundle', { timeout: 120_000 }, () => {
  let browser, servers;
  before(async () => { [browser, servers] = await Promise.all([launch(), startAll(['-client', client])]); });
  after(async () => {
    await browser?.close();
    await servers?.stop();
  });

  for (const host of wantedHosts()) {
    for (const [name, html] of Object.entries(pages)) {
      it(`${host}: ${name} is served, and connects`, async () => {
        const context = await browser.newContext();
        try {
          const url = `${servers.urls[host]}/page.html`;
          await context.route(url, (route) => route.fulfill({ contentType: 'text/html', body: `<!doctype html>${html}` }));
          const page = await context.newPage();
          const errors = [];
          page.on('pageerror', (error) => errors.push(String(error)));
          const bundle = page.waitForResponse((response) => response.url().endsWith(name));
          await page.goto(url);
          const headers = (await bundle).headers();
          assert.equal(headers['content-type'], 'application/javascript; charset=utf-8');
          assert.equal(headers['cache-control'], 'public, max-age=0');
          assert.match(headers.etag, /^"[^"]+"$/);
          assert.ok(headers['content-encoding'], 'it is compressed');
          await page.waitForFunction(() => document.title === 'it came back', null, { timeout: 20_000 });
          assert.deepEqual(errors, []);
        } finally {
          await context.close();
        }
      });
    }
  }
});
