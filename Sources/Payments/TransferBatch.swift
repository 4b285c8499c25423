package import Ledger
package import Values

/// Many payments of one person, asked for at once.
package struct TransferBatch: Sendable {
    package enum Mode: String, Sendable, CaseIterable {
        /// Each payment for itself, in order.
        case independent
        /// All of them or none.
        case linked
    }

    package let mode: Mode
    package let transfers: [SendCommand]

    package static let transfersMax = 10_000

    package init(mode: Mode, transfers: [SendCommand]) {
        precondition((1...Self.transfersMax).contains(transfers.count))
        self.mode = mode
        self.transfers = transfers
    }

    /// A payment of a batch that was made.
    package struct Posted: Sendable {
        package let id: ID<Transfer>
        package let fee: Int64
        package let isReplay: Bool
    }

    /// A batch that is being answered.
    package struct Done: Sendable {
        /// One for each payment, in order.
        package let outcomes: [Decided<Posted>]
        /// What the payer's wallets in the batch's currencies hold afterwards.
        package let balances: [(currency: Currency, balance: Balance)]
    }
}

/// One of many that were asked for together: a refusal of one is no refusal of the others.
package enum Decided<Value: Sendable>: Sendable {
    case yes(Value)
    case no(any Refusal)

    /// Keeps what `body` returns or refuses, and throws on what is no refusal.
    init(_ body: () throws -> Value) throws {
        do { self = .yes(try body()) } catch let refusal as any Refusal { self = .no(refusal) }
    }

    func map<Next: Sendable>(_ body: (Value) throws -> Next) throws -> Decided<Next> {
        switch self {
        case .yes(let value): try Decided<Next> { try body(value) }
        case .no(let refusal): .no(refusal)
        }
    }

    var value: Value? {
        if case .yes(let value) = self { value } else { nil }
    }
}

/// The payment at fault in a linked batch, of which nothing was done.
package struct BatchRefused: Refusal {
    package let refusal: any Refusal
    /// Its place in the list, counted from 0.
    package let index: Int

    package var code: String { refusal.code }
    package var status: Int { refusal.status }
    package var detail: String { "Transfer \(index): \(refusal.detail)" }
    package var facts: [Fact] { [Fact("index", Int64(index))] + refusal.facts }
}
