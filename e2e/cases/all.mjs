import { acks } from './acks.mjs';
import { connect } from './connect.mjs';
import { endings } from './endings.mjs';
import { events } from './events.mjs';
import { crowd, order } from './order.mjs';
import { restart } from './restart.mjs';
import { retries } from './retries.mjs';
import { rooms } from './rooms.mjs';

export const withoutRestarts = [...connect, ...events, ...acks, ...rooms, ...endings, ...order, ...crowd, ...retries];
export const all = [...withoutRestarts, ...restart];
