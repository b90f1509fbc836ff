// The chat example: its server, and what a person does on its page.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { openPage } from './browser.mjs';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const program = path('../.bin/chat');
const client = path('../../examples/chat/node_modules/socket.io-client/dist');

/** Starts the chat, on a free port unless an address is given. */
export async function startChat(addr = '127.0.0.1:0') {
  const child = spawn(program, ['-addr', addr, '-client', client], { stdio: ['ignore', 'pipe', 'pipe'] });
  const log = [];
  child.stderr.on('data', (text) => log.push(text));
  const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const line = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    exited.then(() => reject(new Error(`the chat did not start: ${log.join('')}`)));
  });
  const url = line.replace('Chat: ', '');
  return {
    url,
    addr: new URL(url).host,
    async stop(signal) {
      child.kill(signal);
      return { ...await exited, log: log.join('') };
    },
  };
}

/** A person who has opened the page and joined a room. */
export class Person {
  static async join(browser, url, name, { room = 'lobby', query = '', ...options } = {}) {
    const page = await openPage(browser, url + query, options);
    await page.fill('#name', name);
    await page.fill('#first-room', room);
    await page.click('#welcome-form [type=submit]');
    const person = new Person(page);
    await page.waitForSelector('#welcome', { state: 'hidden' });
    await person.sees('#room-name', room);
    return person;
  }

  constructor(page) {
    this.page = page;
  }

  async say(text) {
    await this.page.fill('#text', text);
    await this.page.press('#text', 'Enter');
  }

  /** Waits until an element has exactly this text. */
  sees(selector, text) {
    return this.page.waitForFunction(
      ([where, what]) => document.querySelector(where)?.textContent.trim() === what, [selector, text]);
  }

  /** Waits for a message, and returns its author. */
  async reads(text) {
    const message = this.page.locator('.message', { has: this.page.locator('.text', { hasText: text }) });
    await message.first().waitFor();
    return message.first().locator('.from').textContent();
  }

  texts() {
    return this.page.locator('.message .text').allTextContents();
  }

  people() {
    return this.page.locator('#people .who').allTextContents();
  }

  async knows(...names) {
    await this.page.waitForFunction(
      (wanted) => [...document.querySelectorAll('#people .who')].map((who) => who.textContent).join() === wanted, names.join());
  }

  connectedBy(kind) {
    return this.page.waitForSelector(`#wire[data-kind="${kind}"]`);
  }

  async enter(room) {
    await this.page.fill('#new-room-name', room);
    await this.page.press('#new-room-name', 'Enter');
    await this.sees('#room-name', room);
  }

  /** The widths of the images that have been decoded, once there are as many as asked for. */
  async pictures(count) {
    await this.page.waitForFunction(
      (n) => [...document.querySelectorAll('.picture img')].filter((img) => img.naturalWidth > 0).length >= n, count);
    return this.page.$$eval('.picture img', (images) => images.map((img) => img.naturalWidth));
  }

  leave() {
    return this.page.context().close();
  }
}
