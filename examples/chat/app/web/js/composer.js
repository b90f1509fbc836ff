// Where a message is written: text, an image, signs of typing.
import { byId } from './dom.js';
import { imageIn, packed, problemWith, sizeOf } from './pictures.js';

const form = byId('composer');
const text = byId('text');
const problem = byId('problem');
const preview = byId('preview');

const again = 2000; // a sign of typing is good for 4 s on the server
let limits = { text: 2000, image: 2_000_000 };
let chosen = null;
let lastSign = 0;

/** on: send(text, image), typing(on). */
export function setUp(on) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const message = text.value.trim();
    if (!message && !chosen) return;
    const length = [...message].length;
    if (length > limits.text) {
      say(`Please keep a message to ${limits.text} characters; this one has ${length}.`);
      return;
    }
    const file = chosen;
    text.value = '';
    choose(null);
    fit();
    lastSign = 0;
    on.send(message, file ? await packed(file) : undefined);
  });
  text.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  text.addEventListener('input', () => {
    fit();
    say('');
    if (!text.value) {
      lastSign = 0;
      on.typing(false);
    } else if (Date.now() - lastSign > again) {
      lastSign = Date.now();
      on.typing(true);
    }
  });
  images();
}

export function focus() { text.focus({ preventScroll: true }); }

export function inRoom(room, given) {
  limits = given;
  text.placeholder = `Message ${room}`;
}

function images() {
  const file = byId('file');
  byId('pick').addEventListener('click', () => file.click());
  file.addEventListener('change', () => {
    choose(file.files[0] ?? null);
    file.value = '';
  });
  byId('preview-drop').addEventListener('click', () => { choose(null); focus(); });
  document.addEventListener('paste', (event) => {
    const image = imageIn(event.clipboardData);
    if (!image) return;
    event.preventDefault();
    choose(image);
  });

  const app = byId('app');
  let depth = 0; // dragenter and dragleave come for every element on the way
  const over = (change) => {
    depth = Math.max(0, depth + change);
    app.classList.toggle('dropping', depth > 0);
  };
  const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');
  document.addEventListener('dragenter', (event) => carriesFiles(event) && over(1));
  document.addEventListener('dragleave', (event) => carriesFiles(event) && over(-1));
  document.addEventListener('dragover', (event) => carriesFiles(event) && event.preventDefault());
  document.addEventListener('drop', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    over(-depth);
    choose(imageIn(event.dataTransfer) ?? event.dataTransfer.files[0]);
  });
}

function choose(file) {
  const image = byId('preview-image');
  if (image.src) URL.revokeObjectURL(image.src);
  image.removeAttribute('src');
  const wrong = file ? problemWith(file, limits.image) : '';
  say(wrong);
  chosen = wrong ? null : file;
  preview.hidden = !chosen;
  if (!chosen) return;
  image.src = URL.createObjectURL(file);
  byId('preview-name').textContent = file.name;
  byId('preview-size').textContent = sizeOf(file);
  focus();
}

function say(message) { problem.textContent = message; }

/** The field grows with its text; css sets how far. */
function fit() {
  text.style.height = 'auto';
  text.style.height = `${text.scrollHeight + 2}px`;
}
