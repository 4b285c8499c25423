// Where one is logged in, whether log-ins end with the visit, and what one knows: the password and the PIN.

import { del, get, isStrict, patch, post, put } from '../api.js';
import { h, toast } from '../dom.js';
import { explain, field, form, setBusy } from '../forms.js';
import { proven } from '../proof.js';
import { strengthMeter } from '../strength.js';

const nameCharactersMax = '60';
const momentWords = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const moment = (text) => momentWords.format(new Date(text));

/** What `sessionSections` shows. */
export async function loadSessions() {
  const [{ data }, { mode }, pin] = await Promise.all([
    get('/v1/sessions'), get('/v1/session_settings'), get('/v1/me/pin'),
  ]);
  return { sessions: data, mode, hasPin: pin.is_set };
}

/** Parts of `dialog`; `list` shows what comes before again. */
export function sessionSections({ sessions, mode, hasPin }, { dialog, user, list }) {
  return [...strictSection(), ...listSection(), ...passwordSection()];

  function strictSection() {
    const words = h('span', {},
      h('strong', {}, 'Strict mode'),
      h('span', { class: 'soft small' },
        'For phones that several people use: a log-in ends when its page is left, or after some idle minutes.'));
    const control = h('button', {
      class: 'switch', type: 'button', role: 'switch', 'aria-checked': String(mode === 'strict'), 'aria-label': 'Strict mode',
    });
    control.addEventListener('click', () => setMode(control));
    return [h('h3', {}, 'Leaving'), h('div', { class: 'choice' }, words, control),
      isStrict() && h('p', { class: 'notice' }, 'This visit is strict: it ends when you leave this page.')];
  }

  async function setMode(control) {
    const next = control.getAttribute('aria-checked') === 'true' ? 'standard' : 'strict';
    setBusy(control, true);
    try {
      const set = await put('/v1/session_settings', { mode: next });
      control.setAttribute('aria-checked', String(set.mode === 'strict'));
      toast(set.mode === 'strict'
        ? 'From your next log-in on, leaving the page logs you out'
        : 'From your next log-in on, you stay logged in');
    } catch (error) {
      toast(explain(error));
    } finally {
      setBusy(control, false);
    }
  }

  // Sessions.

  function listSection() {
    const others = sessions.filter((session) => !session.is_current);
    const endOthers = h('button', { class: 'button quiet wide', type: 'button' }, 'End all others');
    endOthers.addEventListener('click', () => act(endOthers, async () => {
      const { ended } = await post('/v1/sessions/revocations');
      return ended === 1 ? 'The other one is over' : `${ended} others are over`;
    }));
    return [
      h('h3', {}, 'Where you are logged in'),
      h('ul', { class: 'requests', 'aria-label': 'Where you are logged in' }, sessions.map(row)),
      others.length > 1 && endOthers,
    ];
  }

  function row(session) {
    const notes = [
      session.is_current ? 'This one' : `Last seen ${moment(session.last_seen_at)}`,
      session.mode === 'strict' && 'strict', session.address,
    ];
    const end = h('button', { class: 'button quiet compact', type: 'button', 'aria-label': `End ${session.name}` }, 'End');
    end.addEventListener('click', () => act(end, async () => {
      await del(`/v1/sessions/${session.id}`);
      return `“${session.name}” is over. If it was not yours, change your password.`;
    }));
    const naming = h('button', {
      class: 'button quiet compact', type: 'button', 'aria-label': `Rename ${session.name}`, onclick: () => rename(session),
    }, 'Rename');
    return h('li', { class: 'request' },
      h('div', { class: 'request-words' },
        h('strong', {}, session.name), h('span', { class: 'soft small' }, notes.filter(Boolean).join(' · '))),
      h('div', { class: 'request-actions' }, naming, !session.is_current && end));
  }

  async function act(button, run) {
    if (button.getAttribute('aria-disabled') === 'true') return;
    setBusy(button, true);
    try {
      toast(await run());
      await list();
    } catch (error) {
      setBusy(button, false);
      toast(explain(error));
    }
  }

  function rename(session) {
    const { element } = form({
      fields: [field({
        name: 'name', label: 'Name', hint: 'How you will know it again.',
        attributes: { value: session.name, maxlength: nameCharactersMax, autocomplete: 'off' },
      })],
      action: 'Save',
      act: async ({ name }) => {
        await patch(`/v1/sessions/${session.id}`, { name });
        await list();
      },
    });
    dialog.show('Rename the log-in', element, back());
  }

  // The password.

  function passwordSection() {
    const act = (words, run) => h('button', { class: 'button quiet wide', type: 'button', onclick: run }, words);
    return [h('h3', {}, 'Password and PIN'),
      h('p', { class: 'soft small' }, hasPin
        ? 'Large payments ask for the PIN.' : 'Large payments ask for a PIN, which is not set.'),
      act('Change the password', changePassword), act(hasPin ? 'Change the PIN' : 'Set a PIN', setPin)];
  }

  /** The first PIN takes the password, another one the PIN before. */
  function setPin() {
    const pin = field({
      name: 'pin', label: 'New PIN', hint: 'Six digits; no sequence, no birth date.',
      attributes: { type: 'password', inputmode: 'numeric', maxlength: '6', autocomplete: 'off' },
    });
    const password = field({
      name: 'password', label: 'Password', attributes: { type: 'password', autocomplete: 'current-password' },
    });
    const { element } = form({
      fields: hasPin ? [pin] : [pin, password], action: hasPin ? 'Change the PIN' : 'Set the PIN',
      act: async () => {
        const body = { pin: pin.control.value };
        if (!hasPin) body.password = password.control.value;
        await proven(() => put('/v1/me/pin', body));
        toast('The PIN is set');
        await list();
      },
    });
    dialog.show(hasPin ? 'Change the PIN' : 'Set a PIN', element, back());
  }

  function changePassword() {
    const before = field({
      name: 'old_password', label: 'Password until now',
      attributes: { type: 'password', autocomplete: 'current-password' },
    });
    const after = strengthMeter(field({
      name: 'new_password', label: 'New password', hint: 'Longer is safer; a few words work well.',
      attributes: { type: 'password', autocomplete: 'new-password' },
    }), { known: () => [user.username, user.phone ?? '', user.email ?? ''] });
    const { element } = form({
      fields: [before, after], action: 'Change the password',
      act: async () => {
        const body = { old_password: before.control.value, new_password: after.control.value };
        await proven(() => put('/v1/me/password', body));
        toast('The new password works, and your other log-ins are over');
        await list();
      },
    });
    dialog.show('Change the password', element, back());
  }

  function back() {
    return h('button', { class: 'link', type: 'button', onclick: list }, 'Back');
  }
}
