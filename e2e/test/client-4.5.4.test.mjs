import { all } from '../cases/all.mjs';
import { matrix } from '../lib/matrix.mjs';

matrix('4.5.4', all);
