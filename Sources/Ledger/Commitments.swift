internal import Cryptography
package import Postgres
internal import Telemetry
package import Values

/// Signs, once for each day that is over, what was written on it, so that whoever keeps the
/// statements can hold the books to them.
package struct Commitments: Sendable {
    let database: Database
    package let keys: BookKeys
    private let clock: Clock

    /// How long after its end a day is committed: another process's clock may be behind by as much.
    /// What comes later still belongs to the next commitment.
    package static let graceSeconds: Int64 = 60
    /// The advisory lock under which one process at a time commits; the letters of "days".
    private static let lock: Int64 = 0x6461_7973

    package init(database: Database, keys: BookKeys, clock: Clock) {
        self.database = database
        self.keys = keys
        self.clock = clock
    }

    /// Commits every day that is over and was not committed, the oldest first. Returns how many.
    ///
    /// May run in several processes at once, and be stopped anywhere.
    @discardableResult
    package func commitDays() async throws -> Int {
        var count = 0
        while let statement = try await commitNext() {
            count += 1
            Log.notice(
                "ledger.day_committed",
                [
                    "day": .text(statement.dayText), "batches": .integer(statement.batches),
                    "last": .integer(statement.last.number),
                ])
        }
        return count
    }

    /// When lines of this moment will have been committed, at the latest but for a run's own time.
    package func commits(_ moment: Timestamp) -> Timestamp {
        Timestamp(day: moment.day + 1).adding(seconds: Self.graceSeconds)
    }

    // MARK: One day

    private func commitNext() async throws -> DayStatement? {
        let (now, key) = (clock.now, keys.signing)
        return try await database.transaction { transaction in
            let locks = try transaction.query("SELECT pg_try_advisory_xact_lock(\(Self.lock))")
            guard try locks[0][0] as Bool else { return nil }
            let newest = try Self.newest(transaction)
            guard let day = try Self.nextDay(after: newest, transaction), now >= commits(day.start)
            else { return nil }
            let commitment = try Self.sign(day.number, after: newest, transaction, key)
            try Self.insert(commitment, transaction)
            return commitment.statement
        }
    }

    private static func newest(_ transaction: borrowing Transaction) throws -> Commitment? {
        var newest: Commitment?
        try transaction.copy(
            from: """
                SELECT \(columns) FROM ledger.commitments ORDER BY last_transfer DESC LIMIT 1
                """
        ) { newest = try Commitment(reading: &$0) }
        return newest
    }

    static let columns: SQL = Commitment.columns.map { SQL(stringLiteral: $0) }
        .joined(separator: ", ")

    /// The day of the first batch that no commitment covers. One that came too late for its own day
    /// counts as the next day's.
    private static func nextDay(
        after newest: Commitment?, _ transaction: borrowing Transaction
    ) throws -> (number: Int64, start: Timestamp)? {
        let last = newest?.statement.last.number ?? 0
        let row = try transaction.first(
            """
            SELECT at FROM ledger.batches WHERE last_transfer > \(last)
            ORDER BY last_transfer LIMIT 1
            """)
        guard let at: Timestamp = try row?[0] else { return nil }
        let day = max(at.day, (newest?.statement.day ?? at.day - 1) + 1)
        return (day, Timestamp(day: day))
    }

    private static func sign(
        _ day: Int64, after newest: Commitment?, _ transaction: borrowing Transaction,
        _ key: SigningKey
    ) throws -> Commitment {
        let digester = Digester()
        let start = newest?.statement.last.number ?? 0
        var (tree, last, chain) = (DayTree(), TransferID(start), Digest.zero)
        // A busy day takes longer than any statement may take otherwise.
        try transaction.execute("SET LOCAL statement_timeout = 0")
        try transaction.copy(
            from: """
                SELECT last_transfer, hash, at FROM ledger.batches
                WHERE last_transfer > \(start)
                    AND at < 'epoch'::timestamptz + make_interval(days => \(day + 1)::integer)
                ORDER BY last_transfer
                """
        ) { row in
            last = TransferID(try row.int64())
            chain = try row.digest()
            tree.append((last, chain), digester)
        }
        let blocks = tree.blocks(digester)
        let statement = DayStatement(
            day: day, first: TransferID(start + 1), last: last, batches: tree.count,
            root: MerkleTree(leaves: blocks.map(\.root), digester: digester).root, chain: chain,
            previous: newest?.digest(digester) ?? .zero)
        return Commitment(
            statement: statement, blocks: blocks,
            jws: JWS.sign(statement.payload, type: Commitment.type, with: key))
    }

    private static func insert(
        _ commitment: Commitment, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        let statement = commitment.statement
        try transaction.execute(
            """
            INSERT INTO ledger.commitments (day, first_transfer, last_transfer, batches, root,
                chain, previous, blocks, jws)
            VALUES ('epoch'::date + \(statement.day)::integer, \(statement.first.number),
                \(statement.last.number), \(statement.batches), \(statement.root.bytes),
                \(statement.chain.bytes), \(statement.previous.bytes), \(commitment.blocks.bytes),
                \(commitment.jws))
            """)
    }
}

// MARK: Reading

extension Commitments {
    /// Newest first; those before the day that the cursor names.
    package func page(before cursor: Int64?, limit: Int) async throws -> Page<Commitment> {
        let before = cursor ?? Int64(Int32.max)
        let found = try await read(
            """
            SELECT \(Self.columns) FROM ledger.commitments
            WHERE day - 'epoch'::date < \(before) ORDER BY day DESC LIMIT \(Int64(limit + 1))
            """)
        let page = Array(found.prefix(limit))
        let next = found.count > limit ? page.last?.statement.dayText : nil
        return Page(page, nextCursor: next)
    }

    package func commitment(ofDay day: Int64) async throws -> Commitment? {
        try await read(
            """
            SELECT \(Self.columns) FROM ledger.commitments WHERE day - 'epoch'::date = \(day)
            """
        ).first
    }

    private func read(_ query: SQL) async throws -> [Commitment] {
        try await database.read { transaction in
            var found: [Commitment] = []
            try transaction.copy(from: query) { found.append(try Commitment(reading: &$0)) }
            return found
        }
    }

    /// The day of a text such as `2026-11-21`, or nil.
    package static func day(_ text: String) -> Int64? {
        text.utf8.count == 10 ? Timestamp(text)?.day : nil
    }
}
