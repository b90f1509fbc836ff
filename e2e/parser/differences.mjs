// Where Kawat's parsers do something else than the published JavaScript ones, on purpose: what it is, why, examples,
// and how to know it. An example that does not differ any more is as wrong as a difference that is not here.
//
// refuses(about) says whether Kawat refuses what JavaScript takes for this reason. about has the input's text, the
// part of it that Kawat has refused, and both verdicts. meant(theirs, ours, about) says what JavaScript's packet would
// be without the difference, or returns it as it is.
import { isUtf8 } from 'node:buffer';

const rest = (text) => text.replace(/^(?:[56]\d+-|\d)/, '').replace(/^\/[^,]*,?/, ''); // behind the namespace
const count = (text) => (/^[56]/.test(text) ? text.slice(1).split('-')[0] : undefined);
const canonicalBase64 = (text) => Buffer.from(text, 'base64').toString('base64') === text;
const placeholder = '{"_placeholder":true,"num":0}';
const hello = Buffer.from('hello');
const nested = (n) => `${'['.repeat(n)}${']'.repeat(n)}`;

// Replaces strings, names included, within a value.
const mapStrings = (v, f) => {
  if (typeof v === 'string') return f(v);
  if (Array.isArray(v)) return v.map((item) => mapStrings(item, f));
  if (v === null || typeof v !== 'object' || v instanceof Uint8Array) return v;
  return Object.fromEntries(Object.entries(v).map(([key, item]) => [f(key), mapStrings(item, f)]));
};

const names = (v) => {
  if (v === null || typeof v !== 'object' || v instanceof Uint8Array) return 0;
  const items = Object.values(v);
  return items.reduce((n, item) => n + names(item), Array.isArray(v) ? 0 : items.length);
};

const repeatsName = (raw) => (raw.match(/"(?:[^"\\]|\\.)*"\s*:/g)?.length ?? 0) > names(JSON.parse(raw));
const beyondFloat = (raw) => (raw.replace(/"(?:[^"\\]|\\.)*"/g, '').match(/[-+.\deE]+/g) ?? []).some((n) => Math.abs(Number(n)) === Infinity);
const unbound = '\0unbound';

// Arguments that Kawat has left as they were sent, for a reason, are what they are.
const leaves = (reason) => (theirs, ours) => ({
  ...theirs,
  args: theirs.args.map((arg, i) => {
    const raw = ours.args[i]?.[unbound];
    return raw !== undefined && reason(raw) ? ours.args[i] : arg;
  }),
});

export const differences = [
  {
    name: 'a packet without a type',
    reason: 'JavaScript takes nothing, and white space, for the number 0, and so for a CONNECT',
    examples: [['socket.io', ''], ['socket.io', ' {}']],
    refuses: ({ text, ours }) => ours.error === 'unknown packet type NaN' && /^(\s|$)/.test(text),
  },
  {
    name: 'a count of attachments in another form',
    reason: 'clients write [1-9][0-9]*; JavaScript takes whatever Number does',
    examples: ['01', '+1', ' 1', '1.0', '1e0', '0x1'].map((n) => ['socket.io', `5${n}-["a",${placeholder}]`, hello]),
    refuses: ({ text, ours }) => ours.error === 'Illegal attachments' && !/^[1-9]\d*$/.test(count(text)) && Number(count(text)) >= 1,
  },
  {
    name: 'an ack id beyond 2^53 - 1',
    reason: 'JavaScript rounds it, and would answer another event than was asked',
    examples: [['socket.io', '29007199254740992["a"]'], ['socket.io', '318446744073709551616[]']],
    refuses: ({ text, ours }) => ours.error === 'ack id out of range' && Number(/^\d+/.exec(rest(text))) > Number.MAX_SAFE_INTEGER,
  },
  {
    name: 'white space where the ack id is',
    reason: 'JavaScript takes it for digits: in front of a payload it is the id 0, which was not meant; we take it for JSON',
    examples: [['socket.io', '2 ["a"]'], ['socket.io', '2 1["a"]'], ['socket.io', '3\u00a01[]'], ['socket.io', '21 2["a"]']],
    refuses: ({ text, ours }) => ours.error === 'invalid payload' && /^\d*\s/.test(rest(text)),
    meant: (theirs, ours, { text }) => (/^\d*\s/.test(rest(text)) ? { ...theirs, id: ours.id } : theirs),
  },
  {
    name: 'attachments without a payload',
    reason: 'nothing could refer to them',
    examples: [['socket.io', '51-', hello], ['socket.io', '61-/a,7']],
    refuses: ({ text, ours }) => ours.error === 'invalid payload' && /^[56][1-9]\d*-(\/[^,]*,?)?\d*$/.test(text),
  },
  {
    name: 'a namespace with a long name',
    reason: 'PacketLimits.NamespaceLength',
    examples: [['socket.io', `0/${'n'.repeat(512)},`]],
    refuses: ({ text, ours }) => ours.error === 'invalid namespace' && Buffer.byteLength(/\/[^,]*/.exec(text)[0]) > 512,
  },
  {
    name: 'a payload that is nested deeply',
    reason: 'PacketLimits.Depth',
    examples: [['socket.io', `2["a",${nested(1000)}]`], ['socket.io', `3[${nested(2000)}]`]],
    refuses: ({ text, ours }) => ours.error === 'payload nested too deeply' && (text.match(/[[{]/g)?.length ?? 0) > 1000,
  },
  {
    name: 'many arguments',
    reason: 'PacketLimits.Args',
    examples: [['socket.io', `3[${'1,'.repeat(1024)}1]`]],
    refuses: ({ text, ours }) => ours.error === 'too many arguments' && (text.match(/,/g)?.length ?? 0) > 1023,
  },
  {
    name: 'a placeholder that is none',
    reason: 'refused before its attachments are waited for; JavaScript finds out afterwards, or puts undefined in its place',
    examples: ['{"_placeholder":true,"num":0,"x":1}', '{"_placeholder":true,"num":0.5}', '{"_placeholder":true,"num":1e-1}', '{"_placeholder":true,"_placeholder":false,"num":0}']
      .map((p) => ['socket.io', `51-["a",${p}]`, hello]).concat([['socket.io', '51-["a",{"_placeholder":true,"num":1}]']]),
    refuses: ({ text, ours }) => ours.error === 'illegal attachments' && /placeholder/.test(text),
  },
  {
    name: 'a name twice in an object',
    reason: 'refused when it is bound, since what comes out would depend on the type; in JavaScript the last one counts',
    examples: [['socket.io', '2["a",{"b":1,"b":2}]']],
    meant: leaves(repeatsName),
  },
  {
    name: 'a number that no float64 holds',
    reason: 'refused when it is bound to an any; in JavaScript it is Infinity, which could not be sent on',
    examples: [['socket.io', '2["a",1e400]'], ['socket.io', '3[{"b":[-1e400]}]']],
    meant: leaves(beyondFloat),
  },
  {
    name: 'half of a surrogate pair',
    reason: 'Go text is UTF-8, which has none; it becomes U+FFFD',
    examples: [['socket.io', '2["a","\\ud800"]'], ['socket.io', '2["\\udc00x",{"\\ud800":1}]']],
    meant: (theirs) => mapStrings(theirs, (text) => text.toWellFormed()),
  },
  {
    name: 'an event that is named by a number',
    reason: "the number's text is its name",
    examples: [['socket.io', '2[1.50]'], ['socket.io', '2[-0,"x"]']],
    meant: (theirs, ours) => (typeof theirs.event === 'number' && Object.is(Number(ours.event), theirs.event) ? { ...theirs, event: ours.event } : theirs),
  },
  {
    name: 'a body that is not UTF-8',
    reason: 'refused as a whole; JavaScript replaces what it cannot read, and the message is another',
    examples: [['payload', Buffer.from('4a\xff', 'latin1')], ['payload 3', Buffer.from('3:4a\xff', 'latin1')]],
    refuses: ({ kind, bytes }) => /^payload/.test(kind) && !isUtf8(bytes),
  },
  {
    name: 'base64 that is not well-formed',
    reason: 'refused; JavaScript leaves out what it does not know, and the data is other data',
    examples: [['payload', Buffer.from('bAQ')], ['payload', Buffer.from('4a\x1eb!!!!')], ['message', 'bAQI'], ['message', 'bAR=='], ['message 3', 'b4AQ=I'], ['payload 3', Buffer.from('5:b4AQI')]],
    refuses: ({ kind, refused }) => refused?.[0] === 'b' && !canonicalBase64(refused.slice(/ 3$/.test(kind) ? 2 : 1)),
  },
  {
    name: 'binary of revision 3 that is no message',
    reason: 'only messages are binary; JavaScript takes a ping in base64, or something of no type at all',
    examples: [['message 3', 'b2AQID'], ['message 3', 'b'], ['message 3', Buffer.from([2, 1])], ['payload 3', Buffer.from('6:b2AQID')], ['binary payload 3', Buffer.from([1, 1, 255, 2])]],
    refuses: ({ kind, bytes, refused }) => {
      if (refused instanceof Uint8Array) return refused[0] !== 4;
      return / 3$/.test(kind) && bytes && refused?.[0] === 'b' && refused[1] !== '4';
    },
  },
  {
    name: 'a length of revision 3 in another form',
    reason: 'clients write digits; JavaScript takes whatever Number does',
    examples: [['payload 3', Buffer.from(' 2:4a')], ['payload 3', Buffer.from('2.0:4a')], ['payload 3', Buffer.from('0x2:4a')], ['payload 3', Buffer.from('2e0:4a')]],
    refuses: ({ kind, length }) => kind === 'payload 3' && !/^\d+$/.test(length),
  },
  {
    name: 'a length of revision 3 that parts a character',
    reason: 'JavaScript makes two halves of it, which are no text',
    examples: [['payload 3', Buffer.from('2:4😀')], ['payload 3', Buffer.from('3:4a😀1:2')]],
    refuses: ({ kind, refused }) => kind === 'payload 3' && refused?.isWellFormed() === false,
  },
  {
    name: 'a binary payload of revision 3 that is cut off, or says so',
    reason: 'refused; JavaScript takes what is there, whatever the length, and nothing for a payload',
    examples: [['binary payload 3', Buffer.from([0, 9, 255, 52, 97])],
      ['binary payload 3', Buffer.from([2, 1, 255, 4])], ['binary payload 3', Buffer.alloc(0)]],
    refuses: ({ kind, refused }) => kind === 'binary payload 3' && refused === undefined,
  },
  {
    name: 'text in a binary payload of revision 3 that is not UTF-8',
    reason: 'refused, as elsewhere',
    examples: [['binary payload 3', Buffer.from([0, 4, 255, 52, 237, 160, 128])]],
    refuses: ({ kind, refusedBytes }) => kind === 'binary payload 3' && refusedBytes && !isUtf8(refusedBytes),
  },
  {
    name: 'packets in front of what is broken in a binary payload',
    reason: 'they are handled before the session ends; JavaScript does not find all of the packets before it handles the first',
    examples: [['binary payload 3', Buffer.from([0, 2, 255, 52, 97, 0, 1, 2])]],
    bothRefuse: true,
  },
];
