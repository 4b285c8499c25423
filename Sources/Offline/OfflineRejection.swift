internal import Values

/// Every reason this slice says no to a request, besides those of the ledger.
package enum OfflineRejection: String, Refusal, CaseIterable {
    case enrolmentInvalid = "offline_enrolment_invalid"
    case enrolmentForged = "offline_enrolment_forged"
    case keyTaken = "offline_key_taken"
    case debtOpen = "offline_debt_open"
    case tooManyWallets = "offline_wallets_too_many"
    case walletNotFound = "offline_wallet_not_found"
    case walletEnded = "offline_wallet_ended"
    case receiveOnly = "offline_wallet_receives_only"
    case limitExceeded = "offline_limit_exceeded"
    case quotaExceeded = "offline_quota_exceeded"
    case recordNotFound = "offline_record_not_found"
    case recordEnded = "offline_record_ended"
    case declineInvalid = "offline_decline_invalid"
    case proofNotFound = "offline_proof_not_found"
    case certifyingStopped = "offline_certifying_stopped"

    package var code: String { rawValue }

    package var status: Int {
        switch self {
        case .enrolmentInvalid, .enrolmentForged, .declineInvalid: 422
        case .keyTaken, .debtOpen, .tooManyWallets, .walletEnded, .receiveOnly, .limitExceeded,
            .recordEnded:
            409
        case .walletNotFound, .recordNotFound, .proofNotFound: 404
        case .quotaExceeded: 429
        case .certifyingStopped: 503
        }
    }

    package var detail: String {
        switch self {
        case .enrolmentInvalid:
            "The csr is not 117 bytes of a key, this person's id, a time and a signature."
        case .enrolmentForged: "The csr was not signed with its own key."
        case .keyTaken: "This key belongs to a wallet already; make a new one."
        case .debtOpen: "Money is owed for offline payments; pay it back first."
        case .tooManyWallets:
            "At most \(OfflinePolicy.walletsMax) offline wallets of a currency are in use at once."
        case .walletNotFound: "There is no such offline wallet of yours."
        case .walletEnded: "This offline wallet has ended; make a new one."
        case .receiveOnly: "This offline wallet only receives."
        case .limitExceeded: "This is more than may be kept offline at once."
        case .quotaExceeded: "Too much was uploaded today."
        case .recordNotFound: "There is no such offline payment of yours."
        case .recordEnded: "This offline payment has reached somebody, or has ended."
        case .declineInvalid: "The decline was not signed by who was paid."
        case .proofNotFound: "There is no proof against this wallet."
        case .certifyingStopped:
            "No key of the issuer is vouched for; its root must sign a new list."
        }
    }
}

/// A refusal of this slice with facts of its own.
struct OfflineRefusal: Refusal {
    let rejection: OfflineRejection
    let facts: [Fact]

    init(_ rejection: OfflineRejection, _ facts: Fact...) {
        self.rejection = rejection
        self.facts = facts
    }

    var code: String { rejection.code }
    var status: Int { rejection.status }
    var detail: String { rejection.detail }
}

/// Why one object of an upload is not taken. The others are taken all the same.
enum ObjectRejection: String, Sendable, CaseIterable {
    case notAnObject = "not_an_object"
    case walletUnknown = "wallet_unknown"
    case currencyDiffers = "currency_differs"
    case certificateForeign = "certificate_foreign"
    case signatureForged = "signature_forged"
    case payeeUnknown = "payee_unknown"
    case payeeIsPayer = "payee_is_payer"
    case hopInvalid = "hop_invalid"
    case limitsExceeded = "limits_exceeded"
    case sourceOverdrawn = "source_overdrawn"
    case sourceNotThePayers = "source_not_the_payers"
    case sourceRejected = "source_rejected"

    var code: String { rawValue }
}
