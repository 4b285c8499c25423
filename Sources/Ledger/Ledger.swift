package import Postgres
package import Values

/// Double entry on PostgreSQL: accounts, transfers, holds, reversals, and balances as of any
/// moment.
///
/// Every change of a balance is a line of the journal, and the only way to write one is `submit`. A
/// single payment is a batch of one.
package struct Ledger: Sendable {
    let database: Database
    private let writer: LedgerWriter
    private let tail: LedgerTail
    let clock: Clock
    private let balances: GatheredRead<AccountID, (AccountID, Balance)>
    let newest: GatheredRead<NewestLines, Transfer>

    package init(
        database: Database, settings: ConnectionSettings, clock: Clock,
        batches: BatchSize = .serving
    ) {
        self.database = database
        self.clock = clock
        balances = LedgerStore.balances(in: database)
        newest = LedgerStore.newest(in: database)
        tail = LedgerTail()
        writer = LedgerWriter(settings: settings, clock: clock, size: batches, tail: tail)
    }

    // MARK: Moving money

    /// Does the command, or replays what its key did before, or throws why not.
    package func submit(_ command: Command) async throws -> Receipt {
        try await writer.submit([command])[0].get()
    }

    /// Each command for itself, in order, with its own outcome.
    package func submit(_ commands: [Command]) async throws -> [Result<Receipt, any Error>] {
        guard !commands.isEmpty else { return [] }
        return try await writer.submit(commands)
    }

    /// Ends the holds whose time is over. Returns how many it ended; call again while it ends some.
    package func expireHolds(limit: Int = 500) async throws -> Int {
        let now = clock.now
        let due = try await database.read { transaction -> [Int64] in
            try transaction.query(
                """
                SELECT id FROM ledger.open_holds WHERE expires_at <= \(now)
                ORDER BY expires_at LIMIT \(Int64(limit))
                """
            ).map { try $0[0] }
        }
        let outcomes = try await submit(
            due.map { Command(key: nil, [.expire(hold: TransferID($0))]) })
        return outcomes.count { if case .success = $0 { true } else { false } }
    }

    // MARK: Accounts

    /// Opens an account in the caller's transaction.
    /// - Parameter floor: the least that may be available; nil for none.
    package func openAccount(
        _ kind: AccountKind, _ currency: Currency, floor: Int64?, limits: AccountLimits = .none,
        in transaction: borrowing Transaction
    ) throws(DatabaseError) -> AccountID {
        let row = try transaction.query(
            """
            INSERT INTO ledger.accounts (kind, currency, is_system, floor, limit_transfer,
                limit_day, limit_month, limit_hour_count, limit_day_count, ceiling, created_at)
            VALUES (\(kind.rawValue), \(currency), false, \(floor), \(limits.perTransfer),
                \(limits.perDay), \(limits.perMonth), \(limits.paymentsPerHour),
                \(limits.paymentsPerDay), \(limits.ceiling), \(clock.now))
            RETURNING id
            """)[0]
        return AccountID(try row[0])
    }

    /// Opens as many accounts alike in the caller's transaction.
    package func openAccounts(
        _ count: Int, _ kind: AccountKind, _ currency: Currency, floor: Int64?,
        in transaction: borrowing Transaction
    ) throws(DatabaseError) -> [AccountID] {
        guard count > 0 else { return [] }
        var accounts: [AccountID] = []
        for row in try transaction.query(
            """
            INSERT INTO ledger.accounts (kind, currency, is_system, floor, created_at)
            SELECT \(kind.rawValue), \(currency), false, \(floor), \(clock.now)
            FROM generate_series(1, \(count)) RETURNING id
            """)
        {
            accounts.append(AccountID(try row[0]))
        }
        return accounts
    }

    /// The operator's own account of this kind and currency, opened when first asked for. It has no
    /// floor.
    package func systemAccount(
        _ kind: AccountKind, _ currency: Currency
    ) async throws -> AccountID {
        let now = clock.now
        return try await database.transaction { transaction in
            try transaction.execute(
                """
                INSERT INTO ledger.accounts (kind, currency, is_system, created_at)
                VALUES (\(kind.rawValue), \(currency), true, \(now))
                ON CONFLICT (kind, currency) WHERE is_system DO NOTHING
                """)
            let row = try transaction.query(
                """
                SELECT id FROM ledger.accounts
                WHERE kind = \(kind.rawValue) AND currency = \(currency) AND is_system
                """)[0]
            return AccountID(try row[0])
        }
    }

    /// Gives accounts other limits, in the caller's transaction. What was counted stays counted.
    ///
    /// Moves the fence, so that no writer of any process decides by the old ones after the commit;
    /// until then no other batch is written, so this comes late in a transaction.
    package func setLimits(
        _ limits: [AccountID: AccountLimits], in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        guard !limits.isEmpty else { return }
        try transaction.execute(LedgerStore.moveFence)
        for (account, limits) in limits.sorted(by: { $0.key.number < $1.key.number }) {
            try transaction.execute(LedgerStore.set(limits, of: account))
            try transaction.execute(LedgerStore.seal(account))
        }
    }

    /// What limits each account has and what is left of each, now; what is not limited is absent.
    package func limits(of accounts: [AccountID]) async throws -> [AccountID: [LimitUse]] {
        let now = clock.now
        let heads = try await database.query(LedgerStore.heads(accounts.map(\.number))) {
            try Head(row: $0)
        }
        return Dictionary(
            uniqueKeysWithValues: heads.map { head in
                // A neighbour's clock may be ahead, and what it counted is of its hour.
                let moment = max(now, head.lastAt)
                let uses = LimitUse.Kind.allCases.compactMap { head.use(of: $0, at: moment) }
                return (AccountID(head.id), uses)
            })
    }

    package func balances(
        of accounts: [AccountID]
    ) async throws -> [AccountID: Balance] {
        Dictionary(try await balances.ask(accounts)) { first, _ in first }
    }

    // MARK: Following the journal

    /// Calls `subscriber` with every new line, in journal order, on the writer's thread: it must
    /// only enqueue.
    package func follow(_ subscriber: @escaping @Sendable ([Transfer]) -> Void) {
        tail.subscribe(subscriber)
    }

    /// Notices what other processes write. Runs until cancelled.
    package func run() async throws {
        try await tail.run(on: database)
    }

    /// Finishes what was accepted and stops the writer. Blocks: not for a thread of the cooperative
    /// pool.
    package func stop() { writer.stop() }
}
