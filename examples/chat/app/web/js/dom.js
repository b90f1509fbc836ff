// The few things this page needs of the DOM. Text goes in as text nodes only, so
// nothing that a visitor writes is ever read as markup.

export const byId = (id) => document.getElementById(id);

/** Makes an element. Properties are set as they are; children are nodes or strings. */
export function el(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children.filter((child) => child !== null));
  return node;
}

/** A round sign with a person's initials, in a colour of their own. */
export function avatar(name) {
  const node = el('span', { className: 'avatar', textContent: initials(name) });
  node.setAttribute('aria-hidden', 'true');
  node.style.setProperty('--hue', hue(name));
  return node;
}

export function hue(name) {
  let hash = 7;
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)) % 3600;
  return Math.round(hash / 10);
}

function initials(name) {
  const words = name.replace(/\(\d+\)$/, '').trim().split(' ');
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters.map((word) => [...word][0] ?? '').join('').toUpperCase();
}

/** Storage that a browser may refuse; the page works without it. */
export function remembered(storage, key) {
  try {
    return storage.getItem(key);
  } catch {
    return null;
  }
}

export function remember(storage, key, value) {
  try {
    storage.setItem(key, value);
  } catch { /* a private window: it is forgotten, and that is all */ }
}

/** A key that nobody guesses. (randomUUID is not there on pages without TLS.) */
export function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
