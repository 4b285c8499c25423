// Decides which of the two screens to show: the entrance, or the wallet of the person who is in.

import { isSandbox, mayResume, onSessionEnd, resume } from './api.js';
import { closeDialogs } from './dom.js';
import { showEntrance, showVerification } from './screens/entrance.js';
import { showWallet } from './screens/wallet.js';

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
    leave = showWallet(app, { user, sandbox, onLeave: exit });
  }
}

function exit(words) {
  leave();
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
    if (mayResume()) exit(error.message);
  }
}

start();
