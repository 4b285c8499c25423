// One entry of a wallet: as a row of the history, and opened.

import { h, icon, money, openDialog } from '../dom.js';

const dayWords = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dayAndYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const timeWords = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const momentWords = new Intl.DateTimeFormat(undefined, { dateStyle: 'long', timeStyle: 'medium' });

/** "@asha" for a person; what the server calls it for anything else. */
export function nameOf(counterparty) {
  if (counterparty === null || counterparty === undefined) return 'Florin';
  if (typeof counterparty === 'string') return `@${counterparty}`;
  return counterparty.username ? `@${counterparty.username}` : counterparty.name ?? 'Florin';
}

export function titleOf(entry) {
  const isIn = entry.direction === 'in';
  switch (entry.kind) {
    case 'topup': case 'top_up': return 'Top-up';
    case 'fee': return 'Fee';
    case 'reversal': return isIn ? `Returned by ${nameOf(entry.counterparty)}` : `Returned to ${nameOf(entry.counterparty)}`;
    default: return isIn ? `From ${nameOf(entry.counterparty)}` : `To ${nameOf(entry.counterparty)}`;
  }
}

export function dayOf(entry) {
  const day = new Date(entry.created_at);
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (day.toDateString() === today.toDateString()) return 'Today';
  if (day.toDateString() === yesterday.toDateString()) return 'Yesterday';
  return (day.getFullYear() === today.getFullYear() ? dayWords : dayAndYear).format(day);
}

export function entryRow(entry, { isNew, onOpen }) {
  const isIn = entry.direction === 'in';
  return h('button', { class: `entry${isNew ? ' is-new' : ''}`, type: 'button', 'data-entry': entry.id, onclick: onOpen },
    h('span', { class: `entry-mark${isIn ? ' is-in' : ''}`, 'aria-hidden': 'true' }, mark(entry)),
    h('span', { class: 'entry-words' },
      h('span', { class: 'entry-who' }, titleOf(entry)),
      entry.note && h('span', { class: 'entry-note' }, entry.note)),
    h('span', { class: 'entry-sums' },
      h('span', { class: `entry-amount${isIn ? ' is-in' : ''}` }, amountOf(entry)),
      h('span', { class: 'entry-time' }, timeWords.format(new Date(entry.created_at)))));
}

export function showEntry(entry) {
  const fact = (name, ...value) => h('div', {}, h('dt', {}, name), h('dd', {}, ...value));
  const dialog = openDialog(titleOf(entry));
  dialog.show(titleOf(entry),
    h('div', { class: 'sum' }, h('p', { class: 'sum-amount' }, amountOf(entry)),
      entry.note && h('p', { class: 'soft' }, entry.note)),
    h('dl', { class: 'facts' },
      fact('When', momentWords.format(new Date(entry.created_at))),
      entry.balance && fact('Balance after', money(entry.balance.posted, entry.currency)),
      fact('Reference', h('span', { class: 'reference' }, entry.id))));
}

function amountOf(entry) {
  return money(entry.amount, entry.currency, { signed: entry.direction === 'in' ? '+' : '−' });
}

function mark(entry) {
  if (entry.kind === 'topup' || entry.kind === 'top_up') return icon('add');
  if (entry.kind === 'reversal') return icon('back');
  const name = nameOf(entry.counterparty).replace(/^@/, '');
  return [...name][0]?.toUpperCase() ?? 'ƒ';
}
