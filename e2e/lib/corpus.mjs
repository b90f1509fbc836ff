// Messages for parsers: right, nearly right, and hostile. The same seed makes the same ones.

// Generator of numbers from 0 to 2^32 - 1.
export function randomNumbers(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
}

const words = ['a', 'chat', 'connect', 'disconnect', 'connect_error', 'newListener', '', 'é', '😀', '\u2028', '"', '\\', '__proto__', 'constructor', '_placeholder', 'num', 'x'.repeat(70)];
const numbers = ['0', '-0', '1', '-1', '1.5', '1e3', '1E-2', '1e400', '-1e400', '1e-400', '9007199254740993', '0.1', '5e-324', '123456789012345678901234567890', '01', '+1', '.5', '1.', 'NaN', 'Infinity', '0x10', '1e', '--1'];
const spaces = ['', '', '', '', ' ', '\n', '\t\r', '\u00a0', '\ufeff', '\v'];
const namespaces = ['', '', '', '/', '/,', '/chat,', '/chat', '/a?x=1,', '/é,', '/a,/b,', `/${'n'.repeat(510)},`, `/${'n'.repeat(511)},`, `/${'n'.repeat(512)},`, 'chat,', '/"x",'];
const ids = ['', '', '', '0', '7', '00', '9007199254740991', '9007199254740992', '18446744073709551616', '-1', '1.5', '1e3', ' ', '1 ', ' 1', '\u0661', '\u00a01'];
const counts = ['0', '1', '1', '1', '2', '2', '3', '10', '11', '01', '+1', '-1', ' 1', '1 ', '1.0', '1e0', '0x1', '', 'x', '99999999999999999999', '１'];
const escapes = ['\\n', '\\u0041', '\\ud83d\\ude00', '\\ud800', '\\udc00', '\\u00', '\\x41', '\\/', '\\"', '\n', '\0', '\u007f'];

export class Corpus {
  constructor(seed) {
    this.next = randomNumbers(seed);
  }

  below(n) {
    return this.next() % n;
  }

  of(list) {
    return list[this.below(list.length)];
  }

  bytes(n = this.below(6)) {
    return Buffer.from(Array.from({ length: n }, () => this.next() & 0xff));
  }

  string() {
    switch (this.below(6)) {
      case 0: return JSON.stringify(this.of(words));
      case 1: return `"${this.of(words.slice(0, 9))}${this.of(escapes)}"`;
      default: return JSON.stringify(this.of(words.slice(0, 2)));
    }
  }

  placeholder() {
    const num = this.below(5) ? String(this.below(3)) : this.of([...numbers, '"0"', 'null']);
    switch (this.below(8)) {
      case 0: return `{"num":${num},"_placeholder":true}`;
      case 1: return `{"_placeholder":${this.of(['false', '1', '"true"', 'null'])},"num":${num}}`;
      case 2: return `{"_placeholder":true,"num":${num},"more":1}`;
      case 3: return this.of(['{"_placeholder":true}', '{"\\u005fplaceholder":true,"num":0}', '{"_placeholder":true,"num":0,"num":1}', '[{"_placeholder":true,"num":0}]']);
      default: return `{"_placeholder":true,"num":${num}}`;
    }
  }

  value(depth = 0) {
    const s = () => (this.below(4) ? '' : this.of(spaces));
    switch (this.below(depth > 4 ? 5 : 10)) {
      case 0: return this.of(numbers.slice(0, this.below(4) ? 14 : numbers.length));
      case 1: return this.of(['true', 'false', 'null', 'undefined', 'True', 'nul']);
      case 2: return this.placeholder();
      case 3: case 4: case 5: return this.string();
      case 6: case 7: return `[${s()}${this.list(() => this.value(depth + 1))}${s()}]`;
      default: return `{${s()}${this.list(() => `${this.string()}${s()}:${s()}${this.value(depth + 1)}`)}${s()}}`;
    }
  }

  list(make) {
    return Array.from({ length: this.below(4) }, make).join(this.below(20) ? ',' : this.of([', ', ',,', ';', '']));
  }

  payload(type) {
    switch (this.below(12)) {
      case 0: return '';
      case 1: return this.value();
      case 2: return `${this.of(spaces)}[${this.string()}]${this.of(spaces)}${this.of(['', 'x', '[]', '1'])}`;
    }
    switch (type) {
      case '0': return this.below(3) ? `{${this.list(() => `${this.string()}:${this.value(3)}`)}}` : '';
      case '1': return '';
      case '4': return this.below(2) ? this.string() + this.of(spaces) : `{"message":${this.string()}}`;
      case '3': case '6': return `[${this.list(() => this.value())}]`;
    }
    const args = this.list(() => this.value());
    return `[${this.below(15) ? this.string() : this.value()}${args && ','}${args}]`;
  }

  // A packet of Socket.IO with what follows it.
  packet() {
    const type = this.below(30) ? this.of(['0', '1', '2', '2', '2', '2', '3', '4', '5', '5', '5', '6']) : this.of(['', '7', '9', ' ', 'x', '-', '²']);
    const count = type === '5' || type === '6' ? this.of(counts) + (this.below(20) ? '-' : '') : '';
    const text = type + count + this.of(namespaces) + this.of(ids) + this.payload(type);
    return [this.mutated(text), ...this.followers(text)];
  }

  followers(text) {
    const n = text[0] === '5' || text[0] === '6' ? Number.parseInt(text.slice(1), 10) || 0 : 0;
    const all = Array.from({ length: Math.min(n, 12) }, () => this.bytes());
    if (!this.below(15)) all.splice(this.below(all.length + 1), 1, this.below(2) ? '2["a"]' : this.bytes());
    return all;
  }

  // A text that is changed a little, or not at all.
  mutated(text) {
    for (let n = [0, 0, 0, 1, 1, 2, 4][this.below(7)]; n > 0; n--) {
      const at = this.below(text.length + 1);
      const to = Math.min(text.length, at + this.below(4));
      switch (this.below(5)) {
        case 0: text = text.slice(0, at) + text.slice(to); break;
        case 1: text = text.slice(0, at) + this.of([...'0123456789-,/[]{}":e.+ ', '\\u', 'true', '\u00e9', '😀', '\0', 'b', '\x1e']) + text.slice(at); break;
        case 2: text = text.slice(0, to) + text.slice(at); break;
        case 3: text = text.slice(0, at); break;
        default: text = text.slice(0, at) + this.of([...'0123456789']) + text.slice(at + 1);
      }
    }
    return text.toWellFormed();
  }

  // A packet of Engine.IO as a text.
  text() {
    switch (this.below(8)) {
      case 0: return this.of(['b', 'b4']) + this.mutated(this.bytes().toString('base64'));
      case 1: return this.of(['0{}', '1', '2', '3', '5', '6', '2probe', '3probe', '7', '', 'b', ' ', '\x1e', '4', 'é', 'B', '-1']);
      default: return this.mutated(`4${this.below(2) ? this.packet()[0].slice(0, 30) : this.of(words)}`);
    }
  }

  payload4() {
    return this.spoiled(Buffer.from(Array.from({ length: this.below(4) + 1 }, () => this.text()).join('\x1e')));
  }

  payload3() {
    const packets = Array.from({ length: this.below(4) }, () => this.text());
    const length = (p) => (this.below(15) ? String(p.length) : this.of([`0${p.length}`, ` ${p.length}`, `${p.length}.0`, `+${p.length}`, `${p.length}e0`, `0x${p.length.toString(16)}`, '-1', '', '99999999999999999999', `${p.length + 1}`, `${Math.max(0, p.length - 1)}`, 'x']));
    return this.spoiled(Buffer.from(this.mutatedSeldom(packets.map((p) => `${length(p)}:${p}`).join('') || '0:')));
  }

  binary3() {
    const parts = Array.from({ length: this.below(4) + 1 }, () => {
      const binary = this.below(2);
      const data = binary ? Buffer.concat([Buffer.from([this.below(8) ? 4 : this.below(8)]), this.bytes()]) : Buffer.from(this.text());
      const digits = [...String(this.below(15) ? data.length : this.below(300))].map(Number);
      return Buffer.concat([Buffer.from([this.below(25) ? binary : this.below(256), ...digits, this.below(25) ? 255 : this.below(256)]), data]);
    });
    return this.spoiled(Buffer.concat(parts));
  }

  mutatedSeldom(text) {
    return this.below(4) ? text : this.mutated(text);
  }

  // Bytes of which, seldom, one is another.
  spoiled(buffer) {
    if (!this.below(12) && buffer.length > 0) buffer[this.below(buffer.length)] = this.next() & 0xff;
    return buffer;
  }

  // One input: its kind, and its messages.
  input() {
    switch (this.below(12)) {
      case 0: return ['payload', this.payload4()];
      case 1: return ['payload 3', this.payload3()];
      case 2: return ['binary payload 3', this.binary3()];
      case 3: return ['message', this.below(6) ? this.text() : this.bytes()];
      case 4: return ['message 3', this.below(3) ? this.text() : Buffer.concat([Buffer.from([this.below(6) ? 4 : this.below(256)]), this.bytes()])];
      default: return ['socket.io', ...this.packet()];
    }
  }
}
