// The offline wallet: what can be spent without a network, and everything that becomes of it. Nothing on
// this screen waits for the server; it syncs by itself whenever the server can be reached.

import { Unreachable } from '../api.js';
import { coin, h, icon, money, redraw, toast } from '../dom.js';
import { explain, setBusy } from '../forms.js';
import { inWords } from '../money.js';
import { describe, enrol, resume, sync } from '../offline/device.js';
import { loadProtocol } from '../offline/protocol.js';
import { wordsOf } from '../offline/refusals.js';
import { walletsOf } from '../offline/store.js';
import { askOffline, scan, showIncoming, showOutgoing, showRequest } from './offlinecodes.js';
import { moveBack, showDevices, topUpOffline } from './offlinemoney.js';

/** After this long a person is reminded to go online: records are best known to the server soon. */
const nudgeSeconds = 3 * 86_400;
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/**
 * Shows the offline wallets of `account`. `user` is null where nobody could be asked who is here. Returns
 * how to leave.
 */
export function showOffline(app, { user, account, currency, onBack }) {
  const place = {
    state: h('span', { class: 'live', role: 'status' }),
    tabs: h('div', { class: 'wallets', role: 'group', 'aria-label': 'Currency' }),
    balance: h('section', { class: 'balance', 'aria-label': 'Offline balance' }),
    actions: h('div', { class: 'actions is-many' }),
    notice: h('p', { class: 'notice', hidden: true }),
    history: h('section', { class: 'panel history', 'aria-labelledby': 'offline-history' }),
  };
  const page = { rows: [], row: null, device: null };
  let isHere = true;

  app.replaceChildren(
    h('header', { class: 'topbar' },
      h('div', { class: 'topbar-inner' },
        h('h1', { class: 'topbar-name' }, h('img', { src: '/icon.svg', alt: '' }), 'Offline money'),
        place.state,
        h('button', { class: 'icon-button', type: 'button', 'aria-label': 'Back to the wallet', title: 'Back to the wallet', onclick: onBack },
          icon('close')))),
    h('main', { class: 'wallet' },
      h('div', { class: 'wallet-side' }, place.tabs, place.balance, place.actions, place.notice), place.history));

  const whenOnline = () => { showNetwork(); syncNow({ quiet: true }); };
  addEventListener('online', whenOnline);
  addEventListener('offline', showNetwork);
  const timer = setInterval(() => { if (navigator.onLine) syncNow({ quiet: true }); }, 60_000);
  showNetwork();
  start().catch((error) => say(error));
  return () => {
    isHere = false;
    clearInterval(timer);
    removeEventListener('online', whenOnline);
    removeEventListener('offline', showNetwork);
  };

  async function start() {
    await loadProtocol();
    page.rows = await walletsOf(account);
    page.row = page.rows.findLast((row) => row.currency === currency) ?? page.rows.at(-1) ?? null;
    // Where the wallet that was asked for is missing, it is offered.
    if (user !== null && page.row?.currency !== currency) page.row = null;
    if (!isHere) return;
    if (page.row === null) return offer();
    await resume(page.row.wid);
    await refresh();
    syncNow({ quiet: true });
  }

  async function refresh() {
    if (!isHere || page.row === null) return;
    page.device = await describe(page.row.wid);
    showTabs();
    showBalance();
    showActions();
    showHistory();
  }

  async function syncNow({ quiet = false } = {}) {
    if (page.row === null) return;
    try {
      await sync(page.row.wid);
      if (isHere) await refresh();
    } catch (error) {
      if (isHere && !(quiet && error instanceof Unreachable)) say(error);
    }
  }

  function say(error) {
    toast(wordsOf(error) ?? explain(error, currency));
  }

  /** What a dialog does to the wallet, and what follows. */
  function tools() {
    return {
      wid: page.row.wid, currency: page.row.currency, device: page.device, refresh,
      changed: async () => { await refresh(); syncNow({ quiet: true }); },
    };
  }

  // Drawing.

  function showNetwork() {
    place.state.classList.toggle('is-on', navigator.onLine);
    place.state.textContent = navigator.onLine ? 'Network' : 'No network';
  }

  function offer() {
    const button = h('button', { class: 'button', type: 'button' }, 'Set it up');
    button.addEventListener('click', async () => {
      setBusy(button, true);
      try {
        await enrol(user, currency);
        await start();
      } catch (error) {
        say(error);
      } finally {
        setBusy(button, false);
      }
    });
    place.tabs.hidden = true;
    place.balance.hidden = true;
    place.history.replaceChildren(h('div', { class: 'empty' }, coin('empty-coin'),
      h('h2', { id: 'offline-history' }, 'Pay without a network'),
      h('p', {}, `Put some ${currency} aside on this device, and pay by showing and scanning codes where there is no network.`),
      user === null ? h('p', {}, 'To set it up, this device needs a network once.') : button));
  }

  function showTabs() {
    place.tabs.hidden = page.rows.length < 2;
    redraw(place.tabs, ...(page.rows.length < 2 ? [] : page.rows.map((row) => h('button', {
      class: 'wallet-tab', type: 'button', 'aria-pressed': String(row === page.row),
      onclick: () => { page.row = row; refresh(); },
    }, row.currency))));
  }

  function showBalance() {
    const { device } = page;
    const code = page.row.currency;
    place.balance.hidden = false;
    place.balance.replaceChildren(
      coin('cover-coin'),
      h('p', { class: 'balance-label' }, 'Offline', h('span', { class: 'balance-handle' }, `@${page.row.username}`)),
      h('p', { class: 'balance-amount', 'data-offline': device.balance }, money(device.balance, code)),
      h('p', { class: 'balance-held' }, `Up to ${inWords(device.payable, code)} in one payment`));
    const since = Math.floor(Date.now() / 1000) - device.syncedAt;
    const isLate = device.syncedAt > 0 && since > nudgeSeconds;
    place.notice.hidden = false;
    place.notice.classList.toggle('is-bad', isLate);
    place.notice.textContent = device.syncedAt === 0
      ? 'Not synced yet.'
      : `Last synced ${moment.format(new Date(device.syncedAt * 1000))}. ${isLate ? 'Please go online soon. ' : ''}`
        + `Valid until ${moment.format(new Date(device.expires_at * 1000))}.`;
  }

  function showActions() {
    const action = (name, words, kind, act) =>
      h('button', { class: `button ${kind}`, type: 'button', onclick: () => act(tools()) }, name && icon(name), words);
    redraw(place.actions,
      action('send', 'Pay', '', scan),
      action('request', 'Ask', 'quiet', askOffline),
      action('add', 'Top up', 'quiet', topUpOffline),
      action('back', 'Move back', 'quiet', moveBack),
      action('', 'Sync', 'quiet', () => syncNow()),
      action('', 'Devices', 'quiet', showDevices));
  }

  function showHistory() {
    const { outgoing, received, asked } = page.device;
    const open = asked.filter((each) => each.open).map((each) => ({
      time: each.time, title: each.memo || 'Your request', detail: 'Waiting to be paid', amount: each.amount, mark: 'request',
      open: () => showRequest(tools(), each),
    }));
    const rows = [
      ...outgoing.map((each) => ({
        time: each.time, title: titleOf(each), detail: joined(each.memo, stateOf(each)), amount: each.amount, mark: 'send',
        open: () => showOutgoing(tools(), each),
      })),
      ...received.map((each) => ({
        time: each.time, title: 'Received', detail: joined(each.memo, detailOf(each)), amount: each.amount, mark: 'request', isIn: true,
        open: () => showIncoming(tools(), each),
      })), ...open].sort((a, b) => b.time - a.time);
    place.history.replaceChildren(
      h('div', { class: 'panel-head' }, h('h2', { id: 'offline-history' }, 'Offline history')),
      ...(rows.length > 0 ? rows.map(entry) : [h('div', { class: 'empty' }, coin('empty-coin'),
        h('strong', {}, 'Nothing yet'), h('p', {}, 'Top up while there is a network. Then ask or pay anywhere.'))]));
  }

  function entry({ title, detail, amount, time, mark, isIn = false, open }) {
    return h('button', { class: 'entry', type: 'button', onclick: open },
      h('span', { class: `entry-mark${isIn ? ' is-in' : ''}`, 'aria-hidden': 'true' }, icon(mark)),
      h('span', { class: 'entry-words' }, h('span', { class: 'entry-who' }, title), h('span', { class: 'entry-note' }, detail)),
      h('span', { class: 'entry-sums' },
        h('span', { class: `entry-amount${isIn ? ' is-in' : ''}` },
          amount === 0 ? 'Any amount' : money(amount, page.row.currency, { signed: isIn ? '+' : '' })),
        h('span', { class: 'entry-time' }, moment.format(new Date(time * 1000)))));
  }
}

const joined = (memo, state) => (memo ? `${memo} · ${state}` : state);

function titleOf({ to_issuer: toIssuer, own, name }) {
  if (toIssuer) return own ? 'Own money moved back' : 'Moved to the wallet';
  return `To ${name ?? 'somebody'}`;
}

function stateOf({ state, to_issuer: toIssuer }) {
  switch (state) {
    case 'settled': return 'Settled';
    case 'acknowledged': return 'They have it';
    case 'undelivered': return 'Not delivered';
    default: return toIssuer ? 'On its way' : 'Not settled yet';
  }
}

function detailOf({ left, settled }) {
  if (left === 0) return 'Spent or moved on';
  return settled ? 'Known to Florin' : 'Not synced yet';
}
