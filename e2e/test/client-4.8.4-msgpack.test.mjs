import { withoutRestarts } from '../cases/all.mjs';
import { matrix } from '../lib/matrix.mjs';

// Whether packets are JSON or not makes no difference to a server that starts again.
matrix('4.8.4 msgpack', withoutRestarts);
