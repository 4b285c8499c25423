// Everything this page says to the server goes through here.
//
// The access token lives in memory only. The refresh token survives a reload of this tab, in
// sessionStorage, and is replaced by the server at every use.

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

const refreshTokenName = 'florin.refresh_token';
/** Renewing this early leaves no request to run into an expired token. */
const renewBeforeSeconds = 30;

let accessToken = null;
let accessTokenEndsAt = 0;
let renewal = null;
let whenSessionEnds = () => {};

export function onSessionEnd(callback) {
  whenSessionEnds = callback;
}

export const mayResume = () => sessionStorage.getItem(refreshTokenName) !== null;

/** On a device that is not known this throws `second_step_required`; `answerChallenge` goes on. */
export async function logIn(login, password) {
  const body = { login, password };
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
export async function logInWithPasskey(use) {
  const options = await call('POST', '/v1/sessions/passkey_challenges', { open: true });
  const session = await call('POST', '/v1/sessions/passkeys', { body: { assertion: await use(options) }, open: true });
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

/** A usable access token, renewed first when it is about to end. */
export async function token() {
  if (accessToken === null || Date.now() > accessTokenEndsAt) await renew();
  return accessToken;
}

export const get = (path) => call('GET', path);
export const patch = (path, body) => call('PATCH', path, { body });
export const del = (path) => call('DELETE', path);
export const post = (path, body, options) => call('POST', path, { body, ...options });

/** A key that makes retrying a payment safe. `crypto.randomUUID` exists only on secure origins. */
export function idempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

async function call(method, path, { body, key, open = false } = {}) {
  const attempt = async () => {
    const headers = { Accept: 'application/json' };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    if (key !== undefined) headers['Idempotency-Key'] = key;
    if (!open) headers.Authorization = `Bearer ${await token()}`;
    return reach(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  };
  let response = await attempt();
  if (response.status === 401 && !open) {
    // The token may have been revoked before its time; a new one tells.
    accessToken = null;
    response = await attempt();
    if (response.status === 401) endSession();
  }
  return answer(response);
}

async function reach(path, options) {
  try {
    return await fetch(path, { cache: 'no-store', credentials: 'omit', ...options });
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

// Several requests may find the token ended at once; the refresh token may be used only once.
function renew() {
  renewal ??= exchangeRefreshToken().finally(() => { renewal = null; });
  return renewal;
}

async function exchangeRefreshToken() {
  const refreshToken = sessionStorage.getItem(refreshTokenName);
  if (refreshToken === null) {
    endSession();
    throw new Problem(401, { code: 'session_ended', detail: 'Please log in again.' });
  }
  try {
    keep(await call('POST', '/v1/sessions/refresh', { body: { refresh_token: refreshToken }, open: true }));
  } catch (error) {
    if (error instanceof Problem && error.status < 500 && error.status !== 429) endSession();
    throw error;
  }
}

function keep(session) {
  accessToken = session.access_token;
  const seconds = Math.max(session.expires_in - renewBeforeSeconds, session.expires_in / 2);
  accessTokenEndsAt = Date.now() + seconds * 1000;
  sessionStorage.setItem(refreshTokenName, session.refresh_token);
}

function forget() {
  accessToken = null;
  sessionStorage.removeItem(refreshTokenName);
}

function endSession() {
  forget();
  whenSessionEnds();
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
