import { all } from '../cases/all.mjs';
import { matrix } from '../lib/matrix.mjs';

matrix('4.8.4', all, {
  name: '4.8.4 unparked',
  flags: ['-parking', 'off'],
  hosts: (host) => host === 'nethttp' || host === 'fiber',
  modes: ['websocket', 'upgrade'],
});
