// How this page is connected: a broken wire, a dashed one, or a whole one.
import { byId } from './dom.js';

const texts = {
  connecting: 'Connecting…', polling: 'Polling', websocket: 'WebSocket',
  offline: 'Reconnecting…', replaced: 'Disconnected', refused: 'Disconnected',
};

const notices = {
  offline: 'The server is out of reach. What you write is kept, and sent when it is back.',
  replaced: 'This chat went on in another tab.',
  refused: 'The server does not let this page in.',
};

const notice = byId('notice');
let timer;

/** reconnect: what the notice's button does. */
export function setUp(reconnect) {
  byId('notice-button').addEventListener('click', reconnect);
}

export function show(state, transport) {
  const kind = state === 'online' ? transport : state;
  byId('wire').dataset.kind = kind;
  byId('wire-text').textContent = texts[kind] ?? kind;

  clearTimeout(timer);
  byId('notice-button').hidden = state === 'offline';
  if (!notices[state]) {
    notice.hidden = true;
    return;
  }
  // A short interruption is nobody's concern.
  timer = setTimeout(() => {
    byId('notice-text').textContent = notices[state];
    notice.hidden = false;
  }, state === 'offline' ? 1200 : 0);
}
