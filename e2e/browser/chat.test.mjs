// The chat example as people use it: in a browser, with each other.
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { launch, shoot } from '../lib/browser.mjs';
import { Person, startChat } from '../lib/chat.mjs';
import { paint } from '../lib/painting.mjs';
import { complain } from '../lib/servers.mjs';

// A browser reports each attempt to reach a server that is away, whatever the page does.
const unreachable = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED|ERR_SOCKET_NOT_CONNECTED/;

describe('chat', { timeout: 180_000 }, () => {
  let browser, chat;
  let own = null; // the server of the one test that kills it
  let present = [];
  let rooms = 0;

  before(async () => { [browser, chat] = await Promise.all([launch(), startChat()]); });
  after(async () => {
    await browser?.close();
    if (chat) complain(await chat.stop('SIGTERM'));
  });
  afterEach(async () => {
    const errors = present.flatMap(({ page }) => page.errors.filter((text) => !(own && unreachable.test(text))));
    own = null;
    await Promise.all(present.map((person) => person.leave()));
    present = [];
    assert.deepEqual(errors, []);
  });

  async function join(name, options = {}) {
    const person = await Person.join(browser, options.url ?? chat.url, name, options);
    present.push(person);
    return person;
  }
  const freshRoom = () => `room ${++rooms}`;

  it('two people write to each other, and markup is only text', async () => {
    const room = freshRoom();
    const [ani, budi] = await Promise.all([join('Ani', { room }), join('Budi', { room, colorScheme: 'dark' })]);
    await Promise.all([ani.knows('Ani', 'Budi'), budi.knows('Ani', 'Budi')]);
    await ani.say('Selamat pagi!');
    assert.equal(await budi.reads('Selamat pagi!'), 'Ani');
    const markup = '<img src=x onerror="document.title=1"> <b>bold?</b> & "so on"';
    await budi.say(markup);
    assert.equal(await ani.reads(markup), 'Budi');
    await ani.page.waitForSelector('.mine[data-state="sent"]');
    assert.deepEqual(await ani.texts(), ['Selamat pagi!', markup]);
    assert.equal(await ani.page.locator('#messages b').count(), 0);

    await budi.leave();
    await ani.knows('Ani');
    present = [ani];
  });

  it('a name that is taken gets a number, and a bad one is explained', async () => {
    const room = freshRoom();
    const ani = await join('Ani', { room });
    const other = await join('Ani', { room });
    assert.deepEqual(await other.people(), ['Ani', 'Ani (2)']);
    await other.say('hello');
    assert.equal(await ani.reads('hello'), 'Ani (2)');

    await ani.page.click('#rename');
    await ani.page.fill('#name', 'Ayu\u202e');
    await ani.page.click('#welcome-form [type=submit]');
    await ani.sees('#welcome-problem', 'Please use only letters, digits and signs for a name.');
    await ani.page.fill('#name', '  Ayu   Lestari ');
    await ani.page.click('#welcome-form [type=submit]');
    await other.knows('Ani (2)', 'Ayu Lestari');
  });

  it('shows who is typing, until the message comes or time passes', async () => {
    const room = freshRoom();
    const [ani, budi] = await Promise.all([join('Ani', { room }), join('Budi', { room })]);
    await ani.page.locator('#text').pressSequentially('hal');
    await budi.sees('#typing', 'Ani is typing…');
    await ani.say('halo');
    await budi.sees('#typing', '');
    await ani.page.locator('#text').pressSequentially('and then');
    await budi.sees('#typing', 'Ani is typing…');
    await budi.sees('#typing', '');
  });

  it('rooms are made, listed and switched, and keep to themselves', async () => {
    const room = freshRoom();
    const [ani, budi] = await Promise.all([join('Ani', { room }), join('Budi', { room })]);
    const garden = freshRoom();
    await ani.say('before');
    await budi.reads('before');
    await ani.enter(garden);
    await ani.say('only here');
    await budi.knows('Budi');
    await budi.page.locator('#rooms button', { hasText: garden }).click();
    await budi.sees('#room-name', garden);
    assert.equal(await budi.reads('only here'), 'Ani');
    assert.deepEqual(await budi.texts(), ['only here']);
    assert.match(budi.page.url(), new RegExp(`#${encodeURIComponent(garden)}$`));
    await budi.page.reload();
    await budi.reads('only here');
    await ani.knows('Ani', 'Budi');
  });

  it('a late joiner gets the history, and a flood is slowed down without losing any of it', async () => {
    const room = freshRoom();
    const ani = await join('Ani', { room });
    for (let i = 1; i <= 12; i++) await ani.say(`message ${i}`);
    await ani.page.waitForFunction(() => document.querySelectorAll('.message[data-state="sent"]').length === 12);
    const late = await join('Citra', { room });
    await late.reads('message 12');
    assert.deepEqual(await late.texts(), Array.from({ length: 12 }, (_, i) => `message ${i + 1}`));
  });

  it('an image is picked, pasted or dropped, and shown for all', async () => {
    const room = freshRoom();
    const [ani, budi] = await Promise.all([join('Ani', { room }), join('Budi', { room, query: '?transport=polling' })]);
    const painting = await paint(ani.page, 640, 400);
    await ani.page.setInputFiles('#file', { name: 'ridge.jpg', mimeType: 'image/jpeg', buffer: painting });
    await ani.page.waitForSelector('#preview:not([hidden])');
    await ani.say('the ridge');
    assert.deepEqual(await budi.pictures(1), [640]);

    await give(budi.page, 'paste', painting);
    await budi.page.waitForSelector('#preview:not([hidden])');
    await budi.page.press('#text', 'Enter');
    assert.deepEqual(await ani.pictures(2), [640, 640]);

    await give(ani.page, 'drop', painting);
    await ani.page.waitForSelector('#preview:not([hidden])');
    await ani.page.press('#text', 'Enter');
    await budi.pictures(3);

    const late = await join('Citra', { room });
    assert.deepEqual(await late.pictures(3), [640, 640, 640]);
    await late.page.locator('.picture').first().click();
    await late.page.waitForSelector('#viewer[open]');
    await late.page.keyboard.press('Escape');
    await shoot(ani.page, 'images');
  });

  it('an image that is too large, or is none, is refused with a reason', async () => {
    const ani = await join('Ani', { room: freshRoom() });
    await ani.page.setInputFiles('#file', { name: 'big.png', mimeType: 'image/png', buffer: Buffer.alloc(3_400_000) });
    await ani.sees('#problem', 'This image has 3.4 MB; the server takes up to 2.0 MB.');
    await ani.page.setInputFiles('#file', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('text') });
    await ani.sees('#problem', 'Only PNG, JPEG, GIF and WebP images can be sent.');
    // The server looks for itself.
    await ani.page.setInputFiles('#file', { name: 'false.png', mimeType: 'image/png', buffer: Buffer.from('<svg onload="1"/>') });
    await ani.page.press('#text', 'Enter');
    await ani.page.waitForSelector('.message[data-state="failed"]');
    assert.match(await ani.page.locator('.foot').textContent(), /Only PNG, JPEG, GIF and WebP/);
    await ani.page.getByRole('button', { name: 'Delete' }).click();
    await ani.page.waitForFunction(() => !document.querySelector('.message'));
  });

  it('shows the transport: polling at first, WebSocket after the upgrade, polling alone if it must', async () => {
    const room = freshRoom();
    const [ani, budi] = await Promise.all([join('Ani', { room }), join('Budi', { room, query: '?transport=polling' })]);
    await ani.connectedBy('websocket');
    await ani.sees('#wire-text', 'WebSocket');
    await budi.sees('#wire-text', 'Polling');
    await budi.say('by polling');
    assert.equal(await ani.reads('by polling'), 'Budi');
    await ani.say('by WebSocket');
    assert.equal(await budi.reads('by WebSocket'), 'Ani');
    assert.equal(await budi.page.locator('#wire').getAttribute('data-kind'), 'polling');
  });

  it('the same chat in a second tab goes on there, and can be taken back', async () => {
    const room = freshRoom();
    const ani = await join('Ani', { room });
    const [twin] = await Promise.all([
      ani.page.context().waitForEvent('page'), ani.page.evaluate(() => { window.open(location.href); }),
    ]);
    const second = new Person(twin);
    await second.sees('#me-name', 'Ani');
    await second.knows('Ani');
    await ani.sees('#notice-text', 'This chat went on in another tab.');
    await ani.page.click('#notice-button');
    await ani.connectedBy('websocket');
    await second.sees('#notice-text', 'This chat went on in another tab.');
  });

  it('survives the server: both come back, and what was written meanwhile arrives once', async () => {
    own = await startChat();
    const { url } = own;
    const room = freshRoom();
    const [ani, budi] = await Promise.all([join('Ani', { room, url }), join('Budi', { room, url, query: '?transport=polling' })]);
    await ani.connectedBy('websocket');
    await ani.say('before');
    await budi.reads('before');

    await own.stop('SIGKILL');
    await Promise.all([ani.connectedBy('offline'), budi.connectedBy('offline')]);
    await ani.say('written in between');
    await ani.page.waitForSelector('.message[data-state="waiting"]');
    await ani.sees('#notice-text', 'The server is out of reach. What you write is kept, and sent when it is back.');
    await shoot(ani.page, 'offline');

    own = await startChat(own.addr);
    await Promise.all([ani.connectedBy('websocket'), budi.connectedBy('polling')]);
    assert.equal(await budi.reads('written in between'), 'Ani');
    await Promise.all([ani.knows('Ani', 'Budi'), budi.knows('Ani', 'Budi')]);
    await budi.say('after');
    await ani.reads('after');
    const all = ['before', 'written in between', 'after'];
    assert.deepEqual([await ani.texts(), await budi.texts()], [all, all]);
    assert.equal(await ani.page.locator('.message:not([data-state="sent"])').count(), 0);

    complain(await own.stop('SIGTERM'));
  });

});

/** Lets a page believe that a file was pasted into it or dropped on it. */
function give(page, event, buffer) {
  return page.evaluate(([type, bytes]) => {
    const data = new DataTransfer();
    data.items.add(new File([new Uint8Array(bytes)], `${type}.jpg`, { type: 'image/jpeg' }));
    const options = { bubbles: true, cancelable: true, clipboardData: data, dataTransfer: data };
    const made = type === 'paste' ? new ClipboardEvent('paste', options) : new DragEvent('drop', options);
    document.getElementById('text').dispatchEvent(made);
  }, [event, [...buffer]]);
}
