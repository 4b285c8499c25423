// How hard a new password is to guess, while it is typed. The server decides; this only tells early.
//
// It is an estimate in bits that rather says too little: whatever looks like a word counts as one of a
// few thousand, and what anyone could know of the person counts as nothing.

import { h } from './dom.js';

const charactersMin = 8;
/** The server takes no more, and what is pasted must not stall the page. */
const charactersMax = 256;
/** One of 2,048 words, however long; and one more bit where its letters are not all small. */
const bitsPerWord = 11;
const bitsPerDressing = 6;
const bitsPerDigit = 3;
const bitsPerYear = 6;
const bitsPerRun = 2;
const bitsPerSignsMax = 14;
const bitsPerSign = 4.5;
/** Letters without a vowel are no word. */
const bitsPerLetter = 4.7;
const levels = [
  { bitsMin: 0, words: 'Too easy to guess' },
  { bitsMin: 26, words: 'Fair: a longer one is better' },
  { bitsMin: 40, words: 'Good' },
  { bitsMin: 60, words: 'Strong' },
];
/** Rows of the keyboard and of the alphabet, along which fingers run. */
const runs = ['abcdefghijklmnopqrstuvwxyz', '01234567890', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm'];
const leet = { 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', 7: 't', '@': 'a', $: 's' };

/** `known` is what others know of the person: names, number, address. */
export function bits(password, known = []) {
  let text = password.slice(0, charactersMax).toLowerCase();
  for (const word of known.flatMap(parts)) text = text.split(word).join(' ');
  const capitals = password === password.toLowerCase() ? 0 : 1;
  return capitals + Math.min(sum(text), dressedWord(text));
}

function sum(text) {
  const pieces = new Set(text.match(/\p{L}+|\d+|[^\p{L}\d\s]+/gu) ?? []);
  return [...pieces].reduce((bits, piece) => bits + bitsOf(piece), 0);
}

/** A word of which some letters are written as digits or signs stays one: p4ssw0rd. */
function dressedWord(text) {
  const [, core, tail] = /^(.*?)([\d\W_]*)$/u.exec(text);
  const plain = core.replace(/[013457@$]/g, (sign) => leet[sign]);
  const isWord = plain !== core && plain.length > 5 && /^[a-z]+$/.test(plain) && /[aeiouy]/.test(plain);
  return isWord ? bitsPerWord + bitsPerDressing + sum(tail) : Infinity;
}

function bitsOf(piece) {
  if (new Set(piece).size === 1 || isRun(piece)) return bitsPerRun;
  if (/^\d/.test(piece)) {
    const year = /^(19|20)\d\d$/.test(piece) ? bitsPerYear : Infinity;
    return Math.min(piece.length * bitsPerDigit, year);
  }
  if (!/^\p{L}/u.test(piece)) return Math.min(piece.length * bitsPerSign, bitsPerSignsMax);
  const asLetters = piece.length * bitsPerLetter;
  return /[aeiouy]|[^a-z]/.test(piece) ? Math.min(asLetters, bitsPerWord) : asLetters;
}

function isRun(piece) {
  const backwards = [...piece].reverse().join('');
  return piece.length > 2 && runs.some((run) => run.includes(piece) || run.includes(backwards));
}

function parts(word) {
  const whole = word.toLowerCase();
  return [whole, ...whole.split(/[\s@._+-]+/)].filter((part) => part.length > 2);
}

/** The level from 0 to 3 and its words; nothing for nothing. */
export function strength(password, known) {
  if (password === '') return null;
  if ([...password].length < charactersMin) return { level: 0, words: `At least ${charactersMin} characters` };
  const found = bits(password, known);
  const level = levels.findLastIndex(({ bitsMin }) => found >= bitsMin);
  return { level, words: levels[level].words };
}

/**
 * A meter below the field of a new password. What the server has refused stays refused here, with the
 * server's reason beside the field.
 */
export function strengthMeter(password, { known = () => [] } = {}) {
  const words = h('span', {});
  const meter = h('p', { class: 'strength', role: 'status', hidden: true },
    h('span', { class: 'strength-bars', 'aria-hidden': 'true' }, levels.map(() => h('i', {}))), words);
  const refused = new Set();
  const { refuse } = password;
  password.refuse = (message) => {
    refuse(message);
    if (message !== null && password.control.value !== '') refused.add(password.control.value);
    show();
  };
  password.control.addEventListener('input', show);
  password.box.append(meter);
  return password;

  function show() {
    const text = password.control.value;
    const found = refused.has(text) ? { level: 0, words: levels[0].words } : strength(text, known());
    meter.hidden = found === null;
    if (found === null) return;
    meter.dataset.level = found.level;
    words.textContent = found.words;
  }
}
