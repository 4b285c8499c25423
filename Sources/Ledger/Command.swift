package import Postgres
package import Values

/// The name of a command, unique across owners: the first 16 bytes of a hash of owner and key.
package struct CommandKey: Sendable, Hashable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// For a command that nobody will repeat.
    package static func random() -> CommandKey {
        CommandKey(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }
}

/// A movement that is asked for.
package struct Leg: Sendable, Equatable {
    package let debit: AccountID
    package let credit: AccountID
    package let amount: Money
    package let code: TransferCode
    /// Whether it counts towards the debit account's limits.
    package let isLimited: Bool
    /// Whether the server worked it out itself, as it does a fee: a retry is not compared on it.
    /// Never a command's first leg.
    package let isDerived: Bool
    /// Whether it gives money back, as a refund does: the ceiling of the credit account, which had
    /// the money before, does not refuse it.
    package let isReturn: Bool

    package init(
        debit: AccountID, credit: AccountID, amount: Money, code: TransferCode,
        isLimited: Bool = false, isDerived: Bool = false, isReturn: Bool = false
    ) {
        self.debit = debit
        self.credit = credit
        self.amount = amount
        self.code = code
        self.isLimited = isLimited
        self.isDerived = isDerived
        self.isReturn = isReturn
    }
}

package enum Operation: Sendable, Equatable {
    case post(Leg)
    /// Reserves for `seconds`, counted from the moment of writing.
    case hold(Leg, seconds: Int64)
    /// Moves `amount` minor units of the hold, or all of it.
    case capture(hold: TransferID, amount: Int64?)
    case void(hold: TransferID)
    case expire(hold: TransferID)
    case reverse(TransferID)
}

/// What is asked of the ledger: one or several linked operations that all happen or none does.
package struct Command: Sendable {
    /// Nil only for what by its nature happens once, such as an expiry: without a key the ledger
    /// cannot tell a repetition, and who sent it cannot ask again what became of it.
    package let key: CommandKey?
    package let operations: [Operation]
    package let attachments: [Attachment]
    /// The term under which another process forwarded it, and beyond which it must not be done.
    var term: Int64?

    /// Ten thousand linked transfers, each with its fee.
    package static let operationsMax = 20_000
    package static let holdSecondsMax: Int64 = 31 * 86_400

    package init(key: CommandKey?, _ operations: [Operation], attachments: [Attachment] = []) {
        precondition(!operations.isEmpty && operations.count <= Self.operationsMax)
        self.key = key
        self.operations = operations
        self.attachments = attachments
    }
}

/// What a slice writes in the transaction in which its money moves.
///
/// An attachment that does not change the rows it must refuses its command alone: the rest of the
/// batch is decided again without it.
package struct Attachment: Sendable {
    /// Given the id of the command's first transfer.
    package let statement: @Sendable (TransferID) -> SQL
    package let rowsExpected: Int
    package let refusal: any Refusal

    package init(
        rowsExpected: Int = 1, else refusal: any Refusal,
        _ statement: @escaping @Sendable (TransferID) -> SQL
    ) {
        self.statement = statement
        self.rowsExpected = rowsExpected
        self.refusal = refusal
    }
}

/// What a command did.
package struct Receipt: Sendable {
    /// One line for each operation, in order.
    package let transfers: [Transfer]
    /// Whether an earlier command of the same key did it.
    package let isReplay: Bool

    package var first: Transfer { transfers[0] }
}
