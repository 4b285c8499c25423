// What the rules' refusals mean to a person, by the names of Sources/OfflineProtocol/RefusalNames.swift.

import { Refused } from './protocol.js';

const sentences = {
  // What was scanned.
  alphabet: 'This is no code of Florin.',
  unknown_type: 'This is no code of Florin.',
  wrong_length: 'This code is not complete. Please scan or copy it again.',
  not_canonical: 'This code is damaged. Please scan or copy it again.',
  // Requests.
  issuer_unknown: 'It was not made with a wallet of this Florin, or your keys are old: go online once.',
  certificate_forged: 'It is not genuine: the certificate was not made by this Florin.',
  request_forged: 'It is not genuine: somebody changed the request.',
  name_not_attested: 'The name in it is not the one that Florin knows. Do not pay.',
  currency_differs: 'It is in another currency.',
  payee_expired: 'Their wallet has not been online for too long. They need to go online first.',
  payee_revoked: 'Their wallet was revoked. Do not pay.',
  payee_is_payer: 'This is your own request.',
  request_already_paid: 'You have paid this already. Show the payment again from the history.',
  amount_differs: 'That is not the amount they ask for.',
  amount_must_be_positive: 'Enter an amount above zero.',
  // What one may spend.
  amount_above_transfer_limit: 'That is more than one offline payment may be.',
  sent_total_above_limit: 'You have used up your offline limit. Go online once to renew it.',
  counter_above_limit: 'You have made as many offline payments as may be. Go online once to renew.',
  certificate_expires_soon: 'Your offline wallet is about to expire. Go online once to renew it.',
  receive_only: 'This wallet only receives.',
  insufficient_funds: 'There is not enough in your offline wallet.',
  too_many_sources: 'It would take too many small pieces. Pay less, or go online once.',
  // Payments.
  expires_too_soon: 'The payer has not been online for too long: this money is about to expire.',
  payer_revoked: 'The payer has spent money twice. Do not take this.',
  conflicts: 'This money was spent before. Do not take it; the proof goes to Florin with your next sync.',
  record_forged: 'It is not genuine: a signature is wrong.',
  not_for_me: 'This pays somebody else.',
  request_unknown: 'This pays a request that you have not made here.',
  sum_differs: 'This is not the amount that you asked for.',
  above_policy: 'That is more than you want to take offline.',
  payment_unknown: 'This belongs to no payment of yours.',
};

/** The sentence for a rule's refusal; anything else is left to the form. */
export function wordsOf(error) {
  if (!(error instanceof Refused)) return null;
  return sentences[error.refusal] ?? `It breaks a rule of offline money (${error.refusal}). Do not take it.`;
}
