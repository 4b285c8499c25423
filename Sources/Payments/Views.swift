internal import Cryptography
internal import Identity
internal import Ledger
internal import Postgres
internal import Values

extension Payments {
    /// The name of a command in the ledger: keys of different people never meet.
    func commandKey(_ key: IdempotencyKey, of owner: ID<User>) -> CommandKey {
        commandKey(hashing: "\(owner):\(key.text)")
    }

    func commandKey(hashing text: String) -> CommandKey {
        let digest = Hash.sha256(text)
        func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
            bytes.reduce(0) { $0 << 8 | UInt64($1) }
        }
        return CommandKey(high: word(digest[0..<8]), low: word(digest[8..<16]))
    }

    /// The lines of one command with names, note and state.
    func payment(_ lines: [Transfer], endedBy ending: Transfer? = nil) async throws -> Payment {
        let main = lines[0]
        let owners = try await owners(of: [main.debit, main.credit])
        return Payment(
            transfer: main, currency: try await currency(of: main),
            fee: fee(in: lines), from: owners[main.debit]?.username,
            to: owners[main.credit]?.username,
            note: try await notes(of: [main.id])[main.id], status: status(main, ending))
    }

    private func status(_ line: Transfer, _ ending: Transfer?) -> Payment.Status {
        switch (ending?.kind, line.kind) {
        case (.reversal, _): .reversed
        case (.capture, _): .captured
        case (.void, _): .voided
        case (.expiry, _): .expired
        case (_, .hold): .held
        case (_, .capture): .captured
        case (_, .void): .voided
        case (_, .expiry): .expired
        case (_, .post), (_, .reversal): .posted
        }
    }

    func currency(of line: Transfer) async throws -> Currency {
        let accounts = [line.debit.number, line.credit.number]
        let wallets = try await stored(where: "w.account = ANY(\(accounts))")
        guard let wallet = wallets.first else { throw PaymentRejection.transferNotFound }
        return wallet.currency
    }

    func notes(of transfers: [TransferID]) async throws -> [TransferID: String] {
        Dictionary(try await notes.ask(transfers)) { first, _ in first }
    }

    static func notes(in database: Database) -> GatheredRead<TransferID, (TransferID, String)> {
        GatheredRead(database) { askers, transfers in
            """
            SELECT n.transfer, n.note, q.asker
            FROM unnest(\(askers), \(transfers.map(\.number))) AS q(asker, transfer)
            CROSS JOIN LATERAL (
                SELECT * FROM payments.notes n WHERE n.transfer = q.transfer LIMIT 1) AS n
            """
        } decode: { row in
            (TransferID(try row[0]), try row[1])
        }
    }

    /// Entries with names and notes.
    func described(_ entries: [Entry], in currency: Currency) async throws -> [HistoryEntry] {
        let owners = try await owners(of: Set(entries.map(\.counterparty)))
        let notes = try await notes(of: entries.map(\.transfer.id))
        return entries.map { entry in
            HistoryEntry(
                entry, currency, counterparty: owners[entry.counterparty]?.username,
                note: notes[entry.transfer.id])
        }
    }
}
