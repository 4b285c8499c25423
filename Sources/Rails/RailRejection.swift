package import Values

/// Every reason this slice says no, in the order of checking, besides those of the ledger.
package enum RailRejection: String, Refusal, CaseIterable {
    case railNotAvailable = "rail_not_available"
    case amountBelowMinimum = "amount_below_minimum"
    case amountAboveMaximum = "amount_above_maximum"
    case amountNotPayable = "amount_not_payable"
    case contactMissing = "rail_contact_missing"
    case destinationTaken = "rail_destination_taken"
    case railDown = "rail_down"
    case paymentNotFound = "payment_not_found"
    case paymentUnderWay = "payment_under_way"
    case paymentNotInReview = "payment_not_in_review"
    case paymentNotRefundable = "payment_not_refundable"
    case refundRefused = "refund_refused"
    case callbackUnverified = "callback_unverified"

    package var code: String { rawValue }

    package var status: Int {
        switch self {
        case .railNotAvailable, .amountBelowMinimum, .amountAboveMaximum, .amountNotPayable: 422
        case .contactMissing, .destinationTaken, .paymentUnderWay, .paymentNotInReview,
            .paymentNotRefundable, .refundRefused:
            409
        case .railDown: 503
        case .paymentNotFound: 404
        case .callbackUnverified: 400
        }
    }

    package var detail: String {
        switch self {
        case .railNotAvailable: "Money of this currency does not go this way here."
        case .amountBelowMinimum: "The amount is below the least that this rail moves."
        case .amountAboveMaximum: "The amount is above the most that this rail moves at once."
        case .amountNotPayable: "This rail moves whole units only."
        case .contactMissing:
            "This rail reaches people by a number, address or account that you have not proven."
        case .destinationTaken: "This account at the provider is another person's."
        case .railDown: "The provider of this rail does not answer; nothing was done. Try later."
        case .paymentNotFound: "There is no such payment of yours."
        case .paymentUnderWay:
            "The provider has been asked, so this cannot be cancelled any more."
        case .paymentNotInReview: "Only a payment in review is decided by a person."
        case .paymentNotRefundable:
            "Only a top-up that is settled, at a provider that gives back, is refunded."
        case .refundRefused: "The provider refuses to give it back."
        case .callbackUnverified: "This callback proves nothing."
        }
    }
}

/// A refusal of this slice with facts of its own.
package struct RailRefusal: Refusal, Equatable {
    package let rejection: RailRejection
    package let facts: [Fact]

    init(_ rejection: RailRejection, _ facts: Fact...) {
        self.rejection = rejection
        self.facts = facts
    }

    package var code: String { rejection.code }
    package var status: Int { rejection.status }
    package var detail: String { rejection.detail }
}

/// Somebody else moved the payment first; whoever meets this looks again.
struct PaymentMoved: Refusal {
    let code = "unavailable"
    let status = 503
    let detail = "The payment moved meanwhile; try again in a moment."
    let facts = [Fact("retry_after", 1)]
}
