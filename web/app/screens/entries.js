// One entry of a wallet: as a row of the history, and opened.

import { h, icon, money, openDialog } from '../dom.js';

const dayWords = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });
const dayAndYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' });
const timeWords = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const momentWords = new Intl.DateTimeFormat(undefined, { dateStyle: 'long', timeStyle: 'medium' });

/** "@asha" for a person; the operator's own accounts have no name. */
export function nameOf(username) {
  return username ? `@${username}` : 'Florin';
}

/** A hold, and its end without a capture, change what is available but move nothing. */
export function movesMoney(entry) {
  return !['hold', 'void', 'expiry'].includes(entry.kind);
}

export function titleOf(entry) {
  const isIn = entry.direction === 'in';
  const who = nameOf(entry.counterparty);
  switch (entry.kind) {
    case 'hold': return isIn ? `Held for you by ${who}` : `Held for ${who}`;
    case 'void': return isIn ? `Hold released to ${who}` : `Hold released by ${who}`;
    case 'expiry': return `Hold with ${who} expired`;
    case 'reversal': return isIn ? `Returned by ${who}` : `Returned to ${who}`;
    default:
  }
  switch (entry.purpose) {
    case 'top_up': return 'Top-up';
    case 'fee': return 'Fee';
    default: return isIn ? `From ${who}` : `To ${who}`;
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
  const isIn = entry.direction === 'in' && movesMoney(entry);
  return h('button', { class: `entry${isNew ? ' is-new' : ''}`, type: 'button', 'data-entry': entry.id, onclick: onOpen },
    h('span', { class: `entry-mark${isIn ? ' is-in' : ''}`, 'aria-hidden': 'true' }, mark(entry)),
    h('span', { class: 'entry-words' },
      h('span', { class: 'entry-who' }, titleOf(entry)),
      entry.note && h('span', { class: 'entry-note' }, entry.note)),
    h('span', { class: 'entry-sums' },
      h('span', { class: `entry-amount${isIn ? ' is-in' : ''}${movesMoney(entry) ? '' : ' soft'}` }, amountOf(entry)),
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
  const sign = entry.direction === 'in' ? '+' : '−';
  return money(entry.amount, entry.currency, { signed: movesMoney(entry) ? sign : '' });
}

function mark(entry) {
  if (!movesMoney(entry)) return icon('hold');
  if (entry.purpose === 'top_up') return icon('add');
  if (entry.kind === 'reversal') return icon('back');
  return [...entry.counterparty ?? 'ƒ'][0].toUpperCase();
}
