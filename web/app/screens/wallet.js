// The wallet: what one has, what came and went, and what is asked of one. It is updated live; every
// number on it was computed by the server.

import { get, logOut, post } from '../api.js';
import { coin, h, icon, money, redraw, toast } from '../dom.js';
import { follow } from '../events.js';
import { explain, setBusy } from '../forms.js';
import { inWords } from '../money.js';
import { dayOf, entryRow, movesMoney, nameOf, showEntry, titleOf } from './entries.js';
import { offeredCurrencies, openWallet, payRequest, requestMoney, sendMoney, topUp } from './payments.js';
import { showSecurity } from './security.js';

const entriesPerPage = 20;

/** Shows the wallet of `user`, or its skeleton while `user` is not known yet. Returns how to leave. */
export function showWallet(app, { user, sandbox, onLeave }) {
  const place = {
    live: h('span', { class: 'live', role: 'status' }),
    wallets: h('div', { class: 'wallets', role: 'group', 'aria-label': 'Currency' }),
    balance: h('section', { class: 'balance', 'aria-label': 'Balance' }),
    actions: h('div', { class: 'actions' }),
    requests: h('section', { class: 'panel', 'aria-labelledby': 'requests-title', hidden: true }),
    history: h('section', { class: 'panel history', 'aria-labelledby': 'history-title' }),
  };
  const page = { wallets: [], chosen: null, entries: [], cursor: null, requests: [] };
  let generation = 0;
  let isLive = false;

  app.replaceChildren(
    h('a', { class: 'skip', href: '#history' }, 'Skip to history'),
    h('header', { class: 'topbar' },
      h('div', { class: 'topbar-inner' },
        h('h1', { class: 'topbar-name' }, h('img', { src: '/icon.svg', alt: '' }), 'Florin'),
        sandbox && h('span', { class: 'chip', title: 'Pretend money: nothing here is real' }, 'Sandbox'),
        place.live,
        user && h('span', { class: 'topbar-user', title: `@${user.username}` }, `@${user.username}`),
        user && h('button', { class: 'icon-button', type: 'button', 'aria-label': 'Security', title: 'Security', onclick: () => showSecurity(user) },
          icon('shield')),
        user && h('button', { class: 'icon-button', type: 'button', 'aria-label': 'Log out', title: 'Log out', onclick: leaveForGood },
          icon('leave')))),
    h('main', { class: 'wallet' },
      h('div', { class: 'wallet-side' }, place.wallets, place.balance, place.actions, place.requests),
      place.history));
  showSkeleton();
  if (user === null) return () => {};

  const stop = follow({
    onEvent: (event) => {
      if (event.name === 'entry') takeEntry(event.data);
      if (event.name === 'request') loadRequests();
      // A gap: more happened while away than is told one by one.
      if (event.name === 'wallet' || event.name === 'gap') load();
    },
    onOpen: () => {
      // What happened before the stream was open is only in the history.
      showLive(true);
      load();
    },
    onLost: () => showLive(false),
  });
  load();
  return stop;

  async function leaveForGood() {
    stop();
    await logOut().catch(() => {});
    onLeave('You are logged out.');
  }

  // Loading. Answers of a load that a newer one has overtaken are dropped.

  async function load() {
    const mine = generation += 1;
    try {
      const { data } = await get('/v1/wallets');
      if (mine !== generation) return;
      page.wallets = data;
      page.chosen = data.find((wallet) => wallet.id === page.chosen?.id) ?? data[0] ?? null;
      showWallets();
      showBalance();
      showActions();
      loadRequests();
      if (page.chosen === null) return showNoWallet();
      const { data: entries, next_cursor: cursor } = await get(entriesPath());
      if (mine !== generation) return;
      Object.assign(page, { entries, cursor });
      showHistory();
    } catch (error) {
      if (mine === generation) showFault(error);
    }
  }

  /** While the stream is open, it tells of one's own payments too. */
  function loadUnlessLive() {
    if (!isLive) load();
  }

  async function loadEarlier(button) {
    const mine = generation;
    setBusy(button, true);
    try {
      const { data, next_cursor: cursor } = await get(entriesPath(page.cursor));
      if (mine !== generation) return;
      const first = data[0]?.id;
      Object.assign(page, { entries: [...page.entries, ...data], cursor });
      showHistory();
      place.history.querySelector(`[data-entry="${first}"]`)?.focus();
    } catch (error) {
      setBusy(button, false);
      toast(explain(error));
    }
  }

  async function loadRequests() {
    try {
      const { data } = await get('/v1/requests');
      page.requests = data.filter((request) => request.status === 'pending');
      showRequests();
    } catch (error) {
      toast(explain(error));
    }
  }

  function entriesPath(cursor) {
    const query = new URLSearchParams({ limit: entriesPerPage });
    if (cursor) query.set('cursor', cursor);
    return `/v1/wallets/${page.chosen.id}/entries?${query}`;
  }

  // Live.

  function takeEntry({ wallet_id: walletID, entry }) {
    // A stream that was resumed may repeat what the history already showed, with an older balance.
    if (page.entries.some((each) => each.id === entry.id)) return;
    if (entry.direction === 'in' && movesMoney(entry)) toast(`${titleOf(entry)}: ${inWords(entry.amount, entry.currency)}`);
    const newest = page.entries[0]?.created_at ?? entry.created_at;
    if (walletID !== page.chosen?.id || Date.parse(entry.created_at) < Date.parse(newest)) {
      load();
      return;
    }
    Object.assign(page.chosen, entry.balance);
    page.entries.unshift(entry);
    showBalance({ changed: true });
    showHistory(entry.id);
  }

  // Drawing.

  function showLive(isOn) {
    isLive = isOn;
    place.live.classList.toggle('is-on', isOn);
    place.live.textContent = isOn ? 'Live' : 'Offline';
    place.live.title = isOn ? 'What happens appears here at once' : 'Trying to reach the server again';
  }

  function showSkeleton() {
    const bar = (width) => h('span', { class: 'skeleton' }, blank(width));
    place.balance.replaceChildren(h('p', { class: 'balance-label' }, 'Available'),
      h('p', { class: 'balance-amount' }, bar(10)), h('p', { class: 'balance-held' }));
    place.history.replaceChildren(historyHead(), ...[12, 9, 14, 8].map((width) =>
      h('div', { class: 'entry', 'aria-hidden': 'true' },
        h('span', { class: 'entry-mark skeleton' }),
        h('span', { class: 'entry-words' }, h('span', {}, bar(width))),
        h('span', { class: 'entry-sums' }, bar(7)))));
  }

  function showWallets() {
    const tabs = page.wallets.map((wallet) => h('button', {
      class: 'wallet-tab', type: 'button', 'aria-pressed': String(wallet === page.chosen),
      onclick: () => { page.chosen = wallet; load(); },
    }, wallet.currency));
    const add = h('button', {
      class: 'wallet-tab soft', type: 'button',
      onclick: () => openWallet({
        taken: page.wallets.map((wallet) => wallet.currency),
        onDone: (wallet) => { page.chosen = wallet; load(); },
      }),
    }, 'Add currency');
    redraw(place.wallets, ...tabs, tabs.length > 0 ? add : '');
  }

  function showBalance({ changed = false } = {}) {
    const wallet = page.chosen;
    place.balance.hidden = wallet === null;
    if (wallet === null) return;
    const held = Number(wallet.held) === 0 ? '' : h('span', {},
      money(wallet.held, wallet.currency), ' held, ', money(wallet.posted, wallet.currency), ' in all');
    const length = inWords(wallet.available, wallet.currency).length;
    const size = length > 19 ? ' is-very-long' : length > 14 ? ' is-long' : '';
    place.balance.replaceChildren(
      coin('cover-coin'),
      h('p', { class: 'balance-label' }, 'Available', handle()),
      h('p', { class: `balance-amount${size}`, 'data-available': wallet.available },
        money(wallet.available, wallet.currency)),
      h('p', { class: 'balance-held' }, held));
    place.balance.classList.remove('is-changed');
    if (changed) requestAnimationFrame(() => place.balance.classList.add('is-changed'));
  }

  /** What one tells the person who wants to pay. */
  function handle() {
    return h('span', { class: 'balance-handle', title: 'Others pay you under this name' }, `@${user.username}`);
  }

  function showActions() {
    const wallet = page.chosen;
    if (wallet === null) return place.actions.replaceChildren();
    const action = (name, words, kind, act) => h('button', { class: `button ${kind}`, type: 'button', onclick: act },
      icon(name), words);
    return redraw(place.actions,
      action('send', 'Send', '', () => sendMoney({ wallet: page.chosen, onDone: loadUnlessLive })),
      action('request', 'Request', 'quiet', () => requestMoney({ wallet: page.chosen, onDone: loadRequests })),
      sandbox ? action('add', 'Top up', 'quiet', openTopUp) : '');
  }

  function openTopUp() {
    topUp({ wallet: page.chosen, onDone: loadUnlessLive });
  }

  function showRequests() {
    place.requests.hidden = page.requests.length === 0;
    place.requests.replaceChildren(
      h('h2', { class: 'panel-head', id: 'requests-title' }, 'Waiting for an answer'),
      h('ul', { class: 'requests' }, page.requests.map(requestRow)));
  }

  function requestRow(request) {
    const owed = request.direction === 'owed';
    const who = nameOf(owed ? request.to : request.from);
    const amount = inWords(request.amount, request.currency);
    const act = (words, kind, run) => h('button', {
      class: `button compact ${kind}`, type: 'button', 'aria-label': `${words}: ${amount}, ${who}`,
      onclick: async ({ currentTarget: button }) => {
        if (button.getAttribute('aria-disabled') === 'true') return;
        setBusy(button, true);
        try {
          await run();
        } catch (error) {
          toast(explain(error, request.currency));
        } finally {
          setBusy(button, false);
        }
      },
    }, words);
    const decide = (decision, sentence) => async () => {
      await post(`/v1/requests/${request.id}/${decision}`);
      toast(sentence);
      await loadRequests();
    };
    const paid = () => { loadRequests(); loadUnlessLive(); };
    return h('li', { class: 'request' },
      h('div', { class: 'request-words' },
        h('span', {}, owed ? `${who} asks you for ` : `You asked ${who} for `,
          h('strong', {}, money(request.amount, request.currency))),
        request.note && h('span', { class: 'soft small' }, request.note)),
      h('div', { class: 'request-actions' }, owed
        ? [act('Pay', '', () => payRequest({ request, onDone: paid })),
          act('Decline', 'quiet', decide('declines', `You declined to pay ${who} ${amount}`))]
        : [act('Cancel', 'quiet', decide('cancellations', `You no longer ask ${who} for ${amount}`))]));
  }

  function showHistory(newID = null) {
    const focused = document.activeElement?.dataset.entry;
    const rows = [];
    let day = null;
    for (const entry of page.entries) {
      const next = dayOf(entry);
      if (next !== day) rows.push(h('h3', { class: 'day' }, next));
      day = next;
      rows.push(entryRow(entry, { isNew: entry.id === newID, onOpen: () => showEntry(entry) }));
    }
    const more = h('button', { class: 'button quiet', type: 'button', onclick: ({ currentTarget }) => loadEarlier(currentTarget) },
      'Show earlier');
    place.history.replaceChildren(historyHead(),
      ...(rows.length > 0 ? rows : [nothingYet()]),
      page.cursor ? h('div', { class: 'history-more' }, more) : '');
    if (focused) place.history.querySelector(`[data-entry="${focused}"]`)?.focus();
  }

  function historyHead() {
    return h('div', { class: 'panel-head', id: 'history' }, h('h2', { id: 'history-title' }, 'History'));
  }

  function nothingYet() {
    const begin = h('button', { class: 'button quiet compact', type: 'button', onclick: openTopUp }, 'Get pretend money');
    return h('div', { class: 'empty' }, coin('empty-coin'), h('strong', {}, 'Nothing yet'),
      h('p', {}, `When someone pays @${user.username}, it appears here at once.`),
      sandbox && begin);
  }

  function showNoWallet() {
    place.history.replaceChildren(
      h('div', { class: 'empty', id: 'history' }, coin('empty-coin'),
        h('h2', { id: 'history-title' }, 'Choose your currency'),
        h('p', {}, 'A wallet holds one currency. You can add others later.'),
        h('div', { class: 'wallets' }, offeredCurrencies.map(firstWallet))));
  }

  function firstWallet(currency) {
    return h('button', {
      class: 'wallet-tab', type: 'button',
      onclick: async ({ currentTarget: button }) => {
        setBusy(button, true);
        try {
          page.chosen = await post('/v1/wallets', { currency });
          await load();
        } catch (error) {
          setBusy(button, false);
          toast(explain(error));
        }
      },
    }, currency);
  }

  function showFault(error) {
    const again = h('button', { class: 'button quiet', type: 'button', onclick: () => { showSkeleton(); load(); } }, 'Try again');
    place.history.replaceChildren(historyHead(),
      h('div', { class: 'empty', role: 'alert' }, h('p', {}, explain(error)), again));
  }
}

/** Gives a skeleton its width without a style attribute, which the content security policy forbids. */
function blank(characters) {
  return '\u2007'.repeat(characters);
}
