package import Values

/// Every reason the ledger says no, in the order it checks them.
package enum LedgerRejection: String, Sendable, CaseIterable {
    case idempotencyMismatch = "idempotency_mismatch"
    case amountMustBePositive = "amount_must_be_positive"
    case accountsMustDiffer = "accounts_must_differ"
    case holdTimeOutOfRange = "hold_time_out_of_range"
    case accountNotFound = "account_not_found"
    case currenciesMustMatch = "currencies_must_match"
    case holdNotFound = "hold_not_found"
    case transferNotFound = "transfer_not_found"
    case holdAlreadyEnded = "hold_already_ended"
    case holdExpired = "hold_expired"
    case holdNotYetExpired = "hold_not_yet_expired"
    case amountExceedsHold = "amount_exceeds_hold"
    case transferNotReversible = "transfer_not_reversible"
    case transferAlreadyReversed = "transfer_already_reversed"
    case moneyOutStopped = "money_out_stopped"
    case debitAccountClosed = "debit_account_closed"
    case creditAccountClosed = "credit_account_closed"
    case insufficientFunds = "insufficient_funds"
    case limitExceeded = "limit_exceeded"
    case balanceOverflow = "balance_overflow"
    case recipientCannotReceive = "recipient_cannot_receive"

    /// Whether the same command may succeed later.
    package var isTransient: Bool {
        switch self {
        case .insufficientFunds, .limitExceeded, .debitAccountClosed, .creditAccountClosed,
            .holdNotYetExpired, .balanceOverflow, .recipientCannotReceive, .moneyOutStopped:
            true
        case .idempotencyMismatch, .amountMustBePositive, .holdTimeOutOfRange,
            .accountsMustDiffer, .accountNotFound, .currenciesMustMatch, .holdNotFound,
            .transferNotFound, .holdAlreadyEnded, .holdExpired, .amountExceedsHold,
            .transferNotReversible, .transferAlreadyReversed:
            false
        }
    }

    package var status: Int {
        switch self {
        case .holdNotFound, .transferNotFound, .accountNotFound: 404
        case .amountMustBePositive, .holdTimeOutOfRange, .accountsMustDiffer,
            .currenciesMustMatch, .amountExceedsHold, .idempotencyMismatch:
            422
        case .holdAlreadyEnded, .holdExpired, .holdNotYetExpired, .transferNotReversible,
            .transferAlreadyReversed, .debitAccountClosed, .creditAccountClosed,
            .balanceOverflow, .recipientCannotReceive, .insufficientFunds, .limitExceeded:
            409
        case .moneyOutStopped: 503
        }
    }

    package var detail: String {
        switch self {
        case .idempotencyMismatch:
            "This Idempotency-Key was used for a different command; a new command needs a new key."
        case .amountMustBePositive: "The amount must be at least one minor unit."
        case .holdTimeOutOfRange: "A hold lasts between one second and 31 days."
        case .accountsMustDiffer: "Money cannot move from an account to itself."
        case .accountNotFound: "There is no such account."
        case .currenciesMustMatch: "Both accounts must hold the currency of the amount."
        case .holdNotFound: "There is no such hold."
        case .transferNotFound: "There is no such transfer."
        case .holdAlreadyEnded: "This hold was already captured, voided or has expired."
        case .holdExpired: "This hold's time is over; its money is available again."
        case .holdNotYetExpired: "This hold's time is not over yet."
        case .amountExceedsHold: "More was asked for than the hold reserved."
        case .transferNotReversible: "Only a transfer that moved money can be reversed."
        case .transferAlreadyReversed: "This transfer was already reversed."
        case .moneyOutStopped:
            "Payments are paused while the operator checks the books; nothing was done."
        case .debitAccountClosed: "The paying account is closed."
        case .creditAccountClosed: "The receiving account is closed."
        case .balanceOverflow: "The balance would exceed what an account can hold."
        case .insufficientFunds: "The available balance is too low for this amount."
        case .limitExceeded: "This would exceed a limit of the account."
        case .recipientCannotReceive: "The recipient cannot receive this amount at present."
        }
    }
}

/// A rejection with its facts: what is available, which limit, what differs.
package struct LedgerRefusal: Refusal, Equatable {
    package let rejection: LedgerRejection
    package let facts: [Fact]
    /// Which of the command's operations was refused, counted from 0.
    package internal(set) var operation = 0

    package init(_ rejection: LedgerRejection, _ facts: [Fact] = []) {
        self.rejection = rejection
        self.facts = facts
    }

    /// What a limit leaves is not enough.
    package init(exceeding use: LimitUse) {
        self.init(.limitExceeded, use.facts)
    }

    package var code: String { rejection.rawValue }
    package var status: Int { rejection.status }
    package var detail: String { rejection.detail }
}

/// The ledger has more work waiting than it will promise to do.
package struct LedgerOverloaded: Refusal {
    package let code = "overloaded"
    package let status = 503
    package let detail =
        "The server is busy; nothing was done. Try again shortly with the same key."
    package let facts = [Fact("retry_after", 1)]

    package init() {}
}
