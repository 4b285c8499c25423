// How one proves to be oneself: passkeys, and later what else there is.

import { del, get, patch, post, Problem } from '../api.js';
import { h, openDialog, toast } from '../dom.js';
import { explain, field, FieldError, form, setBusy } from '../forms.js';
import { canUsePasskeys, makePasskey, PasskeyCancelled } from '../passkeys.js';

const nameCharactersMax = '60';

/** Shows what the person can log in with, and lets them change it. */
export function showSecurity() {
  const dialog = openDialog('Security');
  dialog.show('Security', h('p', { class: 'soft' }, 'Looking…'));
  list();

  async function list() {
    try {
      const { data } = await get('/v1/passkeys');
      dialog.show('Security', ...passkeySection(data));
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
          const credential = await makePasskey(await post('/v1/passkeys/registrations'));
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
      await del(`/v1/passkeys/${passkey.id}`);
      toast(`“${passkey.name}” opens nothing any more`);
      await list();
    } catch (error) {
      setBusy(button, false);
      toast(explain(error));
    }
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
