// Everything this page says to the server goes through here.
//
// The session is in a cookie that no script can read, and nothing here could open it. What changes
// something also shows a token that belongs to the session, which only pages of this origin can read.

/** The server's "no": RFC 9457, with Florin's stable code and its facts as fields. */
export class Problem extends Error {
  constructor(status, fields) {
    super(fields.detail ?? fields.title ?? `The server answered ${status}.`);
    this.status = status;
    this.code = fields.code ?? 'unknown';
    this.facts = fields;
  }
}

/** No answer came. Whether the server acted is not known, so a payment must be retried with its key. */
export class Unreachable extends Error {
  constructor() {
    super('The server cannot be reached. Check the connection and try again.');
  }
}

// Not every browser takes a secure cookie from a page on this machine, where a sandbox does without.
const csrfCookieNames = ['__Host-florin_csrf', 'florin_csrf'];

/** Shown with everything that changes something; another tab may have opened another session since. */
let csrfToken = csrfCookie();
/** Whether the session ends when the page is left. */
let strict = false;
let whenSessionEnds = () => {};

export function onSessionEnd(callback) {
  whenSessionEnds = callback;
}

/** Whether there may be a session: its own cookie no script can see. */
export const mayResume = () => csrfToken !== null;

export const isStrict = () => strict;

/** Who came in before this page was loaded, and how. */
export async function resume() {
  const [user, { data }] = await Promise.all([get('/v1/me'), get('/v1/sessions')]);
  strict = data.some((session) => session.is_current && session.mode === 'strict');
  return user;
}

/**
 * On a device that is not known this throws `second_step_required`; `answerChallenge` goes on. Where the
 * telephone is shared the session is strict, whatever the person's own setting is.
 */
export async function logIn(login, password, { shared = false } = {}) {
  const body = { login, password, cookie: true };
  if (shared) body.mode = 'strict';
  const device = devices()[login.toLowerCase()];
  if (device !== undefined) body.device = device;
  return enter(await call('POST', '/v1/sessions', { body, open: true }), login);
}

/** `body` is the method and its code or assertion. */
export async function answerChallenge(challenge, body, login) {
  return enter(await call('POST', `/v1/session_challenges/${challenge}/answers`, { body, open: true }), login);
}

/** Proves the phone, which makes this browser known to the server. */
export async function provePhone(phone, code) {
  const user = await call('POST', '/v1/phone_verifications', { body: { phone, code }, open: true });
  keepDevice(user.device, [user.username, user.phone, user.email]);
}

function enter(session, login) {
  keep(session);
  keepDevice(session.device, [login, session.user.username, session.user.phone, session.user.email]);
  return session.user;
}

// By these tokens the server knows the browser again; they open nothing without the password.
const devicesName = 'florin.devices';

function devices() {
  try {
    return JSON.parse(localStorage.getItem(devicesName)) ?? {};
  } catch {
    return {};
  }
}

function keepDevice(device, names) {
  if (!device) return;
  const known = devices();
  for (const name of names) if (name) known[name.toLowerCase()] = device;
  localStorage.setItem(devicesName, JSON.stringify(known));
}

/** `use` has a device answer the server's options. */
export async function logInWithPasskey(use, { shared = false } = {}) {
  const options = await call('POST', '/v1/sessions/passkey_challenges', { open: true });
  const body = { assertion: await use(options), cookie: true };
  if (shared) body.mode = 'strict';
  const session = await call('POST', '/v1/sessions/passkeys', { body, open: true });
  keep(session);
  return session.user;
}

export async function logOut() {
  try {
    await call('DELETE', '/v1/sessions/current');
  } finally {
    forget();
  }
}

/**
 * Leaves a strict session, without waiting for an answer: the page may be gone before it comes. A page that
 * the browser brings back from memory is loaded anew, and asks who is there.
 */
addEventListener('pagehide', () => {
  if (strict) navigator.sendBeacon('/v1/sessions/current/exits');
});
addEventListener('pageshow', (event) => {
  if (event.persisted && strict) location.reload();
});

/** An answer that goes on and on, such as that of `/v1/events`. */
export async function open(path, { headers, signal }) {
  const response = await fetch(path, { headers, signal, cache: 'no-store', credentials: 'same-origin' });
  if (response.status === 401) endSession();
  return response;
}

export const get = (path) => call('GET', path);
export const put = (path, body) => call('PUT', path, { body });
export const patch = (path, body) => call('PATCH', path, { body });
export const del = (path) => call('DELETE', path);
export const post = (path, body, options) => call('POST', path, { body, ...options });

/** A key that makes retrying a payment safe. `crypto.randomUUID` exists only on secure origins. */
export function idempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function call(method, path, { body, key, open = false } = {}) {
  // Whoever logged in elsewhere in this browser is shown, and never acted for unseen.
  if (!open && csrfCookie() !== csrfToken) return startAnew();
  const headers = { Accept: 'application/json' };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (key !== undefined) headers['Idempotency-Key'] = key;
  if (!open && method !== 'GET') headers['X-CSRF-Token'] = csrfToken;
  const response = await reach(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  if (response.status === 401 && !open) endSession();
  return answer(response);
}

async function reach(path, options) {
  try {
    return await fetch(path, { cache: 'no-store', credentials: 'same-origin', ...options });
  } catch {
    throw new Unreachable();
  }
}

async function answer(response) {
  let text;
  try {
    text = await response.text();
  } catch {
    throw new Unreachable();
  }
  const fields = text === '' ? {} : parse(text);
  if (!response.ok) throw new Problem(response.status, fields ?? {});
  return fields;
}

/** Integers beyond 2^53 stay exact where the browser shows us their text. */
function parse(text) {
  const exact = (_, value, context) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? BigInt(context.source) : value;
  try {
    return JSON.parse(text, exact);
  } catch {
    return null;
  }
}

function keep(session) {
  csrfToken = session.csrf_token;
  strict = session.mode === 'strict';
}

function forget() {
  csrfToken = null;
  strict = false;
  for (const name of csrfCookieNames) {
    document.cookie = `${name}=; Path=/; Max-Age=0${name.startsWith('__Host-') ? '; Secure' : ''}`;
  }
}

/** Whoever asked is not answered: the page that comes is another. */
function startAnew() {
  // The other session is not this page's to leave.
  strict = false;
  location.reload();
  return new Promise(() => {});
}

function endSession() {
  const words = strict
    ? 'Your visit has ended, as it does on a shared phone. Please log in again.'
    : 'Your session has ended. Please log in again.';
  forget();
  whenSessionEnds(words);
}

function csrfCookie() {
  const cookies = new Map(document.cookie.split('; ').map((pair) => {
    const [name, ...value] = pair.split('=');
    return [name, value.join('=')];
  }));
  return csrfCookieNames.map((name) => cookies.get(name)).find((value) => value) ?? null;
}

// The sandbox. Its routes exist only where the operator runs Florin with pretend money.

export async function isSandbox() {
  return (await call('GET', '/health/live', { open: true })).sandbox === true;
}

/** The newest six-digit code that was sent to this phone, some of whose digits may be hidden, or null. */
export async function readCode(phone) {
  const hidden = phone.includes('•');
  const query = hidden ? '' : `?to=${encodeURIComponent(phone)}`;
  const answer = await call('GET', `/sandbox/messages${query}`, { open: true });
  for (const message of answer.data ?? answer) {
    if (hidden && !(message.to.startsWith(phone.split('•')[0]) && message.to.endsWith(phone.split('•').at(-1)))) continue;
    const code = /\b\d{6}\b/.exec(message.body);
    if (code !== null) return code[0];
  }
  return null;
}
