import { inspect, isDeepStrictEqual } from 'node:util';

/** Deep equality in which it does not matter how a client hands out binary data. */
export function same(actual, expected) {
  const [a, b] = [plain(actual), plain(expected)];
  if (!isDeepStrictEqual(a, b)) throw new Error(`got ${short(a)}\nwant ${short(b)}`);
}

// Messages near the limit fill no screen.
const short = (value) => inspect(value, { depth: 8, maxArrayLength: 20, maxStringLength: 80, breakLength: 120 });

function plain(value) {
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  }
  return value;
}

/** Repeatable bytes: every length has its own, and the same each time. */
export const bytes = (length) => Buffer.from(Array.from({ length }, (_, i) => (i * 31 + length) & 0xff));
