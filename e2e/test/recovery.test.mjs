import { recovery } from '../cases/recovery.mjs';
import { matrix } from '../lib/matrix.mjs';

matrix('4.8.4', recovery, { flags: ['-recovery', '60000', '-ping-interval', '500', '-ping-timeout', '500'], hosts: (host) => host !== 'node' });
