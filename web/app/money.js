// Amounts are integers of minor units, as everywhere in Florin. Nothing here is a floating-point number:
// a person's text becomes digits, digits become a BigInt, and back.

// ISO 4217, as in Sources/Values/Currency.swift. Browsers follow another table, which gives some
// currencies fewer places than banks do, so we do not ask them.
const places = new Map([
  ...'BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF'.split(' ').map((c) => [c, 0]),
  ...'BHD IQD JOD KWD LYD OMR TND'.split(' ').map((c) => [c, 3]),
]);

const whole = new Intl.NumberFormat(undefined, { numberingSystem: 'latn', maximumFractionDigits: 0 });
const decimalMark = new Intl.NumberFormat(undefined, { numberingSystem: 'latn' })
  .formatToParts(1.5).find((part) => part.type === 'decimal').value;

export const placesOf = (currency) => places.get(currency) ?? 2;

/** The parts of an amount as a person reads it: sign, currency, whole units, and the rest. */
export function parts(minorUnits, currency) {
  const value = BigInt(minorUnits);
  const count = placesOf(currency);
  const digits = (value < 0n ? -value : value).toString().padStart(count + 1, '0');
  return {
    sign: value < 0n ? '−' : '',
    currency,
    whole: whole.format(BigInt(digits.slice(0, digits.length - count))),
    fraction: count === 0 ? '' : decimalMark + digits.slice(-count),
  };
}

/** "KES 1,250.00": for sentences, labels and screen readers. */
export function inWords(minorUnits, currency) {
  const { sign, whole, fraction } = parts(minorUnits, currency);
  return `${sign}${currency}\u00a0${whole}${fraction}`;
}

/**
 * Reads what a person typed. Returns minor units as a Number, or throws an Error whose message says
 * what to type instead.
 */
export function read(text, currency) {
  const { major, minor } = split(text.replace(/[\s'’_]/g, ''));
  const count = placesOf(currency);
  if (!/^\d+$/.test(major) || !/^\d*$/.test(minor)) throw new Error('Enter an amount, such as 250.');
  if (minor.length > count) {
    throw new Error(count === 0
      ? `${currency} has no smaller unit: enter a whole number.`
      : `${currency} has ${count} decimal places at most.`);
  }
  const units = BigInt(major + minor.padEnd(count, '0'));
  if (units === 0n) throw new Error('Enter an amount above zero.');
  if (units > BigInt(Number.MAX_SAFE_INTEGER)) throw new Error('That amount is too large.');
  return Number(units);
}

// Both 1,250.50 and 1.250,50 are common. The later of two different marks is the decimal one. A single
// mark is decimal where this browser writes it so, or where three digits after it cannot be a group.
function split(text) {
  const marks = text.match(/[.,]/g) ?? [];
  const last = marks[marks.length - 1];
  if (last === undefined) return { major: text, minor: '' };

  const at = text.lastIndexOf(last);
  const mixed = new Set(marks).size > 1;
  const grouped = /^\d{3}$/.test(text.slice(at + 1)) && last !== decimalMark;
  const isDecimal = mixed || (marks.length === 1 && !grouped);
  const body = isDecimal ? text.slice(0, at) : text;
  if (!/^\d+$|^\d{1,3}([.,]\d{2,3})*[.,]\d{3}$/.test(body)) return { major: '', minor: '' };
  return { major: body.replace(/[.,]/g, ''), minor: isDecimal ? text.slice(at + 1) : '' };
}
