// Money between the wallet and its offline part, and the devices that have one. All of it takes a network.

import { get, idempotencyKey } from '../api.js';
import { h, openDialog, toast } from '../dom.js';
import { explain, form, setBusy } from '../forms.js';
import { inWords } from '../money.js';
import { deposit, reportLost, topUp } from '../offline/device.js';
import { proven } from '../proof.js';
import { amountField, amountOf } from './payments.js';

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export function topUpOffline(tools) {
  const dialog = openDialog('Top up');
  let key = idempotencyKey();
  const amount = amountField(tools);
  amount.control.addEventListener('input', () => { key = idempotencyKey(); });
  const { element } = form({
    fields: [amount], action: 'Top up', currency: tools.currency,
    before: [h('p', { class: 'soft' }, 'It leaves your wallet and can be spent from this device without a network.')],
    act: async (values) => {
      await proven(() => topUp(tools.wid, amountOf(values.amount, tools), key));
      dialog.close();
      await tools.changed();
    },
  });
  dialog.show('Top up', element);
}

export function moveBack(tools) {
  const dialog = openDialog('Move back');
  const { received, own } = tools.device;
  const left = received.reduce((sum, each) => sum + each.left, 0);
  const move = (sentence, ownPart) => async () => {
    await deposit(tools.wid, ownPart);
    dialog.close();
    toast(sentence);
    await tools.changed();
  };
  const part = (words, note, act) => [
    h('p', { class: 'soft' }, note), form({ fields: [], action: words, currency: tools.currency, act }).element];
  dialog.show('Move back',
    ...(left === 0 ? [] : part(`Move ${inWords(left, tools.currency)} to the wallet`,
      'What you received is available as soon as Florin hears of it.', move('On its way to your wallet', 0))),
    ...(own === 0 ? [] : part(`Move all, ${inWords(tools.device.balance, tools.currency)}`,
      'What you put aside yourself may have to wait until nobody can claim it any more.', move('On its way to your wallet', own))),
    left + own === 0 && h('p', { class: 'soft' }, 'There is nothing in your offline wallet.'));
}

export async function showDevices(tools) {
  const dialog = openDialog('Devices with offline money');
  try {
    const { data } = await get('/v1/offline/wallets');
    dialog.show('Devices with offline money',
      h('p', { class: 'soft' }, 'Report a lost device: what is left on it comes back when nobody can claim it any more.'),
      h('ul', { class: 'requests' }, data.map((each) => device(each, tools, dialog))));
  } catch (error) {
    dialog.show('Devices with offline money', h('p', { class: 'notice is-bad', role: 'alert' }, explain(error)));
  }
}

function device(each, tools, dialog) {
  const isThis = each.wallet === tools.wid;
  const lost = h('button', { class: 'button quiet compact', type: 'button' }, 'Report lost');
  lost.addEventListener('click', async () => {
    setBusy(lost, true);
    try {
      await proven(() => reportLost(each.wallet));
      dialog.close();
      toast('Reported as lost. Nothing can be spent from it for long any more.');
      await tools.changed();
    } catch (error) {
      toast(explain(error));
    } finally {
      setBusy(lost, false);
    }
  });
  return h('li', { class: 'request' },
    h('div', { class: 'request-words' },
      h('span', {}, `${each.currency}${isThis ? ', this device' : ''}`),
      h('span', { class: 'soft small' }, each.status === 'live'
        ? `May be claimed until ${moment.format(new Date(each.claim_by))}`
        : `Over: ${each.status}`)),
    each.status === 'live' && h('div', { class: 'request-actions' }, lost));
}
