import { drain } from '../cases/drain.mjs';
import { matrix } from '../lib/matrix.mjs';

for (const version of ['1.7.4', '2.5.0', '4.8.4']) {
  matrix(version, drain, { suites: 4, hosts: (host) => host !== 'node', name: `${version} drain` });
}
