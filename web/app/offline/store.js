// Where offline wallets live in this browser: one row each, with the key that no script can read.
//
// A step reads the row, asks the rules, and writes the row again in one transaction that is on the disk
// before it is done: a counter that went back would make an honest person look like a cheat. A lock of the
// wallet's own keeps two tabs from using one counter.

import { askDevice } from './protocol.js';

const databaseName = 'florin-offline';
const version = 1;

let opening = null;

function database() {
  opening ??= new Promise((resolve, reject) => {
    const request = indexedDB.open(databaseName, version);
    request.onupgradeneeded = () => {
      request.result.createObjectStore('wallets', { keyPath: 'wid' });
      // Keys whose enrolment has not been answered yet.
      request.result.createObjectStore('keys', { keyPath: 'place' });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => {
      opening = null;
      reject(request.error);
    };
  });
  return opening;
}

async function transact(stores, mode, act) {
  const transaction = (await database()).transaction(stores, mode, { durability: 'strict' });
  const request = act(transaction);
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request?.result);
    transaction.onerror = () => reject(transaction.error);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** The wallets of an account that are in use, the oldest first. */
export async function walletsOf(account) {
  const rows = await transact(['wallets'], 'readonly', (transaction) => transaction.objectStore('wallets').getAll());
  return rows.filter((row) => row.account === account && !row.ended).sort((a, b) => a.enrolledAt - b.enrolledAt);
}

const wallet = (wid) => transact(['wallets'], 'readonly', (transaction) => transaction.objectStore('wallets').get(wid));
const keep = (row) => transact(['wallets'], 'readwrite', (transaction) => transaction.objectStore('wallets').put(row));

export const pendingKey = (place) =>
  transact(['keys'], 'readonly', (transaction) => transaction.objectStore('keys').get(place));
export const keepPendingKey = (row) =>
  transact(['keys'], 'readwrite', (transaction) => transaction.objectStore('keys').put(row));

/** Keeps a wallet that was enrolled; its key is pending no more. */
export const keepEnrolled = (row, place) => transact(['wallets', 'keys'], 'readwrite', (transaction) => {
  transaction.objectStore('keys').delete(place);
  return transaction.objectStore('wallets').put(row);
});

/** One step: what changed is stored before anything of it is shown. A refusal is thrown. */
export function step(wid, call, args) {
  return navigator.locks.request(`ofp1:${wid}`, async () => {
    const row = await wallet(wid);
    const { state, reply, refusal } = await askDevice(call, row.state, args);
    if (state !== null) await keep({ ...row, state });
    if (refusal !== null) throw refusal;
    return { row, reply };
  });
}

/** Changes what the page itself notes of a wallet. */
export function note(wid, changes) {
  return navigator.locks.request(`ofp1:${wid}`, async () => keep({ ...await wallet(wid), ...changes }));
}
