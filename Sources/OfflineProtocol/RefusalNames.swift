// Refusals as pages and terminals know them, in the order of checking.

extension DecodingFault {
    package var name: String {
        switch self {
        case .wrongLength: "wrong_length"
        case .unknownType: "unknown_type"
        case .valueOutOfRange: "value_out_of_range"
        case .amountMustBePositive: "amount_must_be_positive"
        case .sourceSpentBelowAmount: "source_spent_below_amount"
        case .sentTotalBelowSourceSpent: "sent_total_below_source_spent"
        case .pointNotOnCurve: "point_not_on_curve"
        case .textInvalid: "text_invalid"
        case .notSorted: "not_sorted"
        case .chainInvalid: "chain_invalid"
        case .alphabet: "alphabet"
        case .notCanonical: "not_canonical"
        }
    }
}

extension SpendRefusal {
    package var name: String {
        switch self {
        case .issuerUnknown: "issuer_unknown"
        case .algorithmUnknown: "algorithm_unknown"
        case .currencyDiffers: "currency_differs"
        case .certificateForged: "certificate_forged"
        case .payeeExpired: "payee_expired"
        case .payeeRevoked: "payee_revoked"
        case .requestForged: "request_forged"
        case .nameNotAttested: "name_not_attested"
        case .payeeIsPayer: "payee_is_payer"
        case .requestAlreadyPaid: "request_already_paid"
        case .amountMustBePositive: "amount_must_be_positive"
        case .amountDiffers: "amount_differs"
        case .amountAboveTransferLimit: "amount_above_transfer_limit"
        case .sentTotalAboveLimit: "sent_total_above_limit"
        case .counterAboveLimit: "counter_above_limit"
        case .certificateExpiresSoon: "certificate_expires_soon"
        case .receiveOnly: "receive_only"
        case .insufficientFunds: "insufficient_funds"
        case .tooManySources: "too_many_sources"
        }
    }
}

extension PaymentRefusal {
    package var name: String {
        switch self {
        case .issuerUnknown: "issuer_unknown"
        case .algorithmUnknown: "algorithm_unknown"
        case .currencyDiffers: "currency_differs"
        case .certificateForged: "certificate_forged"
        case .expiresTooSoon: "expires_too_soon"
        case .payerRevoked: "payer_revoked"
        case .recordForged: "record_forged"
        case .amountAboveTransferLimit: "amount_above_transfer_limit"
        case .counterAboveLimit: "counter_above_limit"
        case .sentTotalAboveLimit: "sent_total_above_limit"
        case .hopInvalid: "hop_invalid"
        case .sourceSpentAboveLimit: "source_spent_above_limit"
        case .sourceNotThePayers: "source_not_the_payers"
        case .sourceOverdrawn: "source_overdrawn"
        case .tooManyHops: "too_many_hops"
        case .notForMe: "not_for_me"
        case .requestUnknown: "request_unknown"
        case .sumDiffers: "sum_differs"
        case .conflicts: "conflicts"
        case .abovePolicy: "above_policy"
        case .datedAfterExpiry: "dated_after_expiry"
        }
    }
}

extension StepRefusal {
    package var name: String {
        switch self {
        case .paymentUnknown: "payment_unknown"
        case .stepOutOfOrder: "step_out_of_order"
        case .signatureForged: "signature_forged"
        }
    }
}

extension NewsRefusal {
    package var name: String {
        switch self {
        case .keysForged: "keys_forged"
        case .issuerUnknown: "issuer_unknown"
        case .certificateForged: "certificate_forged"
        case .certificateOfAnother: "certificate_of_another"
        case .nameDiffers: "name_differs"
        case .revocationsForged: "revocations_forged"
        }
    }
}

extension OfflineWallet.State {
    package var name: String {
        switch self {
        case .reserved: "reserved"
        case .signed: "signed"
        case .shown: "shown"
        case .acknowledged: "acknowledged"
        case .undelivered: "undelivered"
        case .settled: "settled"
        }
    }
}
