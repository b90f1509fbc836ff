// Which of the known differences an input shows.
import { differences } from '../parser/differences.mjs';
import { canonical } from './parsers.mjs';

// Returns the names of the differences between two verdicts, [] if they are the same, or null if there is one that
// is not known.
export function explain(input, ours, theirs) {
  if (same(ours.packets, theirs.packets) && !ours.error === !theirs.error && !ours.pending === !theirs.pending) return [];
  if (input[0] === 'socket.io') return ours.error ? refusal(aboutPacket(input, ours)) : values(input, ours, theirs);
  const taken = ours.packets.length;
  if (!ours.error) return null; // we are never the more tolerant
  if (theirs.error && input[0] === 'binary payload 3' && taken > theirs.packets.length && same(ours.packets.slice(0, theirs.packets.length), theirs.packets)) {
    return [differences.find((d) => d.bothRefuse).name];
  }
  if (!same(ours.packets, theirs.packets.slice(0, taken))) return null;
  return refusal({ kind: input[0], ours, ...refusedPart(input, taken) });
}

const same = (a, b) => canonical(a) === canonical(b);
const aboutPacket = (input, ours) => ({ kind: input[0], text: input[1], ours, refused: '' });

function refusal(about) {
  const found = differences.find((d) => d.refuses?.(about));
  return found ? [found.name] : null;
}

// What the values of a packet that both have taken differ in.
function values([kind, text], ours, theirs) {
  if (theirs.error || ours.pending || theirs.pending) return null;
  const names = [];
  let packet = theirs.packets[0];
  for (const d of differences) {
    const meant = d.meant?.(packet, ours.packets[0], { kind, text }) ?? packet;
    if (!same(meant, packet)) names.push(d.name);
    packet = meant;
  }
  return same(packet, ours.packets[0]) ? names : null;
}

// The packet of Engine.IO that we have refused, behind those that we have taken.
function refusedPart([kind, message], taken) {
  switch (kind) {
    case 'message': case 'message 3': return { bytes: message, refused: message };
    case 'payload': return { bytes: message, refused: message.toString().split('\x1e')[taken] };
    case 'payload 3': return { bytes: message, ...textPart(message.toString(), taken) };
  }
  return binaryPart(message, taken);
}

function textPart(text, taken) {
  for (let at = 0; ;) {
    const colon = text.indexOf(':', at);
    const length = colon < 0 ? text.slice(at) : text.slice(at, colon);
    const refused = text.slice(colon + 1, colon + 1 + Number(length));
    if (!/^\d+$/.test(length) || (refused && taken-- === 0)) return { length, refused };
    at = colon + 1 + Number(length);
    if (colon < 0 || at > text.length) return { length, refused };
  }
}

function binaryPart(bytes, taken) {
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(255, at);
    const digits = bytes.subarray(at + 1, end);
    const length = Number(digits.join(''));
    if (end < 0 || bytes[at] > 1 || digits.length === 0 || digits.some((d) => d > 9) || end + 1 + length > bytes.length) return {};
    const refusedBytes = bytes.subarray(end + 1, end + 1 + length);
    if (taken-- === 0) return bytes[at] ? { bytes, refused: refusedBytes } : { bytes, refused: refusedBytes.toString(), refusedBytes };
    at = end + 1 + length;
  }
  return {};
}
