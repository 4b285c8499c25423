// The dialogs that move money or ask for it. A payment is shown with its fee before it is made, and its
// idempotency key is made with it, so that trying again after a lost answer never pays twice.

import { idempotencyKey, post, Unreachable } from '../api.js';
import { h, icon, money, openDialog, toast } from '../dom.js';
import { explain, field, FieldError, form, setBusy } from '../forms.js';
import { inWords, placesOf, read } from '../money.js';
import { proven } from '../proof.js';
import { nameOf } from './entries.js';

const noteCharactersMax = '140';
// What a server offers unless its operator says otherwise; it explains itself when one is refused.
export const offeredCurrencies = ['KES', 'UGX', 'TZS', 'NGN', 'USD', 'EUR'];

export function sendMoney({ wallet, onDone }) {
  const dialog = openDialog('Send money');
  const fields = [
    personField('to', 'To'), amountField(wallet, `${inWords(wallet.available, wallet.currency)} available`),
    noteField(),
  ];
  const { element } = form({ fields, action: 'Continue', currency: wallet.currency, act: preview });
  const fill = () => dialog.show('Send money', element);
  fill();

  async function preview(values) {
    const payment = paymentOf('to', values, wallet);
    const quote = await post('/v1/transfers/preview', payment);
    if (!quote.sufficient) throw new FieldError('amount', tooLittle(quote));
    confirm(dialog, {
      quote, note: payment.note, words: 'Send', backWords: 'Back', onBack: fill, onDone,
      pay: (key) => post('/v1/transfers', payment, { key }),
    });
  }
}

/** Pays what somebody asked for, after a look at the fee. */
export async function payRequest({ request, onDone }) {
  const { to, amount, currency, note } = request;
  const quote = await post('/v1/transfers/preview', { to, amount, currency });
  const dialog = openDialog('Pay');
  confirm(dialog, {
    quote, note, words: 'Pay', backWords: 'Not now', onBack: dialog.close, onDone,
    pay: async (key) => {
      const { transfer } = await post(`/v1/requests/${request.id}/acceptances`, undefined, { key });
      return transfer;
    },
  });
}

/** What will be paid, fee included, and the button that pays it. */
function confirm(dialog, { quote, note, words, backWords, onBack, onDone, pay }) {
  const key = idempotencyKey();
  const { currency } = quote;
  const notice = h('p', { class: 'notice is-bad', role: 'alert', hidden: quote.sufficient },
    quote.sufficient ? '' : tooLittle(quote));
  const button = h('button', { class: 'button', type: 'button', 'data-first': true }, `${words} `,
    money(quote.total, currency));
  const back = h('button', { class: 'button quiet', type: 'button', onclick: onBack }, backWords);
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-disabled') === 'true') return;
    setBusy(button, true);
    notice.hidden = true;
    try {
      receipt(dialog, await proven(() => pay(key)));
      onDone();
    } catch (error) {
      const isUnknown = error instanceof Unreachable;
      notice.textContent = isUnknown
        ? 'No answer came, so we cannot say yet whether it was sent. Try again: it will not be sent twice.'
        : explain(error, currency);
      notice.hidden = false;
      if (isUnknown) button.textContent = 'Try again';
    } finally {
      setBusy(button, false);
    }
  });
  dialog.show('Is this right?',
    h('div', { class: 'sum' },
      h('p', { class: 'sum-amount' }, money(quote.amount, currency)),
      h('p', { class: 'soft' }, `to ${nameOf(quote.to)}`)),
    h('dl', { class: 'facts' },
      fact('Fee', quote.fee === 0 ? 'None' : money(quote.fee, currency)),
      fact('You pay', money(quote.total, currency), 'is-total'),
      note ? fact('Note', note) : ''),
    notice, h('div', { class: 'dialog-actions' }, back, button));
}

function receipt(dialog, transfer) {
  dialog.show('Sent',
    h('div', { class: 'sum' },
      h('span', { class: 'sum-mark' }, icon('check')),
      h('p', { class: 'sum-amount' }, money(transfer.amount, transfer.currency)),
      h('p', { class: 'soft' }, `to ${nameOf(transfer.to)}`)),
    h('dl', { class: 'facts' },
      fact('Now available', money(transfer.balance.available, transfer.currency)),
      fact('Reference', h('span', { class: 'reference' }, transfer.id))),
    h('button', { class: 'button wide', type: 'button', 'data-first': true, onclick: dialog.close }, 'Done'));
}

export function requestMoney({ wallet, onDone }) {
  const dialog = openDialog('Request money');
  const fields = [personField('from', 'From'), amountField(wallet), noteField()];
  const { element } = form({
    fields, action: 'Ask', currency: wallet.currency,
    act: async (values) => {
      const request = await post('/v1/requests', paymentOf('from', values, wallet));
      dialog.close();
      toast(`You asked ${nameOf(request.from)} for ${inWords(request.amount, request.currency)}`);
      onDone();
    },
  });
  dialog.show('Request money', element);
}

export function topUp({ wallet, onDone }) {
  const dialog = openDialog('Top up');
  let key = idempotencyKey();
  const amount = amountField(wallet);
  amount.control.addEventListener('input', () => { key = idempotencyKey(); });
  const { element } = form({
    fields: [amount], action: 'Top up', currency: wallet.currency,
    before: [h('p', { class: 'notice is-sandbox' }, 'Sandbox: this is pretend money, as much as you like.')],
    act: async (values) => {
      const body = { amount: amountOf(values.amount, wallet), currency: wallet.currency };
      await post('/sandbox/topups', body, { key });
      dialog.close();
      onDone();
    },
  });
  dialog.show('Top up', element);
}

export function openWallet({ taken, onDone }) {
  const dialog = openDialog('Add currency');
  const currency = field({
    name: 'currency', label: 'Currency', options: offeredCurrencies.filter((code) => !taken.includes(code)),
  });
  const { element } = form({
    fields: [currency], action: 'Add',
    act: async (values) => {
      const wallet = await post('/v1/wallets', values);
      dialog.close();
      onDone(wallet);
    },
  });
  dialog.show('Add currency', element);
}

function personField(name, label) {
  return field({
    name, label, hint: 'Username, phone or e-mail',
    attributes: { autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' },
  });
}

function amountField(wallet, hint) {
  return field({
    name: 'amount', label: 'Amount', hint, prefix: wallet.currency, kind: 'money',
    attributes: {
      inputmode: placesOf(wallet.currency) === 0 ? 'numeric' : 'decimal', autocomplete: 'off',
      placeholder: placesOf(wallet.currency) === 0 ? '0' : `0.${'0'.repeat(placesOf(wallet.currency))}`,
      'aria-label': `Amount in ${wallet.currency}`,
    },
  });
}

function noteField() {
  return field({
    name: 'note', label: 'Note', optional: true, attributes: { autocomplete: 'off', maxlength: noteCharactersMax },
  });
}

/** What both sending and asking put on the wire. */
function paymentOf(person, values, wallet) {
  const body = { [person]: values[person].replace(/^@/, ''), amount: amountOf(values.amount, wallet), currency: wallet.currency };
  if (values.note !== '') body.note = values.note;
  return body;
}

function amountOf(text, wallet) {
  try {
    return read(text, wallet.currency);
  } catch (error) {
    throw new FieldError('amount', error.message);
  }
}

function tooLittle({ available, fee, currency }) {
  const words = `You have ${inWords(available, currency)} available`;
  return fee === 0 ? `${words}.` : `${words}, and the fee is ${inWords(fee, currency)}.`;
}

function fact(name, value, className) {
  return h('div', { class: className }, h('dt', {}, name), h('dd', {}, value));
}
