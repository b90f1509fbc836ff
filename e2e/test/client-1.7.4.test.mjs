import { all } from '../cases/all.mjs';
import { older } from '../cases/older.mjs';
import { matrix } from '../lib/matrix.mjs';

matrix('1.7.4', [...all, ...older], { suites: 4 });
