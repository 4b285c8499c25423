package import Identity
internal import Ledger
internal import Postgres
package import Values

extension Payments {
    /// Pays each of the batch, or replays what its place under this key paid before.
    ///
    /// Everybody is looked up together and everything handed to the ledger at once, so that ten
    /// thousand payments cost as many round trips as ten.
    package func send(
        _ batch: TransferBatch, key: IdempotencyKey, by payer: Payer
    ) async throws -> TransferBatch.Done {
        try await requirePresence(of: payer, for: batch)
        let name = commandKey(hashing: "\(payer.user)/batch:\(key.text)")
        try await claim(name, for: batch.mode, by: payer)
        let orders = try await orders(batch.transfers, by: payer)
        let fees = try await feeAccounts(orders, of: payer)
        let outcomes =
            switch batch.mode {
            case .independent: try await sendEach(orders, feesTo: fees, under: name)
            case .linked: try await sendAll(orders, feesTo: fees, under: name)
            }
        return TransferBatch.Done(outcomes: outcomes, balances: try await balances(after: orders))
    }

    /// A key stands for one mode: under the other the same list would be paid once more.
    private func claim(
        _ name: CommandKey, for mode: TransferBatch.Mode, by payer: Payer
    ) async throws {
        let id = ID<TransferBatch>(high: name.high, low: name.low)
        let (isLinked, now) = (mode == .linked, clock.now)
        let wasLinked = try await database.transaction { transaction -> Bool in
            let results = try transaction.pipeline([
                """
                INSERT INTO payments.transfer_batches (key, user_id, is_linked, created_at)
                VALUES (\(id), \(payer.user), \(isLinked), \(now)) ON CONFLICT DO NOTHING
                """,
                "SELECT is_linked FROM payments.transfer_batches WHERE key = \(id)",
            ])
            return try results[1].rows[0][0]
        }
        guard wasLinked == isLinked else {
            throw LedgerRefusal(.idempotencyMismatch, [Fact("first_difference", "mode")])
        }
    }

    // MARK: Orders

    /// What one command asks for, when everybody's wallets are still to be found.
    private struct Wish: Sendable {
        let amount: Money
        let note: String?
        let recipient: ID<User>
    }

    /// The orders of the commands, each refused as it would be alone.
    private func orders(
        _ commands: [SendCommand], by payer: Payer
    ) async throws -> [Decided<Order>] {
        let people = try await people(named: Set(commands.map(\.to)))
        let wishes = try commands.map { command in
            try Decided { try wish(command, people, by: payer) }
        }
        let wallets = try await wallets(for: wishes, by: payer)
        return try wishes.map { wish in
            try wish.map { wish in
                let currency = wish.amount.currency
                guard let source = wallets[currency]?[payer.user],
                    let target = wallets[currency]?[wish.recipient]
                else { preconditionFailure("every wallet was found or opened") }
                return Order(
                    amount: wish.amount, source: source, target: target, note: wish.note,
                    fees: terms.sendFee(of: payer.plan))
            }
        }
    }

    private func wish(
        _ command: SendCommand, _ people: [String: Directory.Person], by payer: Payer
    ) throws -> Wish {
        let (amount, note) = try checked(command)
        guard let recipient = people[command.to] else { throw PaymentRejection.recipientNotFound }
        guard recipient.id != payer.user else { throw PaymentRejection.accountsMustDiffer }
        try requireAllowed(amount, by: payer)
        return Wish(amount: amount, note: note, recipient: recipient.id)
    }

    private func wallets(
        for wishes: [Decided<Wish>], by payer: Payer
    ) async throws -> [Currency: [ID<User>: Wallet]] {
        var owners: [Currency: Set<ID<User>>] = [:]
        for wish in wishes.lazy.compactMap(\.value) {
            owners[wish.amount.currency, default: [payer.user]].insert(wish.recipient)
        }
        var wallets: [Currency: [ID<User>: Wallet]] = [:]
        for (currency, owners) in owners {
            wallets[currency] = try await self.wallets(of: owners, currency)
        }
        return wallets
    }

    private func feeAccounts(
        _ orders: [Decided<Order>], of payer: Payer
    ) async throws -> [Currency: AccountID] {
        var accounts: [Currency: AccountID] = [:]
        for currency in Set(orders.compactMap(\.value?.amount.currency)) {
            accounts[currency] = try await feeAccount(currency, of: payer)
        }
        return accounts
    }

    private func balances(
        after orders: [Decided<Order>]
    ) async throws -> [(currency: Currency, balance: Balance)] {
        let sources = Dictionary(
            orders.lazy.compactMap(\.value?.source).map { ($0.currency, $0.account) },
            uniquingKeysWith: { first, _ in first })
        let balances = try await ledger.balances(of: Array(sources.values))
        return sources.sorted { $0.key.code < $1.key.code }.compactMap { currency, account in
            balances[account].map { (currency, $0) }
        }
    }

    // MARK: Each for itself

    private func sendEach(
        _ orders: [Decided<Order>], feesTo fees: [Currency: AccountID], under name: CommandKey
    ) async throws -> [Decided<TransferBatch.Posted>] {
        let commands = zip(orders, 0...).compactMap { order, index in
            order.value.map { order in
                Command(
                    key: name.followed(by: index),
                    operations(of: order, .send, feesTo: fees[order.amount.currency]),
                    attachments: noteAttachments(order.note))
            }
        }
        let results = try await ledger.submit(commands)
        try throwFault(among: results)
        let notes = try await notesOfReplays(results)
        var next = results.makeIterator()
        return try orders.map { order in
            try order.map { order in
                guard let result = next.next() else {
                    preconditionFailure("the ledger says what became of each command")
                }
                return try posted(order, result, notes)
            }
        }
    }

    /// A fault of the database is told of the whole, as the same key will tell what was done.
    private func throwFault(among results: [Result<Receipt, any Error>]) throws {
        let fault = results.lazy.compactMap { result in
            if case .failure(let error) = result, !(error is any Refusal) { error } else { nil }
        }.first
        guard let fault else { return }
        let isPartlyDone = results.contains { if case .success = $0 { true } else { false } }
        throw isPartlyDone ? DatabaseError.commitUnknown : fault
    }

    private func notesOfReplays(
        _ results: [Result<Receipt, any Error>]
    ) async throws -> [TransferID: String] {
        try await notes(
            of: results.compactMap { result in
                guard case .success(let receipt) = result, receipt.isReplay else { return nil }
                return receipt.first.id
            })
    }

    private func posted(
        _ order: Order, _ result: Result<Receipt, any Error>, _ notes: [TransferID: String]
    ) throws -> TransferBatch.Posted {
        let receipt: Receipt
        do { receipt = try result.get() } catch let refusal as LedgerRefusal {
            throw explained(refusal)
        }
        if receipt.isReplay, notes[receipt.first.id] != order.note { throw Self.otherNote }
        return TransferBatch.Posted(
            id: receipt.first.publicID, fee: fee(in: receipt.transfers),
            isReplay: receipt.isReplay)
    }
}

extension CommandKey {
    /// The key so many places on: keys that follow each other lie side by side in the index.
    fileprivate func followed(by count: Int) -> CommandKey {
        let (low, carries) = low.addingReportingOverflow(UInt64(count))
        return CommandKey(
            high: carries ? high.addingReportingOverflow(1).partialValue : high, low: low)
    }
}
