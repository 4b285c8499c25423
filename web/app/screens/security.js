// How one proves to be oneself: passkeys, an authenticator app with its recovery codes, the password; and
// where one is logged in.

import { del, get, patch, post, Problem } from '../api.js';
import { h, openDialog, toast } from '../dom.js';
import { explain, field, FieldError, form, setBusy } from '../forms.js';
import { canUsePasskeys, makePasskey, PasskeyCancelled } from '../passkeys.js';
import { proven } from '../proof.js';
import { loadSessions, sessionSections } from './sessions.js';

const nameCharactersMax = '60';

/** Shows what the person can log in with, and lets them change it. */
export function showSecurity(user) {
  const dialog = openDialog('Security');
  dialog.show('Security', h('p', { class: 'soft' }, 'Looking…'));
  list();

  async function list() {
    try {
      const [{ data }, factors, sessions] = await Promise.all([
        get('/v1/passkeys'), get('/v1/second_factors'), loadSessions(),
      ]);
      dialog.show('Security', ...passkeySection(data), ...appSection(factors),
        ...sessionSections(sessions, { dialog, user, list }));
    } catch (error) {
      dialog.show('Security', h('p', { class: 'notice is-bad', role: 'alert' }, explain(error)));
    }
  }

  function passkeySection(passkeys) {
    const add = h('button', { class: 'button wide', type: 'button', onclick: nameNew }, 'Add a passkey');
    return [
      h('h3', {}, 'Passkeys'),
      h('p', { class: 'soft small' },
        'Log in with a finger, a face or a security key. Nothing to remember, nothing to give away.'),
      passkeys.length === 0
        ? h('p', {}, 'You have none yet.')
        : h('ul', { class: 'requests' }, passkeys.map(row)),
      canUsePasskeys() ? add : h('p', { class: 'notice' }, whyNot()),
    ];
  }

  function row(passkey) {
    const used = passkey.last_used_at === null ? 'Not used yet' : `Last used ${day(passkey.last_used_at)}`;
    const state = passkey.status === 'suspended' ? 'Blocked: it may have been copied. Remove it.' : used;
    return h('li', { class: 'request' },
      h('div', { class: 'request-words' },
        h('strong', {}, passkey.name), h('span', { class: 'soft small' }, state)),
      h('div', { class: 'request-actions' },
        h('button', {
          class: 'button quiet compact', type: 'button', 'aria-label': `Rename ${passkey.name}`,
          onclick: () => rename(passkey),
        }, 'Rename'),
        h('button', {
          class: 'button quiet compact', type: 'button', 'aria-label': `Remove ${passkey.name}`,
          onclick: ({ currentTarget }) => remove(passkey, currentTarget),
        }, 'Remove')));
  }

  function nameField(value) {
    return field({
      name: 'name', label: 'Name', hint: 'How you will know it again.',
      attributes: { value, maxlength: nameCharactersMax, autocomplete: 'off' },
    });
  }

  function nameNew() {
    const { element } = form({
      fields: [nameField(deviceName())], action: 'Continue',
      act: async ({ name }) => {
        try {
          const options = await proven(() => post('/v1/passkeys/registrations'));
          const credential = await makePasskey(options);
          await post('/v1/passkeys', { name, credential });
        } catch (error) {
          throw said(error);
        }
        toast(`“${name}” can log you in now`);
        await list();
      },
    });
    dialog.show('Add a passkey', element, back());
  }

  function rename(passkey) {
    const { element } = form({
      fields: [nameField(passkey.name)], action: 'Save',
      act: async ({ name }) => {
        await patch(`/v1/passkeys/${passkey.id}`, { name });
        await list();
      },
    });
    dialog.show('Rename the passkey', element, back());
  }

  async function remove(passkey, button) {
    setBusy(button, true);
    try {
      await proven(() => del(`/v1/passkeys/${passkey.id}`));
      toast(`“${passkey.name}” opens nothing any more`);
      await list();
    } catch (error) {
      setBusy(button, false);
      toast(explain(error));
    }
  }

  // The authenticator app.

  function appSection({ totp_since: since, recovery_codes_left: left }) {
    const act = (words, kind, run) => h('button', { class: `button ${kind} wide`, type: 'button', onclick: run }, words);
    const head = h('h3', {}, 'Authenticator app');
    if (since === null) {
      return [head, h('p', { class: 'soft small' }, 'An app shows six digits that change every half minute.'),
        act('Set up an app', 'quiet', setUpApp)];
    }
    return [head,
      h('p', { class: 'soft small' }, `On since ${day(since)}. Recovery codes left: ${left}.`),
      act('Renew recovery codes', 'quiet', () => withFactor('Renew recovery codes', 'Renew', async (factor) => {
        showCodes(await post('/v1/recovery_codes', factor));
      })),
      act('Remove the app', 'quiet', () => withFactor('Remove the app', 'Remove', async (factor) => {
        await post('/v1/totp/removals', factor);
        toast('The app is asked for no more');
        await list();
      }))];
  }

  async function setUpApp({ currentTarget: button }) {
    setBusy(button, true);
    try {
      const { secret, uri } = await proven(() => post('/v1/totp'));
      const { element } = form({
        fields: [codeField('code', 'Six-digit code of the app')], action: 'Confirm',
        act: async ({ code }) => showCodes(await post('/v1/totp/confirmations', { code })),
      });
      dialog.show('Set up an app',
        h('p', {}, 'On this telephone: ', h('a', { href: uri }, 'open it in the app'), '. Or type this secret into it:'),
        h('p', {}, h('code', { class: 'secret', 'aria-label': 'Secret' }, secret.replace(/(.{4})(?=.)/g, '$1 '))),
        element, back());
    } catch (error) {
      setBusy(button, false);
      toast(explain(error));
    }
  }

  /** Asks for one code of the app, or one on paper, before something is changed. */
  function withFactor(title, action, act) {
    const { element } = form({
      fields: [codeField('code', 'Code of the app, or a recovery code')], action,
      act: ({ code }) => act({ method: /^[\d\s]+$/.test(code) ? 'totp' : 'recovery_code', code }),
    });
    dialog.show(title, element, back());
  }

  function codeField(name, label) {
    return field({ name, label, attributes: { autocomplete: 'one-time-code', autocapitalize: 'characters', spellcheck: 'false' } });
  }

  function showCodes({ recovery_codes: codes }) {
    dialog.show('Recovery codes',
      h('p', {}, 'Keep these on paper. Each opens your wallet once on the day the app is gone; they are not shown again.'),
      h('ol', { class: 'recovery-codes', 'aria-label': 'Recovery codes' }, codes.map((code) => h('li', {}, h('code', {}, code)))),
      h('button', { class: 'button wide', type: 'button', onclick: list }, 'I have kept them'));
  }

  function back() {
    return h('button', { class: 'link', type: 'button', onclick: list }, 'Back');
  }
}

function said(error) {
  if (error instanceof PasskeyCancelled) return new FieldError(null, error.message);
  if (error instanceof Problem) return error;
  if (error instanceof DOMException) return new FieldError(null, 'This device has a passkey for you already.');
  return error;
}

function whyNot() {
  if (/^127\./.test(location.hostname)) {
    return `Passkeys need a name. Open http://localhost:${location.port} instead.`;
  }
  return 'This browser cannot use passkeys on this page.';
}

const day = (moment) => new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' }).format(new Date(moment));

/** A first guess, which the person may change. */
function deviceName() {
  const systems = [['Android', 'Android phone'], ['iPhone', 'iPhone'], ['Mac', 'Mac'], ['Windows', 'Windows PC']];
  return systems.find(([sign]) => navigator.userAgent.includes(sign))?.[1] ?? 'This device';
}
