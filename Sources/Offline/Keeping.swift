internal import Identity
internal import Jobs
internal import Ledger
internal import OfflineProtocol
internal import Postgres
internal import Values

extension Offline {
    /// Conflicting pairs that are kept of one wallet: one is proof enough, and a cheat must not
    /// make many.
    static let conflictsMax: Int64 = 16

    /// Adds the records to the set, each once, and looks whether any of them conflicts with what is
    /// known. Returns whether there may be something to settle.
    func keep(_ shown: Shown) async throws -> Bool {
        let (isNews, waiting) = try await database.transaction {
            transaction -> (Bool, [ID<SpendRecord>]) in
            // Two uploads of one wallet's records wait for each other, in one order for all: each
            // sees what the other has, and a conflict between them.
            let payers = Set(shown.records.map(\.payer.stored)).sorted()
            try transaction.execute(
                """
                SELECT FROM offline.wallets WHERE wid = ANY(\(payers)) ORDER BY wid FOR UPDATE
                """)
            let news = News(in: shown, known: try Self.known(payers, transaction))
            let isReclaimed = try Self.note(news, at: shown.at, transaction)
            guard !news.fresh.isEmpty else { return (isReclaimed, []) }
            let waiting = try insert(news.fresh, of: shown, transaction)
            _ = try Self.markShown(news.passedOn, at: shown.at, transaction)
            for found in news.conflicts { try open(found, shown.at, transaction) }
            return (true, waiting)
        }
        if isNews { try await join(shown.ids.map(\.stored), waiting) }
        return isNews
    }

    /// Keeps what payees said. Returns the currencies in which a decline may now be done.
    func keep(
        _ statements: [Saying], _ wallets: [WalletID: DeviceWallet]
    ) async throws -> Set<Currency> {
        guard !statements.isEmpty else { return [] }
        let now = clock.now
        try await database.transaction { transaction in
            for saying in statements {
                try transaction.execute(
                    """
                    INSERT INTO offline.statements (record, payee, kind, bytes, seen_at)
                    SELECT record, \(saying.payee.stored), \(Int16(saying.kind.rawValue)),
                        \(saying.bytes), \(now)
                    FROM unnest(\(saying.records.map(\.stored))) AS s(record)
                    ON CONFLICT DO NOTHING
                    """)
            }
        }
        let declines = statements.filter { $0.kind == .decline }
        if !declines.isEmpty { try await join(declines.flatMap(\.records).map(\.stored), []) }
        return Set(declines.compactMap { wallets[$0.payee]?.currency })
    }

    /// Joins what was stored at the same time by others and could not be seen: a source that was
    /// settled meanwhile, or what the payee said. Whoever commits last sees both.
    private func join(
        _ records: [ID<SpendRecord>], _ waiting: [ID<SpendRecord>]
    ) async throws {
        let now = clock.now
        try await database.transaction { transaction in
            try transaction.execute(Self.declining(records, at: now))
            guard !waiting.isEmpty else { return }
            try transaction.execute(
                "\(Self.waking) AND c.id = ANY(\(waiting))")
        }
    }

    private static func declining(_ records: [ID<SpendRecord>], at now: Timestamp) -> SQL {
        """
        UPDATE offline.records r SET declined_at = \(now) FROM offline.statements s
        WHERE r.id = ANY(\(records)) AND r.declined_at IS NULL AND s.record = r.id
            AND s.payee = r.payee AND s.kind = \(Int16(ObjectType.decline.rawValue))
        """
    }

    /// Records that wait for what is decided by now.
    static let waking: SQL = """
        UPDATE offline.records c SET state = 'pending' FROM offline.records f
        WHERE c.state = 'waiting' AND f.id = c.source AND f.state IN ('settled', 'rejected')
        """

    // MARK: Steps

    private static func known(
        _ payers: [Int64], _ transaction: borrowing Transaction
    ) throws -> [WalletID: [News.Known]] {
        var known: [WalletID: [News.Known]] = [:]
        for row in try transaction.query(
            "SELECT id, bytes FROM offline.records WHERE payer = ANY(\(payers))")
        {
            let record = try SpendRecord(stored: row[1])
            known[record.payer, default: []].append(
                News.Known(id: ObjectID(stored: try row[0]), record: record))
        }
        return known
    }

    /// Who has shown which of the records that were known before. A payee who shows what was given
    /// back to its payer as undelivered has it settled anew; returns whether somebody did.
    private static func note(
        _ news: News, at now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> Bool {
        if !news.shownByPayer.isEmpty {
            try transaction.execute(
                """
                UPDATE offline.records SET shown_by_payer = true
                WHERE id = ANY(\(news.shownByPayer.map(\.stored))) AND NOT shown_by_payer
                """)
        }
        guard !news.shownByOthers.isEmpty else { return false }
        return try markShown(
            "r.id = ANY(\(news.shownByOthers.map(\.stored)))", at: now, transaction)
    }

    private static func markShown(
        _ passedOn: [SpendRecord], at now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> Bool {
        guard !passedOn.isEmpty else { return false }
        return try markShown(
            """
            (r.id, r.payee) IN (SELECT * FROM unnest(\(passedOn.map(\.source.stored)),
                \(passedOn.map(\.payer.stored))))
            """, at: now, transaction)
    }

    private static func markShown(
        _ condition: SQL, at now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> Bool {
        let refunded = Int16(OfflineReceipt.Status.refunded.rawValue)
        let rows = try transaction.query(
            """
            UPDATE offline.records r SET shown_by_others = true,
                seen_at = CASE WHEN outcome = \(refunded) THEN \(now) ELSE seen_at END,
                settled_at = CASE WHEN outcome = \(refunded) THEN NULL ELSE settled_at END,
                state = CASE WHEN outcome = \(refunded) THEN 'pending' ELSE state END
            WHERE \(condition) AND NOT shown_by_others
            RETURNING state = 'pending'
            """)
        return try rows.contains { try $0[0] }
    }

    /// Returns those that wait for their source.
    private func insert(
        _ fresh: [Int], of shown: Shown, _ transaction: borrowing Transaction
    ) throws -> [ID<SpendRecord>] {
        let buckets = try ledger.openAccounts(
            fresh.count, .offlineBucket, shown.currency, floor: 0, in: transaction)
        let records = fresh.map { shown.records[$0] }
        let ids = fresh.map { shown.ids[$0].stored }
        let byPayer = records.map { shown.isPayer(of: $0) }
        let rows = try transaction.query(
            """
            INSERT INTO offline.records (id, bytes, currency, payer, payee, counter, amount,
                source_spent, sent_total, source, bucket, state, shown_by_payer, shown_by_others,
                seen_at)
            SELECT n.id, n.bytes, \(shown.currency), n.payer, n.payee, n.counter, n.amount,
                n.source_spent, n.sent_total, n.source, n.bucket,
                CASE WHEN n.source IS NULL OR n.source = ANY(\(ids))
                    OR EXISTS (SELECT FROM offline.records f WHERE f.id = n.source)
                    THEN 'pending' ELSE 'waiting' END,
                n.by_payer, NOT n.by_payer, \(shown.at)
            FROM unnest(\(ids), \(records.map { $0.encoded }), \(records.map(\.payer.stored)),
                \(records.map(\.payee.stored)), \(records.map { Int64($0.counter) }),
                \(records.map { Int64($0.amount) }), \(records.map { Int64($0.sourceSpent) }),
                \(records.map { Int64($0.sentTotal) }),
                \(records.map { $0.isOwn ? nil : $0.source.stored }),
                \(buckets.map(\.number)), \(byPayer))
            WITH ORDINALITY AS n(id, bytes, payer, payee, counter, amount, source_spent,
                sent_total, source, bucket, by_payer, place)
            ORDER BY n.place
            RETURNING id, state
            """)
        return try rows.filter { try $0[1] == "waiting" }.map { try $0[0] }
    }

    /// Opens or extends the case, and cuts the wallet off. What it signed is settled all the same:
    /// payees are not to blame.
    private func open(
        _ found: News.Conflicts, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        let (wallet, pairs) = (found.wallet, found.pairs)
        let opened = try transaction.execute(
            """
            INSERT INTO offline.cases (wid, user_id, currency, opened_at, upheld_at)
            SELECT \(wallet.id.stored), \(wallet.owner), \(wallet.currency), \(now),
                CASE WHEN EXISTS (SELECT FROM offline.cases WHERE user_id = \(wallet.owner))
                    THEN \(now) END
            ON CONFLICT DO NOTHING
            """)
        for pair in pairs {
            try transaction.execute(
                """
                INSERT INTO offline.conflicts (wid, first, second, kind)
                SELECT \(wallet.id.stored), \(pair.first.stored), \(pair.second.stored),
                    \(Int16(pair.kind.rawValue))
                WHERE (SELECT count(*) FROM offline.conflicts
                    WHERE wid = \(wallet.id.stored)) < \(Self.conflictsMax)
                ON CONFLICT DO NOTHING
                """)
        }
        try transaction.execute(
            """
            UPDATE offline.wallets SET revoked_at = coalesce(revoked_at, \(now)),
                status = CASE WHEN status = 'retired' THEN status ELSE 'frozen' END
            WHERE wid = \(wallet.id.stored)
            """)
        guard opened == 1 else { return }
        try events.append(
            Event(
                kind: Self.caseOpened, subject: ID(high: wallet.owner.high, low: wallet.owner.low),
                payload: #"{"wallet":"\#(wallet.id.hex)"}"#), in: transaction)
    }

    static let caseOpened = "offline.case"
}
