import Ledger
import Postgres
import Testing
import Values

/// Whoever may switch triggers off may change the books; the auditor then says what was changed.
@Suite(.serialized) struct AuditTests {
    /// One way to tamper, and part of what the auditor must say of it.
    private struct Change {
        let finding: String
        let statement: SQL

        init(_ finding: String, _ statement: SQL) {
            self.finding = finding
            self.statement = statement
        }
    }

    // The lines and accounts are those of `AuditHistory`.

    private static let heads: [Change] = [
        Change(
            "account 2 stores posted",
            "UPDATE ledger.accounts SET posted = posted + 1 WHERE id = 2"),
        Change(
            "account 3 stores posted",
            "UPDATE ledger.accounts SET posted = posted + CASE id WHEN 2 THEN -1 ELSE 1 END "
                + "WHERE id IN (2, 3)"),
        Change(
            "balances of KES sum to 7",
            "UPDATE ledger.accounts SET posted = posted + 7 WHERE id = 4"),
        Change("account 2 stores posted", "UPDATE ledger.accounts SET held = 0 WHERE id = 2"),
        Change(
            "account 2 stores last transfer",
            "UPDATE ledger.accounts SET last_transfer = 8 WHERE id = 2"),
        Change(
            "account 2 last moved",
            "UPDATE ledger.accounts SET last_at = now() WHERE id = 2"),
        Change("transfer 5 names an account", "DELETE FROM ledger.accounts WHERE id = 4"),
        Change(
            "transfer 5 mixes currencies",
            "UPDATE ledger.accounts SET currency = 'USD' WHERE id = 4"),
        Change(
            "the head stands at 11",
            "UPDATE ledger.head SET last_transfer = last_transfer - 1"),
        Change("the head stands at 13", "UPDATE ledger.head SET last_transfer = 13"),
        Change(
            "and the journal ends at 20",
            "UPDATE ledger.head SET last_at = last_at + '1 year'"),
    ]

    private static let accounts: [Change] = [
        Change(
            "account 2 counts its spending",
            "UPDATE ledger.accounts SET spent_day_amount = 0 WHERE id = 2"),
        Change(
            "account 2 counts its payments",
            "UPDATE ledger.accounts SET spent_hour_count = 2 WHERE id = 2"),
        Change(
            "account 6 is not as it was sealed",
            "UPDATE ledger.accounts SET ceiling = NULL WHERE id = 6"),
        Change(
            "account 2 is not as it was sealed",
            "UPDATE ledger.accounts SET limit_hour_count = 1000 WHERE id = 2"),
        Change(
            "account 2 is not as it was sealed",
            "UPDATE ledger.accounts SET floor = NULL WHERE id = 2"),
        Change(
            "account 6 is not as it was sealed",
            "UPDATE ledger.accounts SET limit_day = 101 WHERE id = 6"),
        Change(
            "account 6 is not as it was sealed",
            "UPDATE ledger.account_closures SET at = at + interval '1 microsecond'"),
        Change("account 6 is not as it was sealed", "DELETE FROM ledger.account_closures"),
        Change(
            "account 9 is closed and does not exist",
            "INSERT INTO ledger.account_closures VALUES (9, now())"),
        Change(
            "transfer 12 moves money of account 3, which was closed",
            """
            WITH closed AS (
                INSERT INTO ledger.account_closures
                SELECT 3, at FROM ledger.transfers WHERE id = 11 RETURNING account, at)
            UPDATE ledger.accounts a SET seal = ledger.account_seal(a, c.at)
            FROM closed c WHERE a.id = c.account
            """),
        Change(
            "account 2 is there twice",
            "INSERT INTO ledger.accounts SELECT * FROM ledger.accounts WHERE id = 2"),
        Change(
            "a row of ledger.accounts cannot be read: currency does not hold a currency",
            "UPDATE ledger.accounts SET currency = 'XXX' WHERE id = 2"),
    ]

    private static let signed: [Change] = [
        Change(
            "is not what the books give: root",
            "UPDATE ledger.commitments SET root = sha256(root) WHERE last_transfer = 11"),
        Change(
            "is not what was signed",
            "UPDATE ledger.commitments SET root = sha256(root) WHERE last_transfer = 11"),
        Change(
            "is not signed by a key of the books",
            "UPDATE ledger.commitments SET jws = overlay(jws PLACING 'A' FROM 300)"),
        Change(
            "is not what the books give: first_transfer, batches, root, previous",
            "DELETE FROM ledger.commitments WHERE last_transfer = 11"),
        Change(
            "is later than its commitment",
            "UPDATE ledger.commitments SET day = day - 40"),
        Change(
            "covers transfers up to 30, which are not there",
            "UPDATE ledger.commitments SET last_transfer = 30 WHERE last_transfer = 12"),
        Change(
            "key 1 of the books is not the one that its name tells",
            "UPDATE ledger.commitment_keys SET kid = 'another'"),
        Change(
            "key 1 of the books is not as this installation made it",
            "UPDATE ledger.commitment_keys SET private_sealed = sha256(private_sealed)"),
        Change("is not signed by a key of the books", "DELETE FROM ledger.commitment_keys"),
        Change(
            "a row of ledger.commitments cannot be read: blocks does not hold the blocks",
            "UPDATE ledger.commitments SET blocks = '\\x00'"),
    ]

    private static let batches: [Change] = [
        Change(
            "the batch of transfers 4 to 5 has a root",
            "UPDATE ledger.transfers SET code = 2 WHERE id = 5"),
        Change(
            "the batch of transfers 3 to 3 has a root",
            "UPDATE ledger.transfers SET key = gen_random_uuid() WHERE id = 3"),
        Change(
            "transfer 3 is not of its batch's moment",
            "UPDATE ledger.transfers SET at = at + interval '1 microsecond' WHERE id = 3"),
        Change(
            "the batch of transfers 3 to 3 has a root",
            """
            WITH line AS (
                UPDATE ledger.transfers SET at = at + interval '1 microsecond' WHERE id = 3)
            UPDATE ledger.batches SET at = at + interval '1 microsecond' WHERE last_transfer = 3
            """),
        Change(
            "the batch of transfers 3 to 3 has a hash that does not follow",
            "UPDATE ledger.batches SET hash = sha256(hash) WHERE last_transfer = 3"),
        Change(
            "the batch of transfers 4 to 5 has a hash that does not follow",
            "UPDATE ledger.batches SET hash = sha256(hash) WHERE last_transfer = 3"),
        Change(
            "a row of ledger.batches cannot be read: root does not hold 32 bytes",
            "UPDATE ledger.batches SET root = '\\x00' WHERE last_transfer = 3"),
        Change(
            "transfer 4 belongs to no batch", "DELETE FROM ledger.batches WHERE last_transfer = 5"),
        Change(
            "the batch of transfers 6 to 6 follows transfer 3",
            "DELETE FROM ledger.batches WHERE last_transfer = 5"),
        Change(
            "transfer 12 belongs to no batch",
            "DELETE FROM ledger.batches WHERE last_transfer = 12"),
        Change(
            "a batch ends with transfer 20 and the journal at 12",
            """
            INSERT INTO ledger.batches
            SELECT 20, 13, at, salt, root, hash FROM ledger.batches WHERE last_transfer = 12
            """),
        Change(
            "the batch of transfers 9223372036854775807 to 9223372036854775807 follows",
            """
            INSERT INTO ledger.batches
            SELECT 9223372036854775807, 9223372036854775807, at, salt, root, hash
            FROM ledger.batches WHERE last_transfer = 12
            """),
        Change(
            "the head's chain does not end",
            "UPDATE ledger.head SET chain = sha256(chain)"),
        Change(
            "a command goes on after transfer 4, the last of its batch",
            """
            WITH merged AS (DELETE FROM ledger.batches WHERE last_transfer = 3)
            UPDATE ledger.batches SET first_transfer = 3, last_transfer = 4
            WHERE last_transfer = 5
            """),
        Change("the ledger has 0 heads", "DELETE FROM ledger.head"),
    ]

    private static let lines: [Change] = [
        Change(
            "transfer 3 says posted",
            "UPDATE ledger.transfers SET amount = amount + 1 WHERE id = 3"),
        Change(
            "transfer 3 says posted",
            "UPDATE ledger.transfers SET debit_posted = 0 WHERE id = 3"),
        Change(
            "transfer 7 says posted",
            "UPDATE ledger.transfers SET debit_held = 0 WHERE id = 7"),
        Change(
            "transfer 8 says posted",
            "UPDATE ledger.transfers SET credit_posted = 9 WHERE id = 8"),
        Change(
            "transfer 3 says posted",
            "UPDATE ledger.transfers SET credit_held = 9 WHERE id = 3"),
        Change(
            "transfer 4 does not continue",
            "UPDATE ledger.transfers SET debit_previous = 1 WHERE id = 4"),
        Change(
            "transfer 4 does not continue",
            "UPDATE ledger.transfers SET credit_previous = 2 WHERE id = 4"),
        Change(
            "transfer 3 does not continue",
            "UPDATE ledger.transfers SET debit = 4 WHERE id = 3"),
        Change(
            "transfer 4 mixes currencies",
            "UPDATE ledger.transfers SET credit = 5 WHERE id = 4"),
        Change(
            "transfer 4 names an account",
            "UPDATE ledger.transfers SET credit = 99 WHERE id = 4"),
        Change(
            "transfer 8 releases another amount",
            "UPDATE ledger.transfers SET kind = 4 WHERE id = 8"),
        Change(
            "transfer 10 ends a hold at the wrong time",
            "UPDATE ledger.transfers SET kind = 5 WHERE id = 10"),
        Change("transfer 10 says posted", "UPDATE ledger.transfers SET kind = 3 WHERE id = 10"),
        Change(
            "transfer 11 ends a hold that is not open",
            "UPDATE ledger.transfers SET kind = 4 WHERE id = 11"),
        Change(
            "transfer 8 ends a hold that is not open",
            "UPDATE ledger.transfers SET settles = 1 WHERE id = 8"),
        Change(
            "transfer 11 reverses what cannot be reversed",
            "UPDATE ledger.transfers SET settles = 7 WHERE id = 11"),
        Change(
            "transfer 11 reverses what cannot be reversed",
            "UPDATE ledger.transfers SET settles = 2 WHERE id = 11"),
        Change(
            "transfer 10 ends a hold of other accounts",
            "UPDATE ledger.transfers SET settles = 7 WHERE id = 10"),
        Change(
            "transfer 8 ends a hold of other accounts",
            "UPDATE ledger.transfers SET credit = 4 WHERE id = 8"),
        Change(
            "transfer 8 captures more than was held",
            "UPDATE ledger.transfers SET amount = 51 WHERE id = 8"),
        Change(
            "transfer 8 ends a hold at the wrong time",
            "UPDATE ledger.transfers SET expires_at = at WHERE id = 6"),
        Change(
            "transfer 4 is not where its command",
            "UPDATE ledger.transfers SET legs = 2 WHERE id = 3"),
        Change(
            "transfer 5 is not where its command",
            "UPDATE ledger.transfers SET legs = 1 WHERE id = 5"),
        Change(
            "transfer 5 is not where its command",
            "UPDATE ledger.transfers SET key = gen_random_uuid() WHERE id = 5"),
        Change(
            "the last command lacks lines",
            "UPDATE ledger.transfers SET legs = 2 WHERE id = 12"),
        Change(
            "transfer 4 is older than the line before",
            "UPDATE ledger.transfers SET at = at - interval '1 day' WHERE id = 4"),
        Change(
            "transfer 4 follows 2: a line is missing",
            "DELETE FROM ledger.transfers WHERE id = 3"),
        Change(
            "the head stands at 12 and the journal ends at 11",
            "DELETE FROM ledger.transfers WHERE id = 12"),
        Change(
            "transfer 2 follows 0: a line is missing",
            "DELETE FROM ledger.transfers WHERE id = 1"),
        Change(
            "the head stands at 12 and the journal ends at 13",
            """
            INSERT INTO ledger.transfers
            SELECT (jsonb_populate_record(t, '{"id": 13, "key": null}'::jsonb)).*
            FROM ledger.transfers t WHERE id = 12
            """),
    ]

    private static let lists: [Change] = [
        Change("hold 7 is open and not listed", "DELETE FROM ledger.open_holds"),
        Change("open hold 7 is not", "UPDATE ledger.open_holds SET amount = 1"),
        Change("open hold 7 is not", "UPDATE ledger.open_holds SET account = 1"),
        Change(
            "open hold 7 is not",
            "UPDATE ledger.open_holds SET expires_at = now() + '1 year'"),
        Change("open hold 6 is not", "INSERT INTO ledger.open_holds VALUES (6, 2, 50, now())"),
        Change(
            "the checkpoint of account 2",
            "UPDATE ledger.checkpoints SET last_transfer = 1 WHERE account = 2"),
        Change(
            "the checkpoint of account 4",
            "INSERT INTO ledger.checkpoints VALUES (4, '2030-01-01T00:00:00Z', 5)"),
        Change(
            "account 3 lacks its checkpoint",
            "DELETE FROM ledger.checkpoints WHERE account = 3"),
    ]

    @Test func everyTamperingIsFound() async throws {
        try await World.spoil { world in
            try await AuditHistory.make(in: world)
            #expect(try await world.audit().findings == [])
            let intruder = try Intruder(world.settings)
            let tamperings =
                Self.heads + Self.accounts + Self.lines + Self.batches + Self.lists
                + Self.signed
            for tampering in tamperings {
                try intruder.connection.execute(tampering.statement)
                let findings = try await world.audit().findings
                #expect(
                    findings.contains { $0.contains(tampering.finding) },
                    "\(tampering.statement): \(tampering.finding) is not among \(findings)")
                try intruder.restore()
                try #require(try await world.audit().findings == [])
            }
        }
    }

    /// The first divergence is told first, whatever follows from it.
    @Test func theFirstIsToldFirst() async throws {
        try await World.spoil { world in
            try await AuditHistory.make(in: world)
            let intruder = try Intruder(world.settings)
            try intruder.connection.run(
                unprepared: """
                    UPDATE ledger.transfers SET amount = amount + 1 WHERE id = 4;
                    UPDATE ledger.transfers SET code = 7 WHERE id IN (9, 3);
                    UPDATE ledger.accounts SET posted = 0
                    """)
            let findings = try await world.audit().findings
            #expect(
                findings.first
                    == "the batch of transfers 3 to 3 has a root that its lines do not give")
            #expect(findings.dropFirst().first?.hasPrefix("transfer 4 says posted") == true)
        }
    }

    /// A floor that the database no longer guards.
    @Test func anAccountBelowItsFloorIsFound() async throws {
        try await World.spoil { world in
            try await AuditHistory.make(in: world)
            try world.run("ALTER TABLE ledger.accounts DROP CONSTRAINT available_respects_floor")
            try world.run("UPDATE ledger.accounts SET floor = 100000 WHERE id = 2")
            try world.run(
                "UPDATE ledger.accounts a SET seal = ledger.account_seal(a, NULL) WHERE id = 2")
            #expect(try await world.audit().findings == ["account 2 is below its floor"])
        }
    }

    @Test func aRuinTellsOnlySoMuch() async throws {
        try await World.spoil { world in
            try await AuditHistory.make(in: world)
            let connection = try Connection.open(world.settings)
            try connection.run(
                unprepared: """
                    SET session_replication_role = replica;
                    UPDATE ledger.transfers SET debit_posted = 77, debit_previous = 0, legs = 0
                    """)
            let findings = try await world.audit().findings
            #expect(findings.count == Auditor.findingsMax)
        }
    }

    @Test func theReportCountsWhatItSaw() async throws {
        try await World.run { world in
            try await AuditHistory.make(in: world)
            let report = try await world.audit()
            #expect(report.transfers == 12 && report.accounts == 6 && report.batches == 10)
            #expect(report.totals == ["KES": 0, "USD": 0])
            // 1000 + 500 + 200 + 100 + 5 + 30 captured + 200 back + 1
            #expect(report.moved == ["KES": 2036])
        }
    }
}
