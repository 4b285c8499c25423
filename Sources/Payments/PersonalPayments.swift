internal import HTTP
package import Identity
internal import Ledger
internal import Postgres
internal import Values

// What this slice keeps of a person: for their copy, and when they are to be forgotten.

extension Payments {
    package var exportParts: [ExportPart] {
        [walletPart, limitPart, paymentPart, requestPart, batchPart]
    }

    /// Money, holds and requests stand in the way; what a person wrote goes, and the journal stays
    /// as it is, with accounts that are closed and nobody's.
    package var erasurePart: ErasurePart {
        ErasurePart(
            obstacles: { try obstacles(to: $0, $1) },
            erase: { user, transaction in
                try ledger.close(try accounts(of: user, transaction), in: transaction)
                // Now nothing moves any more, so what is found holds.
                let obstacles = try obstacles(to: user, transaction)
                guard obstacles.isEmpty else {
                    throw IdentityRejection.erasureBlocked(obstacles)
                }
            },
            sweep: { try await removeNotes(by: $0) })
    }

    /// Called with the payload of a notification of who was erased, or nil when some may have been
    /// missed: names are remembered for as long as the process runs.
    package func forgetNames(of payload: String?) {
        directory.forget(payload.flatMap { ID<User>($0) })
        recent.forgetAll()
    }

    // MARK: A copy

    private var walletPart: ExportPart {
        .list("wallets") { user, _ in
            let wallets = try await stored(where: "w.user_id = \(user)")
            let balances = try await ledger.balances(of: wallets.map(\.account))
            return Page(
                wallets.compactMap { wallet in
                    balances[wallet.account].map { balance in
                        ExportPart.item { PaymentWire.write(wallet, balance, &$0) }
                    }
                }, nextCursor: nil)
        }
    }

    private var limitPart: ExportPart {
        .list("limits") { user, _ in
            let wallets = try await stored(where: "w.user_id = \(user)")
            let uses = try await ledger.limits(of: wallets.map(\.account))
            return Page(
                wallets.map { wallet in
                    ExportPart.item { item in
                        item.field("wallet", wallet.id)
                        item.field("currency", wallet.currency.code)
                        item.objects("limits", uses[wallet.account] ?? []) {
                            LimitRoutes.write($0, &$1)
                        }
                    }
                }, nextCursor: nil)
        }
    }

    /// Wallet after wallet, each from its newest line on.
    private var paymentPart: ExportPart {
        .list("payments") { user, cursor in
            let wallets = try await stored(where: "w.user_id = \(user)")
            let (place, before) = Self.position(cursor)
            guard place < wallets.count else { return Page([], nextCursor: nil) }
            let wallet = wallets[place]
            let page = try await ledger.entries(
                of: wallet.account, before: before, limit: ExportPart.rowsMax)
            let entries = try await described(page.elements, in: wallet.currency)
            let name = try await owners(of: [wallet.account])[wallet.account]?.username
            return Page(
                entries.map { entry in
                    ExportPart.item { item in
                        item.field("wallet", wallet.id)
                        PaymentWire.write(entry, &item)
                        item.field("from", entry.isCredit ? entry.counterparty : name)
                        item.field("to", entry.isCredit ? name : entry.counterparty)
                    }
                }, nextCursor: page.nextCursor.map { "\(place) \($0)" } ?? "\(place + 1)")
        }
    }

    private static func position(_ cursor: String?) -> (wallet: Int, before: ID<Transfer>?) {
        let words = cursor?.split(separator: " ") ?? []
        return (words.first.flatMap { Int($0) } ?? 0, words.dropFirst().first.flatMap { ID($0) })
    }

    private var requestPart: ExportPart {
        .list("requests") { user, cursor in
            let before = cursor.flatMap { ID<PaymentRequest>($0) } ?? ID(high: .max, low: .max)
            let found = try await requests(
                where: "(requester = \(user) OR payer = \(user)) AND id < \(before)",
                limit: ExportPart.rowsMax)
            let names = try await usernames(of: Set(found.flatMap { [$0.requester, $0.payer] }))
            return Page(
                found.map { request in
                    ExportPart.item {
                        PaymentWire.write(request, names: names, seenBy: user, &$0)
                    }
                },
                nextCursor: found.count == ExportPart.rowsMax ? "\(found[found.count - 1].id)" : nil
            )
        }
    }

    private var batchPart: ExportPart {
        .rows("transfer_batches", by: ID<BatchRow>.self, in: database) { user, after in
            """
            SELECT key, is_linked, created_at FROM payments.transfer_batches
            WHERE user_id = \(user) AND key > \(after) ORDER BY key
            """
        } _: { row, batch in
            batch.field("linked", try row[1] as Bool)
            batch.field("created_at", try row[2] as Timestamp)
        }
    }

    private enum BatchRow {}

    // MARK: Being forgotten

    private func accounts(
        of user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> [AccountID] {
        try transaction.query("SELECT account FROM payments.wallets WHERE user_id = \(user)")
            .map { AccountID(try $0[0]) }
    }

    private func obstacles(
        to user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> [Fact] {
        let remains = try ledger.remains(
            of: try accounts(of: user, transaction), in: transaction)
        let requests: Int64 = try transaction.query(
            """
            SELECT count(*) FROM payments.requests
            WHERE (requester = \(user) OR payer = \(user)) AND status = 'pending'
            """)[0][0]
        let balances = remains.balances.filter { $0.minorUnits > 0 }.map(\.description)
        let debts = remains.balances.filter { $0.minorUnits < 0 }.map(\.description)
        var facts: [Fact] = []
        if !balances.isEmpty { facts.append(Fact("balances", balances)) }
        if !debts.isEmpty { facts.append(Fact("debts", debts)) }
        if remains.openHolds > 0 { facts.append(Fact("holds", remains.openHolds)) }
        if requests > 0 { facts.append(Fact("requests", requests)) }
        return facts
    }

    /// What the person wrote to others. What others wrote to them is the others'.
    private func removeNotes(by user: ID<User>) async throws {
        for wallet in try await stored(where: "w.user_id = \(user)") {
            var cursor: ID<Transfer>?
            repeat {
                let page = try await ledger.entries(
                    of: wallet.account, before: cursor, limit: Self.linesSweptMax)
                let paid = page.elements.filter { !$0.isCredit }.map(\.transfer.id.number)
                try await database.transaction { transaction in
                    _ = try transaction.execute(
                        "DELETE FROM payments.notes WHERE transfer = ANY(\(paid))")
                }
                cursor = page.nextCursor.flatMap { ID($0) }
            } while cursor != nil
        }
        try await database.transaction { transaction in
            _ = try transaction.execute(
                """
                UPDATE payments.requests SET note = NULL
                WHERE requester = \(user) AND note IS NOT NULL
                """)
        }
    }

    /// Lines looked through at once for notes to remove.
    private static let linesSweptMax = 500
}
