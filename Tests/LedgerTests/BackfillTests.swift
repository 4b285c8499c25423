import Ledger
import Postgres
import TestSupport
import Testing

/// Books that are older than their chain.
@Suite struct BackfillTests {
    /// Lines as the first release wrote them: a float that pays alice, two linked payments to bob,
    /// a hold and its capture, a reversal, and a hold that is open.
    private static let oldBooks = """
        INSERT INTO ledger.accounts (kind, currency, is_system, floor, limit_day, posted, held,
            last_transfer, last_at, spent_day, spent_day_amount, spent_month, spent_month_amount,
            created_at)
        VALUES
            ('sandbox_float', 'KES', true, NULL, NULL, -1000, 0, 1, '2026-01-30 10:00:00.000001Z',
                0, 0, 0, 0, '2026-01-01 00:00:00Z'),
            ('wallet', 'KES', false, 0, 5000, 970, 40, 7, '2026-02-01 12:00:00Z',
                20485, 135, 24314, 135, '2026-01-01 00:00:00.5Z'),
            ('wallet', 'KES', false, 0, NULL, 30, 0, 7, '2026-02-01 12:00:00Z',
                0, 0, 0, 0, '2026-01-02 00:00:00Z'),
            ('wallet', 'KES', false, 0, NULL, 0, 0, 0, 'epoch',
                0, 0, 0, 0, '2026-01-03 00:00:00Z');
        INSERT INTO ledger.account_closures VALUES (4, '2026-01-20 09:30:00.123456Z');
        INSERT INTO ledger.transfers (id, at, kind, code, legs, debit, credit, amount,
            debit_posted, debit_held, credit_posted, credit_held, debit_previous, credit_previous,
            key, settles, expires_at)
        VALUES
            (1, '2026-01-30 10:00:00.000001Z', 1, 2, 1, 1, 2, 1000, -1000, 0, 1000, 0, 0, 0,
                '01890000-0000-7000-8000-00000000ff01', NULL, NULL),
            (2, '2026-01-30 10:00:01Z', 1, 1, 2, 2, 3, 100, 900, 0, 100, 0, 1, 0,
                'fedcba98-7654-3210-fedc-ba9876543210', NULL, NULL),
            (3, '2026-01-30 10:00:01Z', 1, 4, -1, 2, 3, 5, 895, 0, 105, 0, 2, 2, NULL, NULL, NULL),
            (4, '2026-01-30 10:00:02Z', 2, 1, 1, 2, 3, 30, 895, 30, 105, 0, 3, 3,
                '01890000-0000-7000-8000-00000000ff04', NULL, '2026-02-02 10:00:02.654321Z'),
            (5, '2026-01-30 10:00:03Z', 3, 1, 1, 2, 3, 25, 870, 0, 130, 0, 4, 4, NULL, 4, NULL),
            (6, '2026-01-31 23:59:59.999999Z', 6, 1, 1, 3, 2, 100, 30, 0, 970, 0, 5, 5, NULL, 2,
                NULL),
            (7, '2026-02-01 12:00:00Z', 2, 1, 1, 2, 3, 40, 970, 40, 30, 0, 6, 6, NULL, NULL,
                '2026-02-03 12:00:00Z');
        INSERT INTO ledger.open_holds VALUES (7, 2, 40, '2026-02-03 12:00:00Z');
        INSERT INTO ledger.checkpoints VALUES (2, '2026-02-01Z', 6), (3, '2026-02-01Z', 6);
        UPDATE ledger.head SET version = 7, last_transfer = 7, last_at = '2026-02-01 12:00:00Z'
        """

    @Test func oldLinesEnterTheChain() async throws {
        let old = Array(LedgerSchema.migrations.prefix(2))
        let database = try await TestPostgres.database(migrations: old)
        try database.connection().run(unprepared: Self.oldBooks)
        try Migrator.run(LedgerSchema.migrations, on: database.settings)

        let pool = database.pool()
        let report = try await Auditor(database: pool).run()
        #expect(report.findings == [])
        #expect(report.transfers == 7 && report.batches == 7)
        await pool.close()
    }

    /// The chain goes on where the old lines end.
    @Test func newLinesFollowOldOnes() async throws {
        let old = Array(LedgerSchema.migrations.prefix(2))
        let database = try await TestPostgres.database(migrations: old)
        try database.connection().run(unprepared: Self.oldBooks)
        try Migrator.run(LedgerSchema.migrations, on: database.settings)

        let world = World(settings: database.settings)
        _ = try await world.ledger.submit(.pay(AccountID(2), AccountID(3), 7, isLimited: true))
        let report = try await world.audit()
        #expect(report.findings == [])
        #expect(report.transfers == 8)
        await world.end()
    }

    /// A payment of January, two of one hour and one of the next hour in February: the last three
    /// are of one day, and the last is alone in its hour.
    @Test func paymentsOfBeforeCountAsWell() async throws {
        let old = LedgerSchema.migrations.filter { $0.number < 7 }
        let database = try await TestPostgres.database(migrations: old)
        let connection = try database.connection()
        try connection.run(unprepared: Self.limitedBooks)
        try Migrator.run(LedgerSchema.migrations, on: database.settings)

        let counted = try connection.query(
            """
            SELECT spent_day_count, spent_hour, spent_hour_count FROM ledger.accounts ORDER BY id
            """)
        #expect(try counted.map { try $0[0] as Int32 } == [3, 0])
        #expect(try counted.map { try $0[1] as Int32 } == [491_653, 0])
        #expect(try counted.map { try $0[2] as Int32 } == [1, 0])
        let pool = database.pool()
        let findings = try await Auditor(database: pool).run().findings
        // Only the chain is missing, which these books were written without.
        #expect(!findings.contains { $0.contains("counts its") || $0.contains("sealed") })
        await pool.close()
    }

    private static let limitedBooks = """
        INSERT INTO ledger.accounts (kind, currency, is_system, floor, limit_day, posted, held,
            last_transfer, last_at, spent_day, spent_day_amount, spent_month, spent_month_amount,
            created_at)
        VALUES
            ('wallet', 'KES', false, NULL, 5000, -40, 0, 4, '2026-02-01 13:00:00Z',
                20485, 30, 24314, 30, '2026-01-01 00:00:00Z'),
            ('wallet', 'KES', false, 0, NULL, 40, 0, 4, '2026-02-01 13:00:00Z',
                0, 0, 0, 0, '2026-01-02 00:00:00Z');
        INSERT INTO ledger.transfers (id, at, kind, code, legs, debit, credit, amount,
            debit_posted, debit_held, credit_posted, credit_held, debit_previous, credit_previous,
            limited)
        VALUES
            (1, '2026-01-30 13:00:00Z', 1, 1, 1, 1, 2, 10, -10, 0, 10, 0, 0, 0, true),
            (2, '2026-02-01 12:00:00Z', 1, 1, 1, 1, 2, 10, -20, 0, 20, 0, 1, 1, true),
            (3, '2026-02-01 12:59:59.999999Z', 1, 1, 1, 1, 2, 10, -30, 0, 30, 0, 2, 2, true),
            (4, '2026-02-01 13:00:00Z', 1, 1, 1, 1, 2, 10, -40, 0, 40, 0, 3, 3, true);
        INSERT INTO ledger.checkpoints VALUES (1, '2026-02-01Z', 1), (2, '2026-02-01Z', 1);
        UPDATE ledger.head SET version = 4, last_transfer = 4, last_at = '2026-02-01 13:00:00Z'
        """
}
