// What two people show each other: a request, a payment, and the word that it arrived.

import { h, icon, money, openDialog, toast } from '../dom.js';
import { explain, field, FieldError, form, setBusy } from '../forms.js';
import { inWords } from '../money.js';
import { canRead, drawn, look, readPicture, stayAwake } from '../offline/codes.js';
import {
  accept, acknowledgement, ask, askedAgain, giveUp, judge, opened, pay, show, takeProof, takeWord, weigh,
} from '../offline/device.js';
import { objectTypes } from '../offline/protocol.js';
import { wordsOf } from '../offline/refusals.js';
import { amountField, amountOf } from './payments.js';

const memoBytesMax = 40;

// Asking.

export function askOffline(tools) {
  const dialog = openDialog('Ask for money');
  const amount = amountField(tools);
  const memo = field({
    name: 'memo', label: 'What for', optional: true, attributes: { autocomplete: 'off', maxlength: String(memoBytesMax) },
  });
  const { element } = form({
    fields: [amount, memo], action: 'Show the code', currency: tools.currency,
    act: async (values) => {
      if (new TextEncoder().encode(values.memo).length > memoBytesMax) {
        throw new FieldError('memo', 'That is too long for a code.');
      }
      const request = await ask(tools.wid, amountOf(values.amount, tools), values.memo).catch(refuse);
      await tools.refresh();
      await showAsked(tools, dialog, request, amountOf(values.amount, tools));
    },
  });
  dialog.show('Ask for money', element);
}

export async function showRequest(tools, { request, amount }) {
  const dialog = openDialog('Your request');
  await showAsked(tools, dialog, await askedAgain(tools.wid, request), amount);
}

async function showAsked(tools, dialog, request, amount) {
  await showCode(dialog, 'Let them scan this', request,
    h('p', { class: 'sum-amount' }, money(amount, tools.currency)),
    h('button', { class: 'button wide', type: 'button', onclick: () => { dialog.close(); scan(tools); } },
      'Scan their payment'));
}

/** A code to scan, the same as text, and what belongs beside it. */
async function showCode(dialog, title, object, ...children) {
  const { box, text } = await drawn(object);
  const letGo = await stayAwake();
  dialog.onClose(letGo);
  const copy = h('button', { class: 'button quiet compact', type: 'button' }, 'Copy as text');
  copy.addEventListener('click', async () => {
    await navigator.clipboard.writeText(text);
    toast('Copied');
  });
  dialog.show(title, ...children, box,
    h('details', { class: 'code-text' }, h('summary', {}, 'As text'),
      h('textarea', { readonly: true, rows: '4', 'aria-label': 'The code as text' }, text), copy));
}

// Scanning.

/** Reads whatever somebody shows: a request is paid, a payment taken. */
export function scan(tools) {
  const dialog = openDialog('Scan or paste');
  const text = h('textarea', { id: 'pasted', rows: '4', 'aria-label': 'Code as text', autocomplete: 'off', spellcheck: 'false' });
  const status = h('p', { class: 'notice is-bad', role: 'alert', hidden: true });
  const button = h('button', { class: 'button wide', type: 'button', onclick: () => take(text.value).catch(say) }, 'Continue');
  const texts = new Set();
  dialog.show('Scan or paste',
    h('p', { class: 'soft' }, canRead()
      ? 'Hold the camera at their code, or paste it as text.'
      : 'This browser cannot read codes through the camera. Let them copy theirs as text, and paste it here.'),
    canRead() && camera(), canRead() && picture(),
    h('label', { class: 'field-label', for: 'pasted' }, 'Code as text'), h('div', { class: 'input' }, text), status, button);

  function camera() {
    const video = h('video', { class: 'camera', muted: true, playsinline: true, 'aria-label': 'Camera' });
    look(video, async (found) => {
      texts.add(found);
      try {
        return await take([...texts].join('\n'));
      } catch (error) {
        texts.clear();
        say(error);
        return false;
      }
    }).then((stop) => dialog.onClose(stop), () => video.remove());
    return video;
  }

  function picture() {
    const input = h('input', { type: 'file', accept: 'image/*', 'aria-label': 'Choose a picture of a code' });
    input.addEventListener('change', async () => {
      const found = await readPicture(input.files[0]).catch(() => []);
      if (found.length === 0) say(new FieldError(null, 'No code was found in this picture.'));
      else take(found.join('\n')).catch(say);
    });
    return h('div', { class: 'input' }, input);
  }

  function say(error) {
    status.textContent = wordsOf(error) ?? explain(error, tools.currency);
    status.hidden = false;
  }

  async function take(pasted) {
    status.hidden = true;
    if (pasted.trim() === '') throw new FieldError(null, 'Paste the text of their code first.');
    const { object, seen, needed } = await opened(pasted);
    if (object === null) throw new FieldError(null, `${seen} of ${needed} parts are here. Please scan the rest.`);
    await open(tools, dialog, object);
    return true;
  }
}

async function open(tools, dialog, object) {
  switch (object[0]) {
    case objectTypes.request: return confirmPayment(tools, dialog, object);
    case objectTypes.payment: return confirmReceipt(tools, dialog, object);
    case objectTypes.acknowledgement:
      await takeWord(tools.wid, object);
      dialog.close();
      toast('They have your payment.');
      return tools.changed();
    case objectTypes.proof:
      await takeProof(tools.wid, object);
      dialog.close();
      toast('From now on this wallet takes nothing from the one who cheated.');
      return tools.changed();
    default: throw new FieldError(null, 'This code asks for nothing and pays nothing.');
  }
}

// Paying.

async function confirmPayment(tools, dialog, object) {
  const request = await judge(tools.wid, object);
  const fields = request.amount === 0 ? [amountField(tools)] : [];
  const { element } = form({
    fields, action: request.amount === 0 ? 'Pay' : `Pay ${inWords(request.amount, tools.currency)}`, currency: tools.currency,
    act: async (values) => {
      const amount = request.amount === 0 ? amountOf(values.amount, tools) : request.amount;
      const paid = await pay(tools.wid, object, amount).catch(refuse);
      await tools.refresh();
      await showPaid(tools, dialog, paid, { amount, name: request.name });
    },
  });
  dialog.show('Is this right?',
    h('div', { class: 'sum' },
      request.amount !== 0 && h('p', { class: 'sum-amount' }, money(request.amount, tools.currency)),
      h('p', { class: 'soft' }, `to ${request.name}`),
      request.memo && h('p', {}, request.memo)),
    element);
}

async function showPaid(tools, dialog, { payment, code }, { amount, name }) {
  await showCode(dialog, 'Let them scan this', payment,
    h('div', { class: 'sum' },
      h('p', { class: 'sum-amount' }, money(amount, tools.currency)),
      h('p', { class: 'soft' }, `to ${name ?? 'somebody'}. Their screen must show the same number:`),
      h('p', { class: 'code-number', 'aria-label': 'Number to compare' }, spaced(code))));
  tools.changed();
}

export async function showOutgoing(tools, { request, state, amount, name, to_issuer: toIssuer, own }) {
  const dialog = openDialog('Payment');
  if (toIssuer) {
    return dialog.show(own ? 'Own money moved back' : 'Moved to the wallet',
      h('p', { class: 'sum-amount' }, money(amount, tools.currency)),
      h('p', { class: 'soft' }, state === 'settled'
        ? `Florin has it. ${own ? 'It is available once nobody can claim it any more.' : ''}`
        : 'It goes with the next sync.'));
  }
  const shown = await show(tools.wid, request);
  await showPaid(tools, dialog, shown, { amount, name });
  const isOpen = state === 'signed' || state === 'shown';
  if (!isOpen) return undefined;
  const undelivered = h('button', { class: 'button quiet wide', type: 'button' }, 'They did not get it');
  undelivered.addEventListener('click', async () => {
    setBusy(undelivered, true);
    try {
      await giveUp(tools.wid, request);
      dialog.close();
      toast('Marked as not delivered. The money comes back unless they show the payment after all.');
      await tools.changed();
    } catch (error) {
      toast(wordsOf(error) ?? explain(error, tools.currency));
    } finally {
      setBusy(undelivered, false);
    }
  });
  return dialog.add(undelivered);
}

// Receiving.

async function confirmReceipt(tools, dialog, object) {
  const payment = await weigh(tools.wid, object);
  if (payment.amount <= payment.guaranteed) return takePayment(tools, dialog, object, payment);
  const { element } = form({
    fields: [], action: 'Take it anyway', currency: tools.currency,
    act: () => takePayment(tools, dialog, object, payment).catch(refuse),
  });
  return dialog.show('Only partly guaranteed',
    h('p', { class: 'sum-amount' }, money(payment.amount, tools.currency)),
    h('p', { class: 'notice' }, `Should the payer have cheated, Florin covers ${inWords(payment.guaranteed, tools.currency)} of it.`),
    element);
}

async function takePayment(tools, dialog, object, { amount }) {
  const taken = await accept(tools.wid, object, amount);
  await tools.refresh();
  dialog.show('Received',
    h('div', { class: 'sum' },
      h('span', { class: 'sum-mark' }, icon('check')),
      h('p', { class: 'sum-amount' }, money(taken.amount, tools.currency)),
      h('p', { class: 'soft' }, 'The payer sees the same number:'),
      h('p', { class: 'code-number', 'aria-label': 'Number to compare' }, spaced(taken.code))),
    h('button', { class: 'button quiet wide', type: 'button', onclick: () => showWord(tools, dialog, taken.request) }, 'Show a receipt'),
    h('button', { class: 'button wide', type: 'button', 'data-first': true, onclick: dialog.close }, 'Done'));
  tools.changed();
}

export function showIncoming(tools, { request, amount, left, code, memo }) {
  const dialog = openDialog('Received');
  dialog.show('Received',
    h('div', { class: 'sum' },
      h('p', { class: 'sum-amount' }, money(amount, tools.currency)),
      memo && h('p', {}, memo),
      h('p', { class: 'code-number', 'aria-label': 'Number to compare' }, spaced(code))),
    h('p', { class: 'soft' }, left === 0
      ? 'All of it was spent or moved on.'
      : `${inWords(left, tools.currency)} of it can be spent offline or moved to your wallet.`),
    h('button', { class: 'button wide', type: 'button', onclick: () => showWord(tools, dialog, request) }, 'Show a receipt'));
}

async function showWord(tools, dialog, request) {
  const word = await acknowledgement(tools.wid, request);
  await showCode(dialog, 'Your receipt', word, h('p', { class: 'soft' }, 'If the payer wants to be sure, let them scan this.'));
}

// Words.

const spaced = (code) => `${code.slice(0, 3)} ${code.slice(3)}`;

/** A rule's refusal stands in the form, in words. */
function refuse(error) {
  const sentence = wordsOf(error);
  if (sentence === null) throw error;
  throw new FieldError(/amount|funds|sources|limit/.test(error.refusal) ? 'amount' : null, sentence);
}
