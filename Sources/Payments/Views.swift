internal import Cryptography
internal import Identity
internal import Ledger
internal import Postgres
package import Values

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

    private func currency(of line: Transfer) async throws -> Currency {
        let accounts = [line.debit.number, line.credit.number]
        let wallets = try await stored(where: "w.account = ANY(\(accounts))")
        guard let wallet = wallets.first else { throw PaymentRejection.transferNotFound }
        return wallet.currency
    }

    func notes(of transfers: [TransferID]) async throws -> [TransferID: String] {
        guard !transfers.isEmpty else { return [:] }
        let numbers = transfers.map(\.number)
        return try await database.read { transaction in
            var notes: [TransferID: String] = [:]
            let rows = try transaction.query(
                "SELECT transfer, note FROM payments.notes WHERE transfer = ANY(\(numbers))")
            for row in rows { notes[TransferID(try row[0])] = try row[1] }
            return notes
        }
    }

    /// Entries with names and notes.
    func described(_ entries: [Entry], in currency: Currency) async throws -> [HistoryEntry] {
        let owners = try await owners(of: Set(entries.map(\.counterparty)))
        let notes = try await notes(of: entries.map(\.transfer.id))
        return entries.map { entry in
            HistoryEntry(
                entry: entry, currency: currency,
                counterparty: owners[entry.counterparty]?.username,
                note: notes[entry.transfer.id])
        }
    }

    /// A page of a wallet's history, newest first.
    package func history(
        of wallet: Wallet, cursor: String?, from: Timestamp?, to: Timestamp?, limit: Int
    ) async throws -> Page<HistoryEntry> {
        let before = cursor.map { ID<Transfer>($0) }
        if let before, before == nil { throw PaymentRejection.cursorInvalid }
        let page = try await ledger.entries(
            of: wallet.account, before: before ?? nil, from: from, to: to, limit: limit)
        let entries = try await described(page.elements, in: wallet.currency)
        return Page(entries, nextCursor: page.nextCursor)
    }
}
