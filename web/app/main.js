// Decides which of the two screens to show: the entrance, or the wallet of the person who is in.

import { isSandbox, isStrict, mayResume, onSessionEnd, resume, Unreachable } from './api.js';
import { closeDialogs } from './dom.js';
import { showEntrance, showVerification } from './screens/entrance.js';
import { showOffline } from './screens/offline.js';
import { showWallet } from './screens/wallet.js';

/** Whose offline money this browser shows when nobody can be asked who is here; gone with the session. */
const accountName = 'florin.account';

const app = document.getElementById('app');
let leave = () => {};
let sandbox = false;

function enter(user) {
  leave();
  // The wallet begins at its top, however far the entrance was scrolled.
  scrollTo(0, 0);
  if (user.phone_verified === false) {
    leave = showVerification(app, { user, sandbox, onEnter: enter, onLeave: exit });
  } else {
    // On a shared telephone the next person must not find the last one's money.
    if (!isStrict()) localStorage.setItem(accountName, user.id);
    leave = showWallet(app, { user, sandbox, onLeave: exit, onOffline: (currency) => enterOffline(user, currency) });
  }
}

/** Nobody is known to be there when the network is away: `user` is null, and the account is the last one. */
function enterOffline(user, currency) {
  leave();
  scrollTo(0, 0);
  leave = showOffline(app, {
    user, currency, account: user?.id ?? localStorage.getItem(accountName),
    onBack: () => (user === null ? location.reload() : enter(user)),
  });
}

function exit(words) {
  leave();
  localStorage.removeItem(accountName);
  closeDialogs();
  scrollTo(0, 0);
  leave = showEntrance(app, { sandbox, words, onEnter: enter });
}

async function start() {
  onSessionEnd(exit);
  const asked = isSandbox().catch(() => false);
  if (!mayResume()) {
    sandbox = await asked;
    return exit();
  }
  leave = showWallet(app, { user: null, sandbox: false, onLeave: exit });
  try {
    const user = await resume();
    sandbox = await asked;
    enter(user);
  } catch (error) {
    sandbox = await asked;
    if (error instanceof Unreachable && localStorage.getItem(accountName) !== null) enterOffline(null, null);
    else if (mayResume()) exit(error.message);
  }
}

// The page opens without a network once it was there. Where it was not built as a whole, it does not.
navigator.serviceWorker?.register('/service-worker.js').catch(() => {});
start();
