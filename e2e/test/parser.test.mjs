// What Kawat's parsers make of messages, right ones and wrong ones, beside the published parsers of socket.io and
// engine.io. PARSER_INPUTS says how many inputs there are; then, or with PARSER_SEED=random, they are others each time.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Corpus } from '../lib/corpus.mjs';
import { explain } from '../lib/explain.mjs';
import { ours, theirs } from '../lib/parsers.mjs';
import { differences } from '../parser/differences.mjs';

const wanted = Number(process.env.PARSER_INPUTS ?? 20_000);
const random = process.env.PARSER_INPUTS !== undefined || process.env.PARSER_SEED === 'random';
const seed = Number(process.env.PARSER_SEED) || (random ? Math.trunc(Math.random() * 2 ** 32) : 1);

const show = (input) => JSON.stringify(input, (_, v) => (v?.type === 'Buffer' ? Buffer.from(v.data).toString('latin1') : v)).slice(0, 500);

function compare(inputs) {
  const verdicts = ours(inputs);
  assert.equal(verdicts.length, inputs.length);
  return inputs.map((input, i) => {
    const other = theirs(input);
    return { input, ours: verdicts[i], theirs: other, names: explain(input, verdicts[i], other) };
  });
}

function complain(results) {
  const unknown = results.filter(({ names }) => names === null);
  assert.equal(unknown.length, 0, `${unknown.length} inputs differ in a way that parser/differences.mjs does not know, among them:\n${
    unknown.slice(0, 10).map((r) => `${show(r.input)}\n  ours   ${show(r.ours)}\n  theirs ${show(r.theirs)}`).join('\n')}`);
}

// What the fuzz targets of the Go packages begin with.
function fuzzSeeds() {
  const lines = (path) => readFileSync(fileURLToPath(new URL(`../../core/${path}`, import.meta.url)), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const bytes = (text) => Buffer.from(text, 'latin1');
  const payloads = lines('engine/eio/testdata/seeds.txt');
  return [
    ...lines('packet/testdata/seeds.txt').map((text) => ['socket.io', text, Buffer.from('one'), Buffer.from('two')]),
    ...payloads.flatMap((text) => ['payload', 'payload 3', 'binary payload 3'].map((kind) => [kind, bytes(text)])),
    ...payloads.flatMap((text) => ['message', 'message 3'].flatMap((kind) => [[kind, bytes(text).toString()], [kind, bytes(text)]])),
  ];
}

describe('parsers', () => {
  it('differ as they are known to', () => {
    const inputs = differences.flatMap(({ name, examples }) => examples.map((input) => ({ name, input })));
    const results = compare(inputs.map(({ input }) => input));
    for (const [i, { name }] of inputs.entries()) {
      const { names, ...r } = results[i];
      assert.ok(names?.includes(name), `${show(r.input)} is no example of "${name}", but of ${show(names)}\n  ours   ${show(r.ours)}\n  theirs ${show(r.theirs)}`);
    }
  });

  it('agree on the seeds of the fuzz targets', () => complain(compare(fuzzSeeds())));

  it(`agree on ${wanted} inputs of the seed ${seed}`, { timeout: 3_600_000 }, () => {
    console.log(`PARSER_SEED=${seed} PARSER_INPUTS=${wanted}`);
    const corpus = new Corpus(seed);
    const taken = { ours: 0, differ: 0 };
    // In pieces, so that a long run holds few inputs at a time.
    for (let left = wanted; left > 0; left -= 10_000) {
      const results = compare(Array.from({ length: Math.min(left, 10_000) }, () => corpus.input()));
      complain(results);
      taken.ours += results.filter((r) => !r.ours.error && !r.ours.pending).length;
      taken.differ += results.filter((r) => r.names.length > 0).length;
    }
    // Inputs that both refuse, or that all differ, say little.
    assert.ok(taken.ours > wanted / 3 && taken.differ < wanted / 3, `of ${wanted} inputs we take ${taken.ours}, and ${taken.differ} differ`);
  });
});
