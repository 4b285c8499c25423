package import Identity
internal import Ledger
internal import Postgres
package import Values

/// Money on its way in or out: one row, which moves through `RailState`.
package struct RailPayment: Sendable, Equatable {
    package let id: ID<RailPayment>
    package let user: ID<User>
    package let kind: RailKind
    package let rail: String
    package let provider: String
    package let amount: Money
    package let fee: Money
    /// The owner's wallet, and the operator's money at the provider.
    let wallet: AccountID
    let float: AccountID
    /// The telephone number or e-mail address, sealed.
    let contact: [UInt8]
    package let createdAt: Timestamp

    // What follows changes, and only together with `version`; `dueAt` may change alone.
    package internal(set) var state: RailState
    /// Also the number of its last step.
    package internal(set) var version: Int64
    /// How often the provider was asked since it became unknown.
    package internal(set) var asks: Int64 = 0
    package internal(set) var calledAt: Timestamp?
    /// When somebody is to look at it; nil: never by itself.
    package internal(set) var dueAt: Timestamp?
    package internal(set) var reference: String?
    package internal(set) var receipt: String?
    package internal(set) var nextAction = NextAction.nothing
    package internal(set) var failure: RailFailure?
    var hold: TransferID?
    var feeHold: TransferID?
    var holdEndsAt: Timestamp?
    /// The line that moved the money.
    var transfer: TransferID?

    /// The same in another state. Below this line nobody asks again whether it may.
    func moved(to next: RailState) throws(IllegalMove) -> RailPayment {
        guard RailMove.isLegal(kind, from: state, to: next) else {
            throw IllegalMove(kind: kind, from: state, to: next)
        }
        var after = self
        after.state = next
        after.version += 1
        return after
    }

    /// The same with more known about it.
    func noted() -> RailPayment {
        var after = self
        after.version += 1
        return after
    }
}

/// Our mistake: the machine has no such move.
package struct IllegalMove: Error, Equatable, CustomStringConvertible {
    let kind: RailKind
    let from: RailState
    let to: RailState

    package var description: String {
        "a \(kind.rawValue) does not move from \(from.rawValue) to \(to.rawValue)"
    }
}

/// One line of a payment's timeline.
package struct RailStep: Sendable, Equatable {
    package enum Event: String, Sendable, CaseIterable {
        case created, held, calling, accepted, asked, unknown, review, settled, failed, reversed
        case chargedBack = "charged_back"
        /// The provider told us something; it is asked now.
        case told
        case holdRenewed = "hold_renewed"
        case decided
        /// The provider was told to give a top-up back.
        case refundOrdered = "refund_ordered"
    }

    package enum Actor: Sendable, Equatable {
        case program
        case owner
        case provider
        case staff(ID<User>)

        var name: String {
            switch self {
            case .program: "program"
            case .owner: "owner"
            case .provider: "provider"
            case .staff: "staff"
            }
        }

        var staff: ID<User>? {
            if case .staff(let user) = self { user } else { nil }
        }
    }

    package let event: Event
    package let actor: Actor
    /// More than the event says: a failure's code, what contradicts, a person's reason.
    package let detail: String?

    init(_ event: Event, by actor: Actor = .program, _ detail: String? = nil) {
        self.event = event
        self.actor = actor
        self.detail = detail
    }

    static let detailCharactersMax = 500
}

// MARK: Rows

extension RailPayment {
    static let columns: SQL = """
        id, user_id, kind, rail, provider, currency, amount, fee, wallet, float_account, contact,
        created_at, state, version, asks, called_at, due_at, reference, receipt, next_action,
        failure, hold, fee_hold, hold_ends_at, transfer
        """

    init(row: Row) throws {
        let (kind, state): (String, String) = (try row[2], try row[12])
        guard let kind = RailKind(rawValue: kind), let state = RailState(rawValue: state) else {
            throw UnreadableRow()
        }
        let currency: Currency = try row[5]
        (id, user, self.kind) = (try row[0], try row[1], kind)
        (rail, provider) = (try row[3], try row[4])
        (amount, fee) = (Money(try row[6], currency), Money(try row[7], currency))
        (wallet, float) = (AccountID(try row[8]), AccountID(try row[9]))
        (contact, createdAt) = (try row[10], try row[11])
        (self.state, version, asks) = (state, try row[13], try row[14])
        (calledAt, dueAt) = (try row[15], try row[16])
        (reference, receipt) = (try row[17], try row[18])
        let (action, failure): (String?, String?) = (try row[19], try row[20])
        nextAction = NextAction(stored: action)
        self.failure = failure.flatMap { RailFailure(rawValue: $0) }
        let (hold, feeHold): (Int64?, Int64?) = (try row[21], try row[22])
        (self.hold, self.feeHold) = (hold.map { TransferID($0) }, feeHold.map { TransferID($0) })
        holdEndsAt = try row[23]
        let transfer: Int64? = try row[24]
        self.transfer = transfer.map { TransferID($0) }
    }

    struct UnreadableRow: Error {}
}

extension NextAction {
    private static let prompt = "phone_prompt"

    init(stored text: String?) {
        switch text {
        case nil: self = .nothing
        case Self.prompt: self = .phonePrompt
        case let url?: self = .redirect(url)
        }
    }

    var stored: String? {
        switch self {
        case .nothing: nil
        case .phonePrompt: Self.prompt
        case .redirect(let url): url
        }
    }
}
