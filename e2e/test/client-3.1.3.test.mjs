import { all } from '../cases/all.mjs';
import { matrix } from '../lib/matrix.mjs';

matrix('3.1.3', all);
