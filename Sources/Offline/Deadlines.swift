internal import Ledger
internal import OfflineProtocol
internal import Payments
internal import Postgres
internal import Telemetry
internal import Values

/// Why a bucket is emptied without a record of its payee.
enum Emptying: String, Sendable {
    /// Its payee's time to pass it on is over: the money is theirs online.
    case released
    /// No unseen fork of what came back can be claimed any more.
    case matured
    /// Nobody but its payer has ever shown it.
    case refunded
    case declined

    /// Whether it is time, and for what. The payee's word comes first, then the payer's; what a
    /// payee has passed on, acknowledged or shown never goes back to the payer.
    ///
    /// - Parameter isUnseen: whether nobody but the payer has shown the record.
    /// - Parameter payeeClaimBy: nil for a deposit or an unlock.
    init?(
        _ record: StoredRecord, isUnseen: Bool, payeeClaimBy: Timestamp?, at now: Timestamp
    ) {
        guard record.state == .settled, record.closedAt == nil else { return nil }
        guard let payeeClaimBy else {
            guard let due = record.maturesAt, due <= now else { return nil }
            self = .matured
            return
        }
        let isGivenUp = record.undeliveredAt != nil && isUnseen
        if record.declinedAt != nil {
            self = .declined
        } else if isGivenUp {
            guard let due = record.returnDue, due <= now else { return nil }
            self = .refunded
        } else {
            guard payeeClaimBy <= now else { return nil }
            self = .released
        }
    }
}

extension Offline {
    /// What is looked at in one round, of each kind.
    private static let dueMax: Int64 = 500

    /// Lets go of everything whose time is over: no money stays in between for ever.
    package func passDeadlines() async throws {
        for currency in try await currencies() {
            try await database.transaction { transaction in
                _ = try transaction.execute("\(Self.waking) AND c.currency = \(currency)")
            }
            try await settle(currency)
            try await lanes.exclusively(currency) {
                try await empty(
                    Self.undelivered(currency, clock.now), of: currency, as: .refunded)
                try await empty(Self.mature(currency, clock.now), of: currency, as: .matured)
                try await empty(Self.unclaimed(currency, clock.now), of: currency, as: .released)
                try await retire(currency)
                try await collect(currency)
            }
        }
    }

    private func currencies() async throws -> [Currency] {
        try await database.query("SELECT currency FROM offline.turns ORDER BY currency") {
            try $0[0]
        }
    }

    /// Gives back what payees have declined. Whoever calls is alone in the currency's lane.
    func returnDeclined(_ currency: Currency) async throws {
        try await empty(
            """
            r.currency = \(currency) AND r.declined_at IS NOT NULL AND r.closed_at IS NULL
                AND r.state = 'settled' AND r.payee <> 0
            """, of: currency, as: .declined)
    }

    // MARK: What is due

    private static func undelivered(_ currency: Currency, _ now: Timestamp) -> SQL {
        """
        r.currency = \(currency) AND r.return_due <= \(now) AND r.closed_at IS NULL
            AND r.state = 'settled' AND \(isUnseen)
        """
    }

    /// Whether nobody but the payer has shown it, or said that it arrived, or passed it on.
    static let isUnseen: SQL = """
        NOT r.shown_by_others AND NOT EXISTS (SELECT FROM offline.statements s
                WHERE s.record = r.id AND s.payee = r.payee AND s.kind = 35)
            AND NOT EXISTS (SELECT FROM offline.records c
                WHERE c.source = r.id AND c.payer = r.payee)
        """

    private static func mature(_ currency: Currency, _ now: Timestamp) -> SQL {
        """
        r.currency = \(currency) AND r.matures_at <= \(now) AND r.closed_at IS NULL
            AND r.state = 'settled'
        """
    }

    private static func unclaimed(_ currency: Currency, _ now: Timestamp) -> SQL {
        """
        r.currency = \(currency) AND r.closed_at IS NULL AND r.state = 'settled'
            AND (r.undelivered_at IS NULL OR NOT (\(isUnseen)))
            AND r.payee IN (SELECT w.wid FROM offline.wallets w
                WHERE w.currency = \(currency) AND w.claim_by <= \(now))
        """
    }

    // MARK: Letting go

    private func empty(
        _ condition: SQL, of currency: Currency, as kind: Emptying
    ) async throws {
        let now = clock.now
        // What is looked for by index is judged once more by the rule.
        let due = try await database.query(
            """
            SELECT \(StoredRecord.columns), \(Self.isUnseen),
                (SELECT w.claim_by FROM offline.wallets w WHERE w.wid = r.payee)
            FROM offline.records r WHERE \(condition)
            ORDER BY r.log_index LIMIT \(Self.dueMax)
            """
        ) { row in
            let record = try StoredRecord(row: row)
            let emptying = Emptying(
                record, isUnseen: try row[StoredRecord.columnsCount],
                payeeClaimBy: try row[StoredRecord.columnsCount + 1], at: now)
            return emptying == kind ? record : nil
        }.compactMap { $0 }
        guard !due.isEmpty else { return }
        let wallets = try await wallets(
            due.map { kind == .released ? $0.record.payee : $0.record.payer })
        let balances = try await ledger.balances(of: due.map(\.bucket))
        for record in due {
            let holder = kind == .released ? record.record.payee : record.record.payer
            guard let target = wallets[holder]?.online else { continue }
            let emptied = Emptied(
                record: record, kind: kind, target: target,
                amount: balances[record.bucket]?.available ?? 0)
            try await pass {
                try await empty(emptied, at: try await version(currency))
            }
        }
    }

    private struct Emptied: Sendable {
        let record: StoredRecord
        let kind: Emptying
        let target: AccountID
        let amount: Int64
    }

    private func empty(_ emptied: Emptied, at version: Int64) async throws {
        let (record, amount) = (emptied.record, emptied.amount)
        let attachment = Self.attachment(Self.closing(emptied, version, at: clock.now))
        guard amount > 0 else { return try await write([attachment]) }
        let leg = Leg(
            debit: record.bucket, credit: emptied.target, amount: Money(amount, record.currency),
            code: .offlineReturn, isReturn: true)
        _ = try await ledger.submit(
            Command(
                key: Self.commandKey("offline \(emptied.kind.rawValue) \(record.id.hex)"),
                [.post(leg)], attachments: [attachment]))
    }

    private static func closing(
        _ emptied: Emptied, _ version: Int64, at now: Timestamp
    ) -> SQL {
        let (record, amount) = (emptied.record, emptied.amount)
        let isReturn = emptied.kind == .refunded || emptied.kind == .declined
        // What was passed on in part was paid all the same.
        let isWhole = isReturn && amount == record.paid
        let outcome: OfflineReceipt.Status =
            emptied.kind == .declined ? .declined : .refunded
        let condition: SQL = emptied.kind == .refunded ? "AND \(isUnseen)" : ""
        return """
            WITH turn AS (\(turn(record.currency, version)))
            UPDATE offline.records r SET closed_at = \(now),
                released = r.released + \(isReturn ? 0 : amount),
                returned = r.returned + \(isReturn ? amount : 0),
                outcome = CASE WHEN \(isWhole) THEN \(Int16(outcome.rawValue)) ELSE r.outcome END
            FROM turn WHERE r.id = \(record.id.stored) AND r.state = 'settled'
                AND r.closed_at IS NULL \(condition)
            """
    }

    /// What is left in the escrow of a wallet whose time is over goes back to its owner; whatever
    /// it signed and nobody has shown is worth nothing now.
    private func retire(_ currency: Currency) async throws {
        let now = clock.now
        let due = try await database.query(
            """
            SELECT \(DeviceWallet.columns) FROM offline.wallets w
            WHERE w.currency = \(currency) AND w.claim_by <= \(now) AND w.status <> 'retired'
            ORDER BY w.claim_by LIMIT \(Self.dueMax)
            """
        ) { try DeviceWallet(row: $0) }
        let balances = try await ledger.balances(of: due.map(\.escrow))
        for wallet in due {
            let left = balances[wallet.escrow]?.available ?? 0
            try await pass {
                try await retire(wallet, left, at: try await version(currency))
            }
        }
    }

    private func retire(_ wallet: DeviceWallet, _ left: Int64, at version: Int64) async throws {
        // A certificate issued since moves the deadline on.
        let attachment = Self.attachment(
            """
            WITH turn AS (\(Self.turn(wallet.currency, version)))
            UPDATE offline.wallets w SET status = 'retired' FROM turn
            WHERE w.wid = \(wallet.id.stored) AND w.claim_by <= \(clock.now)
                AND w.status <> 'retired'
            """)
        guard left > 0 else { return try await write([attachment]) }
        let leg = Leg(
            debit: wallet.escrow, credit: wallet.online, amount: Money(left, wallet.currency),
            code: .offlineReturn, isReturn: true)
        _ = try await ledger.submit(
            Command(
                key: Self.commandKey("offline retired \(wallet.id.hex)"), [.post(leg)],
                attachments: [attachment]))
    }

    /// Does one thing that is due. What is refused now, because somebody was faster or payments
    /// are stopped, is due again in the next round and is in nobody's way.
    func pass(_ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let refusal as any Refusal {
            Log.info("offline.deadline_waits", ["code": "\(refusal.code)"])
        }
    }
}
