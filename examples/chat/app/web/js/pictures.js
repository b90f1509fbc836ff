// Images: chosen, checked, shown.
import { byId, el } from './dom.js';

const types = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

/** What is wrong with a file as an image to send, or nothing. */
export function problemWith(file, limit) {
  if (!types.includes(file.type)) return 'Only PNG, JPEG, GIF and WebP images can be sent.';
  if (file.size > limit) return `This image has ${megabytes(file.size)}; the server takes up to ${megabytes(limit)}.`;
  return '';
}

export const sizeOf = (file) => (file.size < 100_000 ? `${Math.ceil(file.size / 1000)} kB` : megabytes(file.size));

/** The image as it travels: its bytes become a binary attachment. */
export const packed = async (file) => ({ name: file.name, type: file.type, data: await file.arrayBuffer() });

/** The first image among pasted or dropped things. */
export const imageIn = (transfer) => [...(transfer?.files ?? [])].find((file) => file.type.startsWith('image/'));

const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    target.dispatchEvent(new Event('near'));
  }
}, { rootMargin: '400px' });

/** The element for a message's image. Its data is fetched when it is about to be seen. */
export function pictureOf({ key, image, from }, fetch) {
  const img = el('img', { alt: `Image from ${from}: ${image.name}` });
  const node = el('button', { type: 'button', className: 'picture loading', onclick: () => view(img) }, img);
  node.setAttribute('aria-label', `Show the image ${image.name}`);
  let url;
  const show = ({ type, data }) => {
    url = URL.createObjectURL(new Blob([data], { type }));
    img.onload = () => node.classList.remove('loading');
    img.onerror = () => gone('This image cannot be shown.');
    img.src = url;
  };
  const gone = (text) => node.replaceWith(el('p', { className: 'text dim', textContent: text }));
  if (image.data) show(image);
  else {
    node.addEventListener('near', () => fetch(key).then(show, (err) => gone(err.message)), { once: true });
    near.observe(node);
  }
  return { node, release: () => url && URL.revokeObjectURL(url) };
}

function view(img) {
  if (!img.naturalWidth) return;
  Object.assign(byId('viewer-image'), { src: img.src, alt: img.alt });
  byId('viewer').showModal();
}
