internal import Identity
internal import Ledger
internal import Postgres
internal import Values

extension Payments {
    /// All of the orders as one command of the ledger.
    func sendAll(
        _ orders: [Decided<Order>], feesTo fees: [Currency: AccountID], under name: CommandKey
    ) async throws -> [Decided<TransferBatch.Posted>] {
        var linked = LinkedOperations()
        for (index, order) in orders.enumerated() {
            switch order {
            case .yes(let order):
                linked.append(
                    operations(of: order, .send, feesTo: fees[order.amount.currency]),
                    note: order.note)
            case .no(let refusal): throw BatchRefused(refusal: refusal, index: index)
            }
        }
        let receipt = try await submit(linked, under: name)
        let payments = Self.payments(of: receipt)
        if receipt.isReplay {
            let stored = try await notes(of: payments.map { $0[$0.startIndex].id })
            for (payment, order) in zip(payments, orders)
            where stored[payment[payment.startIndex].id] != order.value?.note {
                throw Self.otherNote
            }
        }
        return payments.map { lines in
            .yes(
                TransferBatch.Posted(
                    id: lines[lines.startIndex].publicID, fee: fee(in: lines),
                    isReplay: receipt.isReplay))
        }
    }

    private func submit(
        _ linked: LinkedOperations, under name: CommandKey
    ) async throws -> Receipt {
        do {
            return try await ledger.submit(
                Command(key: name, linked.operations, attachments: linked.attachments))
        } catch let refusal as LedgerRefusal {
            guard refusal.rejection != .idempotencyMismatch else { throw explained(refusal) }
            throw BatchRefused(refusal: refusal, index: linked.payment(with: refusal.operation))
        }
    }

    /// The lines of each payment. A replay may have other fees than would be taken now.
    private static func payments(of receipt: Receipt) -> [ArraySlice<Transfer>] {
        let lines = receipt.transfers
        let starts = lines.indices.filter { lines[$0].code != .fee }
        return zip(starts, starts.dropFirst() + [lines.count]).map { lines[$0..<$1] }
    }
}

/// The operations of a linked batch: each payment's own movement, then its fee if it has one.
private struct LinkedOperations {
    private(set) var operations: [Operation] = []
    /// Where each payment begins.
    private var starts: [Int] = []
    private var notes: [(place: Int, text: String)] = []

    mutating func append(_ payment: [Operation], note: String?) {
        if let note { notes.append((operations.count, note)) }
        starts.append(operations.count)
        operations += payment
    }

    /// The payment to which an operation belongs.
    func payment(with operation: Int) -> Int {
        (starts.firstIndex { $0 > operation } ?? starts.count) - 1
    }

    /// All notes in one statement.
    var attachments: [Attachment] {
        guard !notes.isEmpty else { return [] }
        let (places, texts) = (notes.map(\.place), notes.map(\.text))
        return [
            Attachment(rowsExpected: notes.count, else: PaymentRejection.noteTooLong) { first in
                """
                INSERT INTO payments.notes (transfer, note)
                SELECT \(first.number) + n.place, n.note
                FROM unnest(\(places), \(texts)) AS n(place, note)
                """
            }
        ]
    }
}
