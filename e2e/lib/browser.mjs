// Debian's Chromium, and pages that remember what went wrong in them.
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];

/** Where the pictures of the pages are put, for people to look at. */
export const screenshots = join(tmpdir(), 'kawat-chat-screenshots');

export const launch = () => chromium.launch({ executablePath: '/usr/bin/chromium', headless: true, args });

/** A page in a profile of its own. page.errors has whatever the console complained about. */
export async function openPage(browser, url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1180, height: 760 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.errors = [];
  page.on('console', (message) => message.type() === 'error' && page.errors.push(message.text()));
  page.on('pageerror', (error) => page.errors.push(String(error)));
  await page.goto(url);
  return page;
}

export async function shoot(page, name) {
  await mkdir(screenshots, { recursive: true });
  await page.screenshot({ path: join(screenshots, `${name}.png`) });
}
