// What the server answers, as the API describes it. Amounts are whole numbers of minor units;
// moments are RFC 3339 in UTC, as they came.

/// A person with a wallet.
public struct User: Sendable, Equatable {
    public let id: String
    public let username: String
    public let phone: String?
    public let email: String?
    /// `customer`, `merchant`, `worker`, `staff` and the like.
    public let role: String
    public let phoneVerified: Bool
    /// `FREE` or `PREMIUM`: limits and fees differ.
    public let plan: String
    /// 0 to 2: how well the person is known.
    public let kycTier: Int64
    public let createdAt: String
    public let emailVerified: Bool
    public let fullName: String?
    /// Such as `1990-03-31`.
    public let birthDate: String?
    /// A tag of BCP 47, such as `sw`.
    public let language: String?
}

/// The tokens of a log-in. Secret: whoever has them is the person.
public struct Credentials: Sendable, Equatable {
    public let accessToken: String
    public let refreshToken: String

    public init(accessToken: String, refreshToken: String) {
        self.accessToken = accessToken
        self.refreshToken = refreshToken
    }
}

extension Credentials: CustomStringConvertible, CustomDebugStringConvertible {
    /// Says nothing, so that no log does.
    public var description: String { "Credentials(•••)" }
    public var debugDescription: String { description }
}

/// A log-in: who, and with which tokens.
public struct Session: Sendable, Equatable {
    public let user: User
    public let credentials: Credentials
    /// Seconds until the access token must be renewed, which the client does by itself.
    public let expiresIn: Int64
    /// `standard`, or `strict`: then it ends with the visit.
    public let mode: String
    /// When this device has just become known: keep it for the person's next log-in, which then
    /// needs no second step.
    public let device: String?
}

/// A proven telephone number, and what makes the device known on which that was done.
public struct Verification: Sendable, Equatable {
    public let user: User
    public let device: String?
}

/// The password was right and the device is not known: the log-in waits for a second step.
public struct SecondStep: Sendable, Equatable {
    public let challenge: String
    /// What it can be answered with, such as `sms_code`.
    public let methods: [String]
    /// The telephone number, all but its ends hidden.
    public let sentTo: String?

    /// Nil when the error is not about a second step.
    public init?(_ error: any Error) {
        guard case FlorinError.problem(let problem) = error,
            problem.code == "second_step_required",
            case .text(let challenge)? = problem.facts["challenge"],
            case .texts(let methods)? = problem.facts["methods"]
        else { return nil }
        self.challenge = challenge
        self.methods = methods
        sentTo = if case .text(let masked)? = problem.facts["sent_to"] { masked } else { nil }
    }
}

public struct Balance: Sendable, Equatable {
    public let posted: Int64
    public let held: Int64
    /// What can be spent: posted without held.
    public let available: Int64
}

/// Money of one currency.
public struct Wallet: Sendable, Equatable {
    public let id: String
    public let currency: String
    public let balance: Balance
}

/// A movement of money, or a hold: a movement that is only promised yet.
public struct Transfer: Sendable, Equatable {
    public let id: String
    /// `posted`, `reversed`, `held`, `captured`, `voided` or `expired`.
    public let status: String
    /// `transfer`, `hold`, `capture`, `void`, `expiry` or `reversal`.
    public let kind: String
    public let purpose: String
    public let amount: Int64
    public let currency: String
    public let fee: Int64
    public let from: String?
    public let to: String?
    public let note: String?
    /// When a hold ends by itself.
    public let expiresAt: String?
    public let createdAt: String
    /// The caller's balance afterwards; only commands answer with it.
    public let balance: Balance?
    /// Whether the command had been carried out before, under the same key.
    public let isReplay: Bool
}

/// A hold is a transfer whose status is `held` until it is captured, voided or expires.
public typealias Hold = Transfer

/// What sending would cost.
public struct Quote: Sendable, Equatable {
    public let amount: Int64
    public let fee: Int64
    public let total: Int64
    public let currency: String
    /// The username behind the name that was given.
    public let to: String
    public let available: Int64
    public let isSufficient: Bool
    /// Whether the payment will want the PIN, or a session that was stepped up.
    public let isPinRequired: Bool
}

/// A line of a wallet's history.
public struct Entry: Sendable, Equatable {
    public let id: String
    public let kind: String
    public let purpose: String
    public let isIncoming: Bool
    public let amount: Int64
    public let currency: String
    public let counterparty: String?
    public let note: String?
    public let createdAt: String
    /// Right after this entry.
    public let balance: Balance
}

/// Somebody asks somebody for money.
public struct PaymentRequest: Sendable, Equatable {
    public let id: String
    /// `pending`, `accepted`, `declined` or `cancelled`.
    public let status: String
    /// Whether the caller is the one who is asked to pay.
    public let isOwed: Bool
    /// Who is asked to pay.
    public let from: String
    /// Who asked.
    public let to: String
    public let amount: Int64
    public let currency: String
    public let note: String?
    public let createdAt: String
}

/// A message in the sandbox's outbox of SMS and e-mail.
public struct SandboxMessage: Sendable, Equatable {
    public let to: String
    public let channel: String
    public let body: String
    public let createdAt: String
}

/// One page of a list, and where the next one starts; nil at the end.
public struct Listing<Element: Sendable>: Sendable {
    public let elements: [Element]
    public let nextCursor: String?
}

/// What a live stream tells.
public enum LiveEvent: Sendable, Equatable {
    /// The stream is open; what happens from now on is told.
    case ready
    /// The stream broke. The client goes on trying, and what is missed meanwhile is told then.
    case interrupted
    case entry(walletID: String, Entry)
    /// The request changed; the answer to `paymentRequest(_:)` has the rest.
    case request(id: String, status: String, amount: Int64, currency: String)
    /// Something that this version of the client has no words for.
    case other(name: String, data: String)
}
