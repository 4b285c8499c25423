// Server-sent events over fetch, because EventSource tells neither silence nor the end of the session.
//
// The stream is followed for as long as the session lasts. Between two connections events may be
// missed where the server no longer has them, so the follower is told of each reconnection.

import { open } from './api.js';

/** The server sends a comment every 15 seconds; three missing ones mean that the line is dead. */
const silenceMillisecondsMax = 45_000;
const delayMillisecondsMin = 1_000;
const delayMillisecondsMax = 30_000;

export function follow({ onEvent, onOpen, onLost }) {
  let stopped = false;
  let lastEventID = null;
  let delay = delayMillisecondsMin;
  let attempt = new AbortController();
  let wake = () => {};

  async function run() {
    while (!stopped) {
      attempt = new AbortController();
      try {
        await listen(attempt);
      } catch {
        // Whatever ended the stream, the answer is the same: say so, and connect again.
      }
      if (stopped) return;
      onLost();
      await pause(delay / 2 + Math.random() * delay / 2);
      delay = Math.min(delay * 2, delayMillisecondsMax);
    }
  }

  async function listen(controller) {
    const headers = { Accept: 'text/event-stream' };
    if (lastEventID !== null) headers['Last-Event-ID'] = lastEventID;
    const response = await open('/v1/events', { headers, signal: controller.signal });
    if (!response.ok || response.body === null) throw new Error(`events: ${response.status}`);
    delay = delayMillisecondsMin;
    onOpen();

    const reader = response.body.getReader();
    const text = new TextDecoder();
    const parser = new EventParser((event) => {
      if (event.id !== null) lastEventID = event.id;
      onEvent(event);
    });
    let watchdog;
    try {
      for (;;) {
        clearTimeout(watchdog);
        watchdog = setTimeout(() => controller.abort(), silenceMillisecondsMax);
        const { value, done } = await reader.read();
        if (done) return;
        parser.read(text.decode(value, { stream: true }));
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  function pause(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      wake = () => { clearTimeout(timer); resolve(); };
    });
  }

  // A phone that wakes up, or finds its network again, should not wait out a long delay.
  const hurry = () => {
    if (document.visibilityState !== 'visible') return;
    delay = delayMillisecondsMin;
    wake();
  };
  addEventListener('online', hurry);
  document.addEventListener('visibilitychange', hurry);
  run();

  return function stop() {
    stopped = true;
    removeEventListener('online', hurry);
    document.removeEventListener('visibilitychange', hurry);
    attempt.abort();
    wake();
  };
}

/** The line format of server-sent events (WHATWG HTML, section 9.2.6). */
class EventParser {
  #rest = '';
  #event = '';
  #data = [];
  #id = null;
  #deliver;

  constructor(deliver) {
    this.#deliver = deliver;
  }

  read(text) {
    // A carriage return at the end may be half of a pair; it waits for what follows.
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) this.#take(line);
  }

  #take(line) {
    if (line === '') return this.#dispatch();
    if (line.startsWith(':')) return;
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') this.#event = value;
    else if (name === 'data') this.#data.push(value);
    else if (name === 'id' && !value.includes('\0')) this.#id = value;
  }

  #dispatch() {
    if (this.#data.length > 0) {
      this.#deliver({ name: this.#event || 'message', id: this.#id, data: JSON.parse(this.#data.join('\n')) });
    }
    this.#event = '';
    this.#data = [];
  }
}
