import { all } from '../cases/all.mjs';
import { matrix } from '../lib/matrix.mjs';

matrix('4.0.2', all);
