// Showing that it is you, where the server wants to see that before something weighty.

import { get, post, Problem } from './api.js';
import { h, openDialog } from './dom.js';
import { field, FieldError, form } from './forms.js';
import { canUsePasskeys, PasskeyCancelled, usePasskey } from './passkeys.js';

const typed = {
  pin: { label: 'PIN', attributes: { type: 'password', inputmode: 'numeric', maxlength: '6', autocomplete: 'off' } },
  totp: { label: 'Code of the authenticator app', attributes: { inputmode: 'numeric', autocomplete: 'one-time-code' } },
  password: { label: 'Password', attributes: { type: 'password', autocomplete: 'current-password' } },
};

/** Does `act`. Where that wants the person to be there, asks them, and does it again. */
export async function proven(act) {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === 'step_up_required') await prove(error.facts.methods, error.message);
    else if (error.code === 'pin_required') await provePayment();
    else throw error;
    return act();
  }
}

/** A payment takes whatever the person has besides the password. */
async function provePayment() {
  const [pin, factors, passkeys] = await Promise.all([
    get('/v1/me/pin'), get('/v1/second_factors'), get('/v1/passkeys'),
  ]);
  const methods = [
    pin.is_set && 'pin', factors.totp_since !== null && 'totp', passkeys.data.length > 0 && 'passkey',
  ].filter(Boolean);
  if (methods.length === 0) {
    throw new FieldError(null, 'A payment this large needs a PIN. Set one under Security, then try again.');
  }
  await prove(methods, 'A payment this large needs more than a log-in. Nothing has been sent yet.');
}

function prove(methods, words) {
  return new Promise((resolve, reject) => {
    const dialog = openDialog('Is it you?', { closed: () => reject(new FieldError(null, 'Nothing was done.')) });
    const show = async (proof) => {
      await post('/v1/sessions/current/step_ups', proof);
      resolve();
      dialog.close();
    };
    const way = Object.keys(typed).find((name) => methods.includes(name));
    const typing = way && form({
      fields: [field({ name: way, ...typed[way] })], action: 'Continue', act: show,
    }).element;
    const touching = methods.includes('passkey') && canUsePasskeys() && form({
      fields: [], action: 'Use a passkey', act: () => assertion().then(show),
    }).element;
    dialog.show('Is it you?', h('p', { class: 'soft' }, words), typing, touching);
  });
}

async function assertion() {
  try {
    return { assertion: await usePasskey(await post('/v1/sessions/current/step_up_challenges')) };
  } catch (error) {
    throw error instanceof PasskeyCancelled ? new FieldError(null, error.message) : error;
  }
}
