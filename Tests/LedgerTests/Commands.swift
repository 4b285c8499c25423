import Ledger
import Postgres
import Values

extension CommandKey {
    /// A key that differs from every other number's.
    static func test(_ number: Int) -> CommandKey { CommandKey(high: 0, low: UInt64(number)) }
}

extension Command {
    static func pay(
        _ debit: AccountID, _ credit: AccountID, _ amount: Int64, _ currency: Currency = World.kes,
        key: CommandKey? = nil, isLimited: Bool = false, attachments: [Attachment] = []
    ) -> Command {
        let leg = Leg(
            debit: debit, credit: credit, amount: Money(amount, currency),
            code: TransferCode(rawValue: 1), isLimited: isLimited)
        return Command(key: key, [.post(leg)], attachments: attachments)
    }
}

extension Result where Success == Receipt, Failure == any Error {
    /// The receipt, if there is one.
    var receipt: Receipt? { if case .success(let receipt) = self { receipt } else { nil } }

    /// The stable name of the refusal, if it is one.
    var refusal: String? {
        if case .failure(let error as any Refusal) = self { error.code } else { nil }
    }
}

/// What a slice of a test says when its row is not as it must be.
struct RowAlreadyChanged: Refusal {
    let code = "row_already_changed"
    let status = 409
    let detail = "Somebody was faster."
}

extension Command {
    /// A payment with a row of a slice beside it.
    static func attaching(
        _ debit: AccountID, _ credit: AccountID, _ amount: Int64, key: CommandKey? = nil,
        _ statements: (@Sendable (TransferID) -> SQL)...
    ) -> Command {
        pay(
            debit, credit, amount, key: key,
            attachments: statements.map { Attachment(else: RowAlreadyChanged(), $0) })
    }
}
