// Forms: labelled fields, errors beside the field they belong to, and a button that says it is busy.

import { Problem, Unreachable } from './api.js';
import { h } from './dom.js';
import { inWords } from './money.js';

let fieldCount = 0;

/** One labelled input. `attributes` go to the input as they are. */
export function field({ name, label, hint, optional = false, prefix, kind, options, attributes = {} }) {
  const id = `field-${name}-${fieldCount += 1}`;
  const control = options === undefined
    ? h('input', { id, name, type: 'text', required: !optional, ...attributes })
    : h('select', { id, name, ...attributes }, options.map((option) => h('option', { value: option }, option)));
  const hintLine = hint ? h('p', { class: 'field-hint', id: `${id}-hint` }, hint) : null;
  const error = h('p', { class: 'field-error', id: `${id}-error`, hidden: true });
  const box = h('div', { class: `field${kind ? ` is-${kind}` : ''}` },
    h('label', { class: 'field-label', for: id }, label,
      optional && h('span', { class: 'field-optional' }, 'optional')),
    h('div', { class: 'input' },
      prefix && h('span', { class: 'input-prefix', 'aria-hidden': 'true' }, prefix),
      control,
      attributes.type === 'password' && passwordToggle(control)),
    hintLine, error);
  describe(null);
  control.addEventListener('input', () => describe(null));

  function describe(message) {
    error.textContent = message ?? '';
    error.hidden = message === null;
    box.classList.toggle('has-error', message !== null);
    if (hintLine !== null) hintLine.hidden = message !== null;
    control.setAttribute('aria-invalid', String(message !== null));
    const described = message !== null ? error.id : hintLine?.id;
    if (described) control.setAttribute('aria-describedby', described);
    else control.removeAttribute('aria-describedby');
  }

  return { name, box, control, refuse: describe, get value() { return control.value.trim(); } };
}

/** A choice that one makes or leaves. */
export function check({ name, label, hint }) {
  const id = `field-${name}-${fieldCount += 1}`;
  const control = h('input', { id, name, type: 'checkbox', 'aria-describedby': `${id}-hint` });
  const box = h('div', { class: 'check' }, control,
    h('label', { for: id }, label), h('p', { class: 'field-hint', id: `${id}-hint` }, hint));
  return { name, box, get value() { return control.checked; } };
}

function passwordToggle(input) {
  const toggle = h('button', { class: 'input-toggle', type: 'button', 'aria-label': 'Show password' }, 'Show');
  toggle.addEventListener('click', () => {
    const shown = input.type === 'text';
    input.type = shown ? 'password' : 'text';
    toggle.textContent = shown ? 'Show' : 'Hide';
    toggle.setAttribute('aria-label', shown ? 'Show password' : 'Hide password');
  });
  return toggle;
}

/**
 * A form that cannot be sent twice at once. `act` gets the values by name; what it throws is shown at
 * the field it is about, else above the button. Amounts in a refusal are in `currency`.
 */
export function form({ fields, action, act, currency, before = [], after = [] }) {
  const notice = h('p', { class: 'notice is-bad', role: 'alert', hidden: true });
  const button = h('button', { class: 'button wide', type: 'submit' }, action);
  const element = h('form', { class: 'form', novalidate: true },
    before, fields.map((each) => each.box), notice, after, button);

  element.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.getAttribute('aria-disabled') === 'true') return;
    notice.hidden = true;
    const missing = fields.find((each) => each.control.required && each.value === '');
    if (missing) return refuse(missing, 'Please fill this in.');
    setBusy(button, true);
    try {
      await act(Object.fromEntries(fields.map((each) => [each.name, each.value])));
    } catch (error) {
      show(error);
    } finally {
      setBusy(button, false);
    }
  });

  function show(error) {
    const target = fields.find((each) => each.name === fieldOf(error, fields));
    if (target) return refuse(target, explain(error, currency));
    notice.textContent = explain(error, currency);
    notice.hidden = false;
  }

  function refuse(target, message) {
    target.refuse(message);
    target.control.focus();
  }

  return { element, button };
}

export function setBusy(button, busy) {
  button.setAttribute('aria-disabled', String(busy));
  button.classList.toggle('is-busy', busy);
}

/** An error about one field, found before the server was asked. */
export class FieldError extends Error {
  constructor(field, message) {
    super(message);
    this.field = field;
  }
}

// The server names the field as a fact, possibly as a JSON pointer; else the code begins with it.
function fieldOf(error, fields) {
  if (error instanceof FieldError) return error.field;
  if (!(error instanceof Problem)) return undefined;
  if (typeof error.facts.field === 'string') return error.facts.field.replace(/^\//, '');
  const personField = fields.some((each) => each.name === 'from') ? 'from' : 'to';
  const special = {
    recipient_not_found: personField, accounts_must_differ: personField,
    password_incorrect: 'old_password', password_too_weak: 'new_password',
    second_factor_incorrect: 'code', insufficient_funds: 'amount', limit_exceeded: 'amount', balance_overflow: 'amount',
  };
  const name = special[error.code];
  if (fields.some((each) => each.name === name)) return name;
  return fields.find((each) => error.code.startsWith(`${each.name}_`))?.name;
}

/** What happened and what to do, in the page's own words where it knows the facts. */
export function explain(error, currency) {
  if (!(error instanceof Problem)) {
    if (error instanceof Unreachable || error instanceof FieldError) return error.message;
    console.error(error);
    return 'Something on this page went wrong. Please reload it.';
  }
  const { facts } = error;
  switch (error.code) {
    case 'insufficient_funds':
      return currency ? `You have ${inWords(facts.available, currency)} available.` : error.message;
    case 'limit_exceeded':
      return currency ? withinLimit(inWords(facts.remaining, currency), facts.resets_at) : error.message;
    case 'currency_not_supported':
      return facts.supported ? `${error.message} It may hold ${facts.supported.join(', ')}.` : error.message;
    case 'invalid_request':
      return facts.field && facts.reason ? `This ${facts.reason}.` : error.message;
    case 'internal_error':
      return `Something went wrong on our side. If it stays, mention ${facts.request_id}.`;
    default:
      return error.message;
  }
}

function withinLimit(amount, resetsAt) {
  if (!resetsAt) return `A payment may be ${amount} at most.`;
  const words = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
  return `Your limit leaves ${amount} until ${words.format(new Date(resetsAt))}.`;
}
