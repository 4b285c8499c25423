package import Values

/// Every reason this slice says no, besides those of the ledger.
package enum PaymentRejection: String, Refusal, CaseIterable {
    case currencyNotSupported = "currency_not_supported"
    case recipientNotFound = "recipient_not_found"
    case amountMustBePositive = "amount_must_be_positive"
    case accountsMustDiffer = "accounts_must_differ"
    case walletNotFound = "wallet_not_found"
    case transferNotFound = "transfer_not_found"
    case holdNotFound = "hold_not_found"
    case requestNotFound = "request_not_found"
    case requestAlreadyDecided = "request_already_decided"
    case commitmentNotFound = "commitment_not_found"
    case cursorInvalid = "cursor_invalid"
    case noteTooLong = "note_too_long"

    package var code: String { rawValue }

    package var status: Int {
        switch self {
        case .walletNotFound, .transferNotFound, .holdNotFound, .requestNotFound,
            .recipientNotFound, .commitmentNotFound:
            404
        case .currencyNotSupported, .amountMustBePositive, .accountsMustDiffer, .noteTooLong: 422
        case .cursorInvalid: 400
        case .requestAlreadyDecided: 409
        }
    }

    package var detail: String {
        switch self {
        case .currencyNotSupported: "This wallet does not hold that currency."
        case .recipientNotFound: "Nobody here has that username, telephone number or e-mail."
        case .amountMustBePositive: "The amount must be at least one minor unit."
        case .accountsMustDiffer: "You cannot pay yourself."
        case .walletNotFound: "There is no such wallet of yours."
        case .transferNotFound: "There is no such transfer of yours."
        case .holdNotFound: "There is no such hold of yours."
        case .requestNotFound: "There is no such request of yours."
        case .requestAlreadyDecided: "This request was already accepted, declined or cancelled."
        case .commitmentNotFound:
            "No commitment was made of that day: it is not over, or nothing was written on it."
        case .cursorInvalid: "Pages go on with the next_cursor of the page before, unchanged."
        case .noteTooLong: "A note has at most \(Payments.noteCharactersMax) characters."
        }
    }
}

/// A refusal of this slice with facts of its own.
package struct UnsupportedCurrency: Refusal {
    package let supported: [String]

    package var code: String { PaymentRejection.currencyNotSupported.code }
    package var status: Int { PaymentRejection.currencyNotSupported.status }
    package var detail: String { PaymentRejection.currencyNotSupported.detail }
    package var facts: [Fact] { [Fact("supported", supported)] }
}
