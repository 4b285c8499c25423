package import HTTP
package import Values

/// The seam to the outside: whoever can bring money in or take it out.
///
/// An adapter knows the wire format of its provider, and neither tables nor accounts. It talks
/// through the conversation alone, and whatever happens it answers: an adapter throws nothing. Each
/// passes the same conformance suite (`Tests/RailsTests`).
package protocol PaymentProvider: Sendable {
    /// As in `/v1/callbacks/{provider}` and in the table of payments, for ever.
    var name: String { get }
    /// What it can do.
    var services: [RailService] { get }

    /// Asks the provider to act, once. The order's id is what the provider knows it by.
    func call(_ order: RailOrder, over conversation: Conversation) async -> CallAnswer

    /// Asks the provider what became of an order.
    func ask(_ question: RailQuestion, over conversation: Conversation) async -> AskAnswer

    /// Whether it gives top-ups back.
    var givesBack: Bool { get }

    /// Has the provider give back what a top-up has brought, once, however often it is asked.
    func giveBack(_ question: RailQuestion, over conversation: Conversation) async -> CallAnswer

    /// Whether the provider says that a callback is its own; for those whose signature nobody else
    /// can check. The caller waits for its 2xx.
    func verify(_ callback: InboundCallback, over conversation: Conversation) async -> Bool

    /// Understands what came to one of our callbacks, after verifying it as far as this provider
    /// lets anyone without being asked.
    func read(_ callback: InboundCallback) throws(CallbackUnverified) -> CallbackReading

    /// The same of one that was verified when it came, and whose head is gone.
    func reread(_ callback: InboundCallback) throws(CallbackUnverified) -> CallbackReading
}

extension PaymentProvider {
    package func verify(
        _ callback: InboundCallback, over conversation: Conversation
    ) async -> Bool { true }

    package var givesBack: Bool { false }

    package func giveBack(
        _ question: RailQuestion, over conversation: Conversation
    ) async -> CallAnswer { .refused(.refused) }

    /// Right for providers that sign nothing.
    package func reread(
        _ callback: InboundCallback
    ) throws(CallbackUnverified) -> CallbackReading { try read(callback) }
}

/// One thing that a provider does, and within which bounds.
package struct RailService: Sendable {
    /// What people choose: `mpesa`, `card`.
    package let rail: String
    package let kind: RailKind
    package let currency: Currency
    /// Minor units that an amount is a multiple of.
    package let unit: Int64
    /// Minor units.
    package let amountMin: Int64
    package let amountMax: Int64
    /// What its provider knows a person by.
    package let contact: RailContact
    /// How long the provider usually takes until it knows: the first question comes after it.
    package let usualSeconds: Int64
    /// From how many seconds after the call on `absent` proves that the provider did not and will
    /// not act; nil where it never does.
    package let absenceProvesAfterSeconds: Int64?
    /// How long after its end it is asked about once more, as some that are paid come back and some
    /// that failed are paid late; nil where that does not happen.
    package let asksAgainAfterSeconds: Int64?

    package init(
        rail: String, kind: RailKind, currency: Currency, unit: Int64 = 1,
        amounts: ClosedRange<Int64>, contact: RailContact = .phone, usualSeconds: Int64,
        absenceProvesAfterSeconds: Int64?, asksAgainAfterSeconds: Int64? = nil
    ) {
        precondition(unit > 0 && amounts.lowerBound > 0)
        self.rail = rail
        self.kind = kind
        self.currency = currency
        self.unit = unit
        amountMin = amounts.lowerBound
        amountMax = amounts.upperBound
        self.contact = contact
        self.usualSeconds = usualSeconds
        self.absenceProvesAfterSeconds = absenceProvesAfterSeconds
        self.asksAgainAfterSeconds = asksAgainAfterSeconds
    }
}

/// What a provider knows a person by, and so where money comes from or goes to.
package enum RailContact: Sendable {
    /// Nothing: they show themselves to the provider.
    case none
    /// The proven telephone number.
    case phone
    /// The proven address.
    case email
    /// An account of theirs at the provider, which staff have looked at and entered.
    case account
}

/// What the provider is asked to do.
package struct RailOrder: Sendable {
    package let id: ID<RailPayment>
    package let service: RailService
    package let amount: Money
    /// Whose money it is.
    package let username: String
    /// Where it comes from or goes to.
    package let phone: PhoneNumber?
    package let email: EmailAddress?
    package let account: String?
    /// Where the provider's callbacks about this order come in.
    package let callbacks: CallbackAddresses
}

package struct RailQuestion: Sendable {
    package let order: RailOrder
    /// What the provider called it when it accepted it, if that was heard.
    package let reference: String?
    /// What the provider called it when it had acted, if that was heard.
    package let receipt: String?
}

/// What came of a call.
package enum CallAnswer: Sendable, Equatable {
    /// The provider has it and will act.
    case accepted(reference: String, NextAction)
    case settled(RailReceipt)
    /// Proven: the provider did not act and will not.
    case refused(RailFailure)
    /// It may have acted.
    case unknown
}

/// What the person has to do now.
package enum NextAction: Sendable, Equatable {
    case nothing
    /// Answer what appears on the telephone.
    case phonePrompt
    /// Open this page.
    case redirect(String)
}

/// What came of a question.
package enum AskAnswer: Sendable, Equatable {
    /// The provider has not decided, or will answer by a callback.
    case pending
    case settled(RailReceipt)
    /// Proven: the provider did not act and will not.
    case failed(RailFailure)
    /// It had acted, and took it back.
    case reversed(RailReceipt?)
    /// It had acted, and the payer's bank took the money back.
    case chargedBack(RailReceipt?)
    /// The provider has never heard of it.
    case absent
    /// No answer that says anything.
    case silent
}

/// What the provider did, as its own books call it.
package struct RailReceipt: Sendable, Equatable {
    /// Unique at the provider.
    package let text: String
    /// Nil where the provider does not say.
    package let amount: Money?

    package init(_ text: String, _ amount: Money?) {
        self.text = text
        self.amount = amount
    }
}

/// Why a payment failed, in words of ours: providers have hundreds of their own.
package enum RailFailure: String, Sendable, CaseIterable {
    case cancelledByOwner = "cancelled_by_owner"
    case declinedByPayer = "declined_by_payer"
    case wrongPin = "wrong_pin"
    case insufficientFunds = "insufficient_funds_at_provider"
    case notAnswered = "not_answered"
    case limitReached = "limit_reached_at_provider"
    case recipientUnknown = "recipient_unknown"
    case providerUnreachable = "provider_unreachable"
    case providerBusy = "provider_busy"
    /// The operator's own money at the provider is used up.
    case floatEmpty = "float_empty"
    case refused
    case neverReceived = "never_received"
    case decidedByStaff = "decided_by_staff"

    package var words: String {
        switch self {
        case .cancelledByOwner: "You cancelled it."
        case .declinedByPayer: "It was declined on the telephone."
        case .wrongPin: "The PIN entered on the telephone was wrong."
        case .insufficientFunds: "There was not enough money where it should come from."
        case .notAnswered: "The prompt on the telephone was not answered in time."
        case .limitReached: "It was over a limit of the provider."
        case .recipientUnknown: "The provider does not know this recipient."
        case .providerUnreachable: "The provider could not be reached."
        case .providerBusy: "The provider was busy."
        case .floatEmpty: "The provider could not pay it out at the moment."
        case .refused: "The provider refused it."
        case .neverReceived: "The provider never received it."
        case .decidedByStaff: "One of our people looked into it."
        }
    }
}

/// A request that came to one of our callbacks.
package struct InboundCallback: Sendable {
    package let body: [UInt8]
    package let json: JSON
    /// What the path said, already proven to be one that we made; nil for a provider's common
    /// address.
    package let token: CallbackToken?
    package let now: Timestamp
    private let headers: @Sendable (String) -> String?

    package init(
        body: [UInt8], json: JSON, token: CallbackToken?, now: Timestamp,
        headers: @escaping @Sendable (String) -> String?
    ) {
        self.body = body
        self.json = json
        self.token = token
        self.now = now
        self.headers = headers
    }

    package func header(_ name: String) -> String? { headers(name) }
}

/// The callback proves nothing: it is answered with 400 and not stored.
package struct CallbackUnverified: Error, Equatable {
    package init() {}
}

package struct CallbackReading: Sendable, Equatable {
    /// What makes two deliveries the same: the provider's event id, or a hash where it has none.
    package let event: String
    package let subject: Subject
    package let meaning: Meaning

    package enum Subject: Sendable, Equatable {
        case payment(ID<RailPayment>)
        /// What the provider called it when it accepted it.
        case reference(String)
        /// What the provider called it when it had acted.
        case receipt(String)
        case nothing
    }

    package enum Meaning: Sendable, Equatable {
        /// Something happened: ask. The provider's names for it, where the callback tells them.
        case ask(reference: String?, receipt: String?)
        /// The answer to a question of ours.
        case answer(AskAnswer)
    }

    package init(event: String, subject: Subject, meaning: Meaning) {
        self.event = event
        self.subject = subject
        self.meaning = meaning
    }
}

extension CallAnswer {
    /// What a call came to that got no answer.
    package init(_ error: OutboundError) {
        switch error.delivery {
        case .notSent: self = .refused(.providerUnreachable)
        case .unknown: self = .unknown
        }
    }
}
