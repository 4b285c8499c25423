// The offline protocol, as WebAssembly compiled from the server's own source: every rule is asked of it.
//
// The numbers of calls and the layout of questions and answers are those of `ProtocolCall` and
// `DeviceCall` in Sources/OfflineProtocol.

const moduleAddress = '/built/offline.wasm';

const objectCalls = { text: 11, frames: 12, assemble: 13 };
const deviceCalls = {
  enrolment: 32, enrol: 33, describe: 34, ask: 35, seal: 36, asked: 37, judge: 38, pay: 39, deposit: 40, unlock: 41,
  reserved: 42, sign: 43, show: 44, weigh: 45, accept: 46, acknowledgement: 47, acknowledge: 48, giveUp: 49,
  takeProof: 50, unsettled: 51, learn: 52,
};
const [good, , unverified] = [0, 1, 2];

/** The first bytes of objects that people show each other. */
export const objectTypes = { payment: 0x21, request: 0x22, acknowledgement: 0x23, decline: 0x24, proof: 0x41 };

/** A rule's "no", by the name that the rule has in the source. */
export class Refused extends Error {
  constructor(name) {
    super(name);
    this.refusal = name;
  }
}

let loading = null;

/** Resolves once rules can be asked. */
export function loadProtocol() {
  loading ??= instantiate().catch((error) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function instantiate() {
  const bytes = await (await fetch(moduleAddress)).arrayBuffer();
  const { instance } = await WebAssembly.instantiate(bytes, {});
  return instance.exports;
}

async function question(call, input) {
  const { memory, florin_input: place, florin_ask: ask, florin_output: output } = await loadProtocol();
  const address = place(input.length);
  if (address === 0) throw new Refused('wrong_length');
  new Uint8Array(memory.buffer).set(input, address);
  const count = ask(call, input.length);
  return new Uint8Array(memory.buffer, output(), count).slice();
}

/** What a call takes: numbers of four bytes, raw bytes, and fields that begin with their length. */
export class Words {
  #parts = [];

  number(value) {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value);
    return this.raw(bytes);
  }

  raw(bytes) {
    this.#parts.push(bytes);
    return this;
  }

  field(bytes) {
    return this.number(bytes.length).raw(bytes);
  }

  /** A length of one byte, then UTF-8. */
  text(text) {
    const bytes = new TextEncoder().encode(text);
    return this.raw(Uint8Array.of(bytes.length)).raw(bytes);
  }

  get bytes() {
    return concatenated(this.#parts);
  }
}

export function concatenated(parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

function fieldsOf(bytes, start = 0) {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const fields = [];
  for (let at = start; at < bytes.length;) {
    const end = at + 4 + view.getUint32(at);
    fields.push(bytes.slice(at + 4, end));
    at = end;
  }
  return fields;
}

// Objects and texts.

async function object(call, input) {
  const answer = await question(objectCalls[call], input);
  if (answer[0] !== good) throw new Refused(words(answer.slice(1)));
  return answer.slice(1);
}

/** The text of a QR code for a whole object. */
export const textOf = async (bytes) => words(await object('text', bytes));

/** The texts of the frames of an object that is too large for one code. */
export const framesOf = async (bytes) => fieldsOf(await object('frames', bytes)).map(words);

/** The object of scanned texts, null while frames are missing. */
export async function assembled(texts) {
  const input = new Words();
  for (const text of texts) input.field(new TextEncoder().encode(text));
  const answer = await object('assemble', input.bytes);
  const [bytes] = fieldsOf(answer.slice(0, -2));
  return { object: bytes.length > 0 ? bytes : null, seen: answer.at(-2), needed: answer.at(-1) };
}

export const words = (bytes) => new TextDecoder().decode(bytes);
export const facts = (bytes) => JSON.parse(words(bytes));

// Devices.

const now = () => Math.floor(Date.now() / 1000);

/**
 * Asks a rule about a device. The first answer may be a list of signatures to verify; their verdicts go
 * into the next question. Returns the state to store, null when it is as it was, and the answer or refusal.
 */
export async function askDevice(call, state, args = new Words()) {
  let verdicts = new Uint8Array();
  for (;;) {
    const input = new Words().field(verdicts).field(state).number(now()).raw(args.bytes);
    const answer = await question(deviceCalls[call], input.bytes);
    if (answer[0] !== unverified) {
      const [changed, ...reply] = fieldsOf(answer, 1);
      return {
        state: changed.length > 0 ? changed : null, reply,
        refusal: answer[0] === good ? null : new Refused(words(reply[0])),
      };
    }
    verdicts = concatenated([verdicts, await verdictsOn(answer)]);
  }
}

/** An id of sixteen bytes, a key of 65, a signature of 64, and a message with its length: verified each. */
async function verdictsOn(answer) {
  const view = new DataView(answer.buffer);
  const verdicts = [];
  for (let at = 1; at < answer.length;) {
    const [id, key, signature] = [answer.slice(at, at + 16), answer.slice(at + 16, at + 81), answer.slice(at + 81, at + 145)];
    const end = at + 149 + view.getUint32(at + 145);
    verdicts.push(id, Uint8Array.of(await isGood(key, signature, answer.slice(at + 149, end)) ? 1 : 0));
    at = end;
  }
  return concatenated(verdicts);
}

const curve = { name: 'ECDSA', namedCurve: 'P-256' };
const algorithm = { name: 'ECDSA', hash: 'SHA-256' };

async function isGood(key, signature, message) {
  try {
    const imported = await crypto.subtle.importKey('raw', key, curve, false, ['verify']);
    return await crypto.subtle.verify(algorithm, imported, signature, message);
  } catch {
    // What WebCrypto does not take as a key has signed nothing.
    return false;
  }
}

/** A key that no script can read, this page's neither. */
export const makeKey = () => crypto.subtle.generateKey(curve, false, ['sign', 'verify']);
export const publicBytes = async (key) => new Uint8Array(await crypto.subtle.exportKey('raw', key));
export const sign = async (key, message) => new Uint8Array(await crypto.subtle.sign(algorithm, key, message));

// Bytes as text.

export function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

export function fromBase64url(text) {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
}

export const hex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
export const fromHex = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
export const randomBytes = (count) => crypto.getRandomValues(new Uint8Array(count));
