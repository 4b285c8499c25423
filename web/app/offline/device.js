// What a person does with an offline wallet. Everything but what says otherwise works without a network.

import { get, idempotencyKey, post, Problem } from '../api.js';
import {
  askDevice, assembled, base64url, concatenated, facts, fromBase64url, fromHex, hex, makeKey, publicBytes, randomBytes,
  sign, words, Words,
} from './protocol.js';
import { keepEnrolled, keepPendingKey, note, pendingKey, step } from './store.js';

/** Objects of one upload. */
const objectsMax = 100;
const nothing = new Uint8Array();

/** Gives this browser a wallet of its own. Takes a network; an enrolment without an answer goes on. */
export async function enrol(user, currency) {
  const place = `${user.id}:${currency}`;
  let pending = await pendingKey(place);
  if (pending === undefined) {
    pending = { place, keys: await makeKey() };
    await keepPendingKey(pending);
  }
  const { privateKey, publicKey } = pending.keys;
  const made = await askDevice('enrolment', nothing, new Words()
    .field(await publicBytes(publicKey)).raw(fromHex(user.id.replaceAll('-', ''))).number(Math.floor(Date.now() / 1000)));
  if (made.refusal) throw made.refusal;
  const [message, body] = made.reply;
  const csr = base64url(concatenated([body, await sign(privateKey, message)]));
  const [answer, published] = await Promise.all([post('/v1/offline/wallets', { csr, currency }), get('/v1/offline/keys')]);
  const begun = await askDevice('enrol', nothing, new Words()
    .field(fromBase64url(published.root)).field(fromBase64url(published.keys)).field(fromBase64url(answer.certificate))
    .field(new TextEncoder().encode(answer.name)).raw(fromHex(answer.name_salt)));
  if (begun.refusal) throw begun.refusal;
  await navigator.storage?.persist?.();
  await keepEnrolled({
    wid: answer.wallet, account: user.id, username: user.username, currency, key: privateKey, state: begun.state,
    enrolledAt: Date.now(), syncedAt: 0,
  }, place);
  return answer.wallet;
}

export async function describe(wid) {
  const { row, reply } = await step(wid, 'describe');
  return { ...facts(reply[0]), currencyCode: row.currency, syncedAt: row.syncedAt };
}

// Asking.

/** Makes a request and keeps it. Returns the object to show. */
export async function ask(wid, amount, memo) {
  const { row, reply: [id, message] } = await step(wid, 'ask', new Words().number(amount).text(memo).raw(randomBytes(8)));
  const { reply } = await step(wid, 'seal', new Words().raw(id).field(await sign(row.key, message)));
  return reply[0];
}

export async function askedAgain(wid, request) {
  const { reply } = await step(wid, 'asked', new Words().raw(fromHex(request)));
  return reply[0];
}

// Paying.

/** Who asks for how much, once every signature and name is verified. */
export async function judge(wid, request) {
  const { reply } = await step(wid, 'judge', new Words().field(request));
  return facts(reply[0]);
}

/** Reserves, signs and shows a payment; each is stored before the next. */
export async function pay(wid, request, amount) {
  const { reply } = await step(wid, 'pay', new Words().field(request).number(amount));
  return finish(wid, reply[0]);
}

/** Signs what was reserved, also what was left so by a page that went away. */
export async function finish(wid, request) {
  const { row, reply: messages } = await step(wid, 'reserved', new Words().raw(request));
  const signed = new Words().raw(request);
  for (const message of messages) signed.field(await sign(row.key, message));
  await step(wid, 'sign', signed);
  return show(wid, hex(request));
}

/** The payment's object, and the code that both people compare. */
export async function show(wid, request) {
  const { reply: [payment, code] } = await step(wid, 'show', new Words().raw(fromHex(request)));
  return { payment, code: words(code) };
}

export const giveUp = (wid, request) => step(wid, 'giveUp', new Words().raw(fromHex(request)));
export const takeWord = (wid, word) => step(wid, 'acknowledge', new Words().field(word));

/** Signs for what a crash has left reserved. */
export async function resume(wid) {
  const { outgoing } = await describe(wid);
  for (const each of outgoing.filter(({ state }) => state === 'reserved')) await finish(wid, fromHex(each.request));
}

// Receiving.

export async function weigh(wid, payment) {
  const { reply } = await step(wid, 'weigh', new Words().field(payment));
  return facts(reply[0]);
}

export async function accept(wid, payment, amountMax) {
  const { reply } = await step(wid, 'accept', new Words().field(payment).number(amountMax));
  return facts(reply[0]);
}

/** The word that a payment arrived, for the payer's peace of mind. */
export async function acknowledgement(wid, request) {
  const { row, reply: [message, body] } = await step(wid, 'acknowledgement', new Words().raw(fromHex(request)));
  return concatenated([body, await sign(row.key, message)]);
}

export const takeProof = (wid, proof) => step(wid, 'takeProof', new Words().field(proof));

/** What scanned or pasted texts hold. */
export const opened = (text) => assembled(text.split(/\n+/).map((line) => line.trim()).filter(Boolean));

// With a network.

/** Locks money for this wallet. */
export async function topUp(wid, amount, key = idempotencyKey()) {
  const answer = await post(`/v1/offline/wallets/${wid}/topups`, { amount }, { key });
  await learn(wid, { certificate: answer.certificate });
}

/** Sends all that was received, and so much of what is one's own, to the online wallet. */
export async function deposit(wid, own) {
  const { received } = await describe(wid);
  for (const each of received.filter(({ left }) => left > 0)) {
    const { reply } = await step(wid, 'deposit', new Words().raw(fromHex(each.record)).raw(randomBytes(16)));
    await finish(wid, reply[0]);
  }
  if (own > 0) {
    const { reply } = await step(wid, 'unlock', new Words().number(own).raw(randomBytes(16)));
    await finish(wid, reply[0]);
  }
}

export const reportLost = (wid) => post(`/v1/offline/wallets/${wid}/lost`);

/** Shows the server what it may not know, and takes what this wallet needs. May be repeated at any time. */
export async function sync(wid) {
  const { row, reply: objects } = await step(wid, 'unsettled');
  const before = await describe(wid);
  const texts = objects.map(base64url);
  while (texts.length > objectsMax) await post('/v1/offline/objects', { objects: texts.splice(0, objectsMax) });
  const answer = await post('/v1/offline/sync', {
    wallet: wid, objects: texts, head: before.counter, crl_since: before.revocations_at, proofs_since: row.syncedAt,
  });
  await tellUndelivered(before);
  const { keys } = await get('/v1/offline/keys');
  await learn(wid, {
    serverTime: Math.floor(Date.parse(answer.server_time) / 1000), keys, certificate: answer.certificate,
    crl: answer.crl, objects: [...answer.proofs, ...answer.incoming, ...answer.receipts],
  });
  await note(wid, {
    syncedAt: Math.floor(Date.parse(answer.server_time) / 1000), ended: answer.wallet.status !== 'live',
  });
  return answer;
}

async function tellUndelivered({ outgoing }) {
  for (const { records } of outgoing.filter(({ state }) => state === 'undelivered')) {
    for (const { id } of records) {
      try {
        await post(`/v1/offline/xfers/${id}/undelivered`);
      } catch (error) {
        // It has ended another way: the receipt tells.
        if (!(error instanceof Problem) || error.status >= 500) throw error;
      }
    }
  }
}

function learn(wid, { serverTime = 0, keys = '', certificate = '', crl = '', objects = [] }) {
  const news = new Words().number(serverTime).field(fromBase64url(keys)).field(fromBase64url(certificate ?? ''))
    .field(fromBase64url(crl ?? ''));
  for (const object of objects) news.field(fromBase64url(object));
  return step(wid, 'learn', news);
}
