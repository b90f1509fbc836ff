import { all } from '../cases/all.mjs';
import { older } from '../cases/older.mjs';
import { matrix } from '../lib/matrix.mjs';

matrix('2.5.0', [...all, ...older], { suites: 4 });
