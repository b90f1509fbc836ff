// Node's own reporter, less the lines of what passed: failures and the closing figures.
import { Readable } from 'node:stream';
import { spec } from 'node:test/reporters';

const leaf = (data) => data.details?.type !== 'suite';
const matrixSuite = /^\d+\.\d+\.\d+( \w+)+$|^engine/;

async function* failuresAndFigures(source) {
  for await (const event of source) {
    if (event.type === 'test:pass') {
      if (!leaf(event.data) && matrixSuite.test(event.data.name)) {
        yield { type: 'test:stdout', data: { message: `✔ ${event.data.name} (${Math.round(event.data.details.duration_ms)} ms)\n` } };
      }
      continue;
    }
    if (event.type !== 'test:start' && event.type !== 'test:plan') yield event;
  }
}

export default async function* quiet(source) {
  yield* Readable.from(failuresAndFigures(source)).compose(new spec());
}
