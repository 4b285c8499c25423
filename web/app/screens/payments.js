// The dialogs that move money or ask for it. A payment is shown with its fee before it is made, and its
// idempotency key is made with it, so that trying again after a lost answer never pays twice.

import { idempotencyKey, post, Unreachable } from '../api.js';
import { h, icon, money, openDialog, toast } from '../dom.js';
import { explain, field, FieldError, form, setBusy } from '../forms.js';
import { inWords, placesOf, read } from '../money.js';
import { nameOf } from './entries.js';

const noteCharactersMax = '140';
const offeredCurrencies = ['KES', 'UGX', 'TZS', 'RWF', 'NGN', 'GHS', 'ZAR', 'USD', 'EUR', 'GBP'];

export function sendMoney({ wallet, onDone }) {
  const dialog = openDialog('Send money');
  const fields = [
    personField('to', 'To'), amountField(wallet, `${inWords(wallet.available, wallet.currency)} available`),
    noteField(),
  ];
  const { element } = form({ fields, action: 'Continue', act: preview });
  fill();

  function fill() {
    dialog.show('Send money', element);
  }

  async function preview(values) {
    const payment = paymentOf('to', values, wallet);
    const { note: _, ...body } = payment;
    confirm(payment, await post('/v1/transfers/preview', body));
  }

  function confirm(payment, shown) {
    const key = idempotencyKey();
    const total = shown.total ?? payment.amount + Number(shown.fee);
    const notice = h('p', { class: 'notice is-bad', role: 'alert', hidden: true });
    const send = h('button', { class: 'button', type: 'button', 'data-first': true }, 'Send ',
      money(total, payment.currency));
    const back = h('button', { class: 'button quiet', type: 'button', onclick: fill }, 'Back');
    send.addEventListener('click', async () => {
      if (send.getAttribute('aria-disabled') === 'true') return;
      setBusy(send, true);
      notice.hidden = true;
      try {
        receipt(payment, await post('/v1/transfers', payment, { key }));
        onDone();
      } catch (error) {
        notice.textContent = error instanceof Unreachable
          ? 'No answer came, so we cannot say yet whether it was sent. Try again: it will not be sent twice.'
          : explain(error);
        notice.hidden = false;
        send.textContent = 'Try again';
      } finally {
        setBusy(send, false);
      }
    });
    dialog.show('Is this right?',
      h('div', { class: 'sum' },
        h('p', { class: 'sum-amount' }, money(payment.amount, payment.currency)),
        h('p', { class: 'soft' }, `to ${recipientOf(shown, payment)}`)),
      h('dl', { class: 'facts' },
        fact('Fee', shown.fee === 0 ? 'None' : money(shown.fee, payment.currency)),
        fact('You pay', money(total, payment.currency), 'is-total'),
        payment.note && fact('Note', payment.note)),
      notice, h('div', { class: 'dialog-actions' }, back, send));
  }

  function receipt(payment, transfer) {
    dialog.show('Sent',
      h('div', { class: 'sum' },
        h('span', { class: 'sum-mark' }, icon('check')),
        h('p', { class: 'sum-amount' }, money(transfer.amount, transfer.currency)),
        h('p', { class: 'soft' }, `to ${recipientOf(transfer, payment)}`)),
      h('dl', { class: 'facts' },
        fact('Now available', money(transfer.balance.available, transfer.currency)),
        fact('Reference', h('span', { class: 'reference' }, transfer.id))),
      h('button', { class: 'button wide', type: 'button', 'data-first': true, onclick: dialog.close }, 'Done'));
  }
}

export function requestMoney({ wallet, onDone }) {
  const dialog = openDialog('Request money');
  const fields = [personField('from', 'From'), amountField(wallet), noteField()];
  const { element } = form({
    fields, action: 'Ask',
    act: async (values) => {
      const request = paymentOf('from', values, wallet);
      await post('/v1/requests', request, { key: idempotencyKey() });
      dialog.close();
      toast(`You asked ${request.from} for ${inWords(request.amount, request.currency)}`);
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
    fields: [amount], action: 'Top up',
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
      const wallet = await post('/v1/wallets', values, { key: idempotencyKey() });
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

function recipientOf(answer, payment) {
  if (answer.to !== null && typeof answer.to === 'object') return nameOf(answer.to);
  const name = answer.to ?? payment.to;
  return /^[+\d]|@/.test(name) ? name : `@${name}`;
}

function fact(name, value, className) {
  return h('div', { class: className }, h('dt', {}, name), h('dd', {}, value));
}
