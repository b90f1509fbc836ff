// What the chat's page promises to eyes, keyboards and screen readers.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { launch, shoot } from '../lib/browser.mjs';
import { Person, startChat } from '../lib/chat.mjs';

const phone = { viewport: { width: 360, height: 740 }, isMobile: true, hasTouch: true };

describe('the chat\'s page', { timeout: 120_000 }, () => {
  let browser, chat;
  before(async () => { [browser, chat] = await Promise.all([launch(), startChat()]); });
  after(async () => {
    await browser?.close();
    await chat?.stop('SIGTERM');
  });

  for (const colorScheme of ['light', 'dark']) {
    it(`text stands out from its background when it is ${colorScheme}`, async () => {
      const ani = await Person.join(browser, chat.url, 'Ani', { room: `contrast ${colorScheme}`, colorScheme });
      const budi = await Person.join(browser, chat.url, 'Budi', { room: `contrast ${colorScheme}` });
      await budi.say('hello');
      await ani.say('hello yourself');
      await ani.reads('hello');
      const places = ['#room-name', '#room-count', '#wire-text', '.rooms [aria-current] .room-label', '.rooms .count',
        '.mine .text', '.message:not(.mine) .text', '.message:not(.mine) .from', '.foot', '.note', '#people .who', '.send', '#text'];
      for (const place of places) {
        const ratio = await contrast(ani.page, place);
        assert.ok(ratio >= 4.5, `${place}: ${ratio.toFixed(2)}`);
      }
      await shoot(ani.page, `desktop-${colorScheme}`);
      await Promise.all([ani.leave(), budi.leave()]);
    });
  }

  it('everything that can be used has a name', async () => {
    const ani = await Person.join(browser, chat.url, 'Ani', { room: 'names' });
    const nameless = await ani.page.$$eval('button, input, textarea, nav, dialog', (elements) =>
      elements.filter((one) => !(one.ariaLabel || one.labels?.length || one.textContent.trim() ||
        one.getAttribute('aria-labelledby') || one.ariaHidden === 'true')).map((one) => one.outerHTML));
    assert.deepEqual(nameless, []);
    assert.equal(await ani.page.locator('[aria-live="polite"], [role="status"], [role="alert"]').count() >= 4, true);
    await ani.leave();
  });

  it('the keyboard is enough', async () => {
    const page = (await Person.join(browser, chat.url, 'Ani', { room: 'keys' })).page;
    assert.equal(await focused(page), 'text');
    await page.keyboard.type('first line');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('second line');
    await page.keyboard.press('Enter');
    const ani = new Person(page);
    await ani.reads('first line\nsecond line');
    await page.keyboard.press('Tab');
    assert.match(await page.evaluate(() => document.activeElement.ariaLabel), /Send/);
    const seen = new Set();
    for (let i = 0; i < 14; i++) {
      await page.keyboard.press('Tab');
      seen.add(await focused(page));
    }
    for (const id of ['new-room-name', 'rename', 'scroll', 'pick', 'text']) assert.ok(seen.has(id), `${id} in ${[...seen]}`);
    await ani.leave();
  });

  it('fits a phone: nothing sticks out, and the rooms are in a drawer', async () => {
    for (const colorScheme of ['light', 'dark']) {
      const ani = await Person.join(browser, chat.url, 'Ani', { ...phone, room: `a room with a long name ${colorScheme}`, colorScheme });
      await ani.say('word '.repeat(40) + 'x'.repeat(120));
      await ani.reads('word');
      const width = await ani.page.evaluate(() => Math.max(document.documentElement.scrollWidth, document.body.scrollWidth));
      assert.equal(width, phone.viewport.width);
      await shoot(ani.page, `phone-${colorScheme}`);
      assert.equal(await ani.page.locator('#rooms').isVisible(), false);
      await ani.page.click('#menu');
      await ani.page.locator('#rooms button', { hasText: 'lobby' }).waitFor();
      await shoot(ani.page, `phone-rooms-${colorScheme}`);
      await ani.page.keyboard.press('Escape');
      assert.equal(await focused(ani.page), 'menu');
      await ani.page.click('#menu');
      await ani.page.locator('#rooms button', { hasText: 'random' }).click();
      await ani.sees('#room-name', 'random');
      await ani.leave();
    }
  });
});

const focused = (page) => page.evaluate(() => document.activeElement.id);

/** The contrast of an element's text with what is painted behind it (WCAG 2, relative luminance). */
function contrast(page, selector) {
  return page.$eval(selector, (element) => {
    const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const luminance = (colours) => {
      canvas.clearRect(0, 0, 1, 1);
      for (const colour of colours) {
        canvas.fillStyle = colour;
        canvas.fillRect(0, 0, 1, 1);
      }
      const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3).map((value) => {
        const c = value / 255;
        return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = [];
    for (let node = element; node; node = node.parentElement) behind.unshift(getComputedStyle(node).backgroundColor);
    const [light, dark] = [luminance([...behind, getComputedStyle(element).color]), luminance(behind)].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  });
}
