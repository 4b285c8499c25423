// Before the wallet: log in, sign up, and the code that proves the phone.

import {
  answerChallenge, get, logIn, logInWithPasskey, logOut, post, Problem, provePhone, readCode,
} from '../api.js';
import { coin, h, toast } from '../dom.js';
import { check, explain, field, FieldError, form, setBusy } from '../forms.js';
import { canUsePasskeys, PasskeyCancelled, usePasskey } from '../passkeys.js';
import { strengthMeter } from '../strength.js';

/** Six digits, and the spaces with which people group them. */
const codeCharactersMax = '11';

/** Shows the entrance and calls `onEnter` with the person who came in. */
export function showEntrance(app, { sandbox, words, onEnter }) {
  const main = h('main', { class: 'entrance-main' });
  app.replaceChildren(frame(main));
  document.title = 'Florin';
  showLogIn(words);
  return () => {};

  function showLogIn(words) {
    const login = field({
      name: 'login', label: 'Username, phone or e-mail',
      attributes: { autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false' },
    });
    const password = field({
      name: 'password', label: 'Password',
      attributes: { type: 'password', autocomplete: 'current-password' },
    });
    const shared = check({
      name: 'shared', label: 'This phone is shared', hint: 'Leaving the page then logs you out.',
    });
    const { element } = form({
      fields: [login, password], action: 'Log in', after: [shared.box],
      act: async (values) => {
        try {
          onEnter(await logIn(values.login, password.control.value, { shared: shared.value }));
        } catch (error) {
          if (!(error instanceof Problem) || error.code !== 'second_step_required') throw error;
          showSecondStep(values.login, error.facts);
        }
      },
    });
    show('Log in', words ?? 'Good to see you.', element,
      canUsePasskeys() && passkeyButton('Log in with a passkey',
        async () => onEnter(await logInWithPasskey(usePasskey, { shared: shared.value }))),
      switcher('New here?', 'Create a wallet', showSignUp));
  }

  function passkeyButton(words, act) {
    const notice = h('p', { class: 'notice is-bad', role: 'alert', hidden: true });
    const button = h('button', { class: 'button quiet wide', type: 'button' }, words);
    button.addEventListener('click', async () => {
      if (button.getAttribute('aria-disabled') === 'true') return;
      notice.hidden = true;
      setBusy(button, true);
      try {
        await act();
      } catch (error) {
        notice.textContent = error instanceof PasskeyCancelled ? error.message : explain(error);
        notice.hidden = false;
      } finally {
        setBusy(button, false);
      }
    });
    return h('div', { class: 'form' }, notice, button);
  }

  function showSignUp() {
    const password = strengthMeter(field({
      name: 'password', label: 'Password', hint: 'Longer is safer; a few words work well.',
      attributes: { type: 'password', autocomplete: 'new-password' },
    }), { known: () => fields.filter((each) => each !== password).map((each) => each.value) });
    const fields = [
      field({
        name: 'phone', label: 'Phone', hint: 'With country code. We send a code to it.',
        attributes: { type: 'tel', autocomplete: 'tel', placeholder: '+254 712 345 678' },
      }),
      field({
        name: 'username', label: 'Username', hint: 'How others pay you.',
        attributes: { autocomplete: 'username', autocapitalize: 'none', spellcheck: 'false' },
      }),
      password,
      field({ name: 'email', label: 'E-mail', optional: true, attributes: { type: 'email', autocomplete: 'email' } }),
    ];
    const { element } = form({ fields, action: 'Create wallet', act: signUp });
    show('Create a wallet', 'It takes a phone and a minute.', element,
      switcher('Already have one?', 'Log in', showLogIn));

    async function signUp(values) {
      const phone = values.phone.replace(/[\s().-]/g, '').replace(/^00/, '+');
      if (!/^\+\d{7,15}$/.test(phone)) {
        throw new FieldError('phone', 'Start with + and the country code, such as +254 712 345 678.');
      }
      const secret = password.control.value;
      const username = values.username.replace(/^@/, '');
      const body = { phone, username, password: secret };
      if (values.email !== '') body.email = values.email;
      await post('/v1/users', body, { open: true });
      showCode(phone, async () => onEnter(await logIn(username, secret)));
    }
  }

  function showCode(phone, verified) {
    const prove = async (digits) => {
      await provePhone(phone, digits);
      await verified();
    };
    show('Enter the code', `We sent six digits to ${phone}.`,
      codeForm({ phone, sandbox, prove, resend: () => post('/v1/phone_codes', { phone }, { open: true }) }),
      switcher('Wrong number?', 'Start again', showSignUp));
  }

  function showSecondStep(login, { challenge, methods, sent_to: phone, detail }) {
    const enter = async (answer) => onEnter(await answerChallenge(challenge, answer, login));
    const act = methods.includes('totp')
      ? appForm(enter)
      : codeForm({
        phone: phone ?? 'your phone', sentTo: phone ?? '•', sandbox, action: 'Log in',
        prove: (code) => enter({ method: 'sms_code', code }),
        resend: () => post(`/v1/session_challenges/${challenge}/codes`, undefined, { open: true }),
      });
    show('Enter the code', detail, act,
      methods.includes('passkey') && canUsePasskeys() && passkeyButton('Use a passkey',
        async () => enter({ method: 'passkey', assertion: await usePasskey(await post(
          `/v1/session_challenges/${challenge}/passkey_challenges`, undefined, { open: true })) })),
      switcher('Not you?', 'Start again', showLogIn));
  }

  function appForm(enter) {
    const code = field({
      name: 'code', label: 'Code of the app, or a recovery code', attributes: { autocomplete: 'one-time-code' },
    });
    const { element } = form({
      fields: [code], action: 'Log in',
      act: (values) => enter({ method: /^[\d\s]+$/.test(values.code) ? 'totp' : 'recovery_code', code: values.code }),
    });
    return element;
  }

  function show(title, subtitle, ...children) {
    const heading = h('h1', { tabindex: '-1' }, title);
    main.replaceChildren(h('div', { class: 'entrance-head' }, heading, h('p', { class: 'soft' }, subtitle)),
      ...children.filter((child) => child !== false));
    (main.querySelector('input') ?? heading).focus({ preventScroll: true });
  }
}

/** For a person who logged in before proving the phone. */
export function showVerification(app, { user, sandbox, onEnter, onLeave }) {
  const { phone } = user;
  const prove = async (digits) => {
    await provePhone(phone, digits);
    onEnter(await get('/v1/me'));
  };
  const main = h('main', { class: 'entrance-main' },
    h('div', { class: 'entrance-head' },
      h('h1', {}, 'Enter the code'),
      h('p', { class: 'soft' }, `Before money can move, prove that ${user.phone} is yours.`)),
    codeForm({ phone, sandbox, prove, resend: () => post('/v1/phone_codes', { phone }, { open: true }) }),
    switcher('Not you?', 'Log out', () => logOut().catch(() => {}).then(() => onLeave())));
  app.replaceChildren(frame(main));
  main.querySelector('input').focus();
  return () => {};
}

function codeForm({ phone, sentTo = phone, sandbox, prove, resend, action = 'Verify' }) {
  const code = field({
    name: 'code', label: 'Six-digit code', kind: 'code',
    attributes: { inputmode: 'numeric', autocomplete: 'one-time-code', maxlength: codeCharactersMax },
  });
  const { element } = form({
    fields: [code], action,
    before: sandbox ? [sandboxReader(sentTo, code)] : [],
    after: [resender(phone, code, resend)],
    act: async (values) => {
      // A slip of the finger must not cost one of the few tries.
      const digits = values.code.replace(/[\s-]/g, '');
      if (!/^\d{6}$/.test(digits)) throw new FieldError('code', 'The code has six digits.');
      await prove(digits);
    },
  });
  return element;
}

function resender(phone, code, resend) {
  const button = h('button', { class: 'link', type: 'button' }, 'Send a new code');
  button.addEventListener('click', async () => {
    setBusy(button, true);
    try {
      await resend();
      toast(`A new code is on its way to ${phone}.`);
      code.control.focus();
    } catch (error) {
      // Not the field's fault: what stands in it may well be right.
      const seconds = error instanceof Problem ? error.facts.retry_after : undefined;
      toast(seconds === undefined ? explain(error) : `A new code can be sent in ${seconds} seconds.`);
    } finally {
      setBusy(button, false);
    }
  });
  return h('p', { class: 'small soft' }, 'Nothing arrived? ', button);
}

function sandboxReader(phone, code) {
  const words = h('p', {}, 'Sandbox: no message leaves this server. The code waits in its outbox.');
  const button = h('button', { class: 'button quiet compact', type: 'button' }, 'Read your code');
  button.addEventListener('click', async () => {
    setBusy(button, true);
    try {
      const digits = await readCode(phone);
      if (digits === null) throw new FieldError('code', 'No code has arrived yet. Try again in a moment.');
      code.control.value = digits;
      code.refuse(null);
      code.control.focus();
    } catch (error) {
      code.refuse(explain(error));
    } finally {
      setBusy(button, false);
    }
  });
  return h('div', { class: 'notice is-sandbox' }, words, button);
}

function switcher(question, answer, act) {
  return h('p', { class: 'entrance-switch soft' }, `${question} `,
    h('button', { class: 'link', type: 'button', onclick: () => act() }, answer));
}

function frame(main) {
  return h('div', { class: 'entrance' },
    h('header', { class: 'cover' },
      coin('cover-coin'),
      h('div', { class: 'cover-name' }, h('img', { src: '/icon.svg', alt: '' }), 'Florin'),
      h('p', { class: 'cover-words' },
        ...['Hold money.', 'Pay anyone.', 'See it arrive.'].flatMap((words) => [h('span', {}, words), ' '])),
      h('ul', { class: 'cover-promises small' },
        h('li', {}, 'Every fee is shown before you confirm.'),
        h('li', {}, 'A payment happens once, however often it is tried.'),
        h('li', {}, 'Every amount is in the books twice, and the books can be checked.'))),
    main);
}
