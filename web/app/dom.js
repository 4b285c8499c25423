// The few lines that stand between plain DOM calls and readable screens.

import { inWords, parts } from './money.js';

/** Makes an element: properties that start with "on" listen, booleans switch, the rest are attributes. */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An amount with its currency, exact and of one width; heard as one phrase. */
export function money(minorUnits, currency, { signed = '' } = {}) {
  const { sign, whole, fraction } = parts(minorUnits, currency);
  return h('span', { class: 'money' },
    h('span', { class: 'only-heard' }, `${signed}${inWords(minorUnits, currency)}`),
    h('span', { 'aria-hidden': 'true' },
      signed + sign, h('span', { class: 'money-code' }, currency), whole,
      h('span', { class: 'money-fraction' }, fraction)));
}

const shapes = {
  send: 'M4 12h15m-6-6 6 6-6 6',
  request: 'M20 12H5m6-6-6 6 6 6',
  add: 'M12 5v14M5 12h14',
  close: 'M6 6l12 12M18 6 6 18',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  shield: 'M12 3l7 3v5c0 4.5-3 8-7 10-4-2-7-5.5-7-10V6z',
  leave: 'M10 5H6a1 1 0 0 0-1 1v12a1 1 0 0 0 1 1h4M15 8l4 4-4 4M19 12H10',
  hold: 'M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18',
  phone: 'M8 3h8a1 1 0 0 1 1 1v16a1 1 0 0 1-1 1H8a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1M11 18h2',
  back: 'M4 10h11a5 5 0 0 1 0 10h-3M8 6l-4 4 4 4',
};

export function icon(name) {
  const svg = vector('0 0 24 24');
  svg.append(path(shapes[name], 2));
  return svg;
}

/** The ƒ on its coin, drawn in the colour of the text around it. */
export function coin(className) {
  const svg = vector('0 0 64 64');
  svg.setAttribute('class', className);
  const rim = document.createElementNS(svg.namespaceURI, 'circle');
  for (const [name, value] of Object.entries({ cx: 32, cy: 32, r: 30, fill: 'none', stroke: 'currentColor' })) {
    rim.setAttribute(name, value);
  }
  svg.append(rim, path('M42.5 18.6c-1.5-2.2-7.9-3.3-9.7 4.1L27.6 44c-1.2 4.8-5.4 6.4-8.1 4M23.6 31.2h15.2', 3.4));
  return svg;
}

function vector(viewBox) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', viewBox);
  svg.setAttribute('aria-hidden', 'true');
  return svg;
}

function path(shape, width) {
  const line = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  const style = {
    d: shape, fill: 'none', stroke: 'currentColor', 'stroke-width': width,
    'stroke-linecap': 'round', 'stroke-linejoin': 'round',
  };
  for (const [name, value] of Object.entries(style)) line.setAttribute(name, value);
  return line;
}

const toastMilliseconds = 6000;

/** Says something in passing, to eyes and to screen readers. */
export function toast(words) {
  const line = h('p', { class: 'toast' }, words);
  document.getElementById('toasts').append(line);
  setTimeout(() => line.remove(), toastMilliseconds);
}

/** Replaces what stands in `container`; the button that had the focus gets it back by its words. */
export function redraw(container, ...children) {
  const focused = container.contains(document.activeElement) ? document.activeElement.textContent : null;
  container.replaceChildren(...children);
  if (focused === null) return;
  const same = [...container.querySelectorAll('button')].find((button) => button.textContent === focused);
  same?.focus({ preventScroll: true });
}

/** No dialog outlives the session in which it was opened. */
export function closeDialogs() {
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
}

let dialogCount = 0;

/** Opens a dialog whose content may change; Escape, the cross and the backdrop close it. */
export function openDialog(title, { closed = () => {} } = {}) {
  const body = h('div', { class: 'dialog-body' });
  const headingID = `dialog-title-${dialogCount += 1}`;
  const heading = h('h2', { id: headingID, tabindex: '-1' }, title);
  const cross = h('button', { class: 'icon-button', type: 'button', 'aria-label': 'Close', onclick: () => dialog.close() },
    icon('close'));
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': headingID },
    h('div', { class: 'dialog-head' }, heading, cross), body);
  dialog.addEventListener('close', () => {
    dialog.remove();
    closed();
  });
  dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
  return {
    close: () => dialog.close(),
    onClose: (act) => dialog.addEventListener('close', act),
    add: (child) => body.append(child),
    show(newTitle, ...children) {
      heading.textContent = newTitle;
      body.replaceChildren(...children.filter((child) => child));
      const first = body.querySelector('[data-first], input, select') ?? heading;
      first.focus();
    },
  };
}
