import Ledger
import Postgres
import Testing
import Values

/// Whoever may switch triggers off may change the books; the auditor then says what was changed.
@Suite(.serialized) struct AuditTests {
    /// One way to tamper, and part of what the auditor must say of it.
    private struct Tampering {
        let finding: String
        let statement: SQL

        init(_ finding: String, _ statement: SQL) {
            self.finding = finding
            self.statement = statement
        }
    }

    // The history below: 1 float→alice 1000, 2 float→bob 500, 3 alice→bob 200, 4 alice→bob 100 with
    // 5 alice→fees 5, 6 hold alice→bob 50, 7 hold alice→bob 40, 8 capture of 6 by 30,
    // 9 hold bob→alice 20, 10 void of 9, 11 reversal of 3, a month later 12 alice→bob 1.
    // Accounts: 1 float, 2 alice, 3 bob, 4 fees, 5 a float of dollars.

    private static let heads: [Tampering] = [
        Tampering(
            "account 2 stores posted",
            "UPDATE ledger.accounts SET posted = posted + 1 WHERE id = 2"),
        Tampering(
            "account 3 stores posted",
            "UPDATE ledger.accounts SET posted = posted + CASE id WHEN 2 THEN -1 ELSE 1 END "
                + "WHERE id IN (2, 3)"),
        Tampering(
            "balances of KES sum to 7",
            "UPDATE ledger.accounts SET posted = posted + 7 WHERE id = 4"),
        Tampering("account 2 stores posted", "UPDATE ledger.accounts SET held = 0 WHERE id = 2"),
        Tampering(
            "account 2 stores last transfer",
            "UPDATE ledger.accounts SET last_transfer = 8 WHERE id = 2"),
        Tampering(
            "account 2 last moved",
            "UPDATE ledger.accounts SET last_at = now() WHERE id = 2"),
        Tampering("transfer 5 names an account", "DELETE FROM ledger.accounts WHERE id = 4"),
        Tampering(
            "transfer 5 mixes currencies",
            "UPDATE ledger.accounts SET currency = 'USD' WHERE id = 4"),
        Tampering(
            "the head stands at 11",
            "UPDATE ledger.head SET last_transfer = last_transfer - 1"),
        Tampering("the head stands at 13", "UPDATE ledger.head SET last_transfer = 13"),
        Tampering(
            "and the journal ends at 20",
            "UPDATE ledger.head SET last_at = last_at + '1 year'"),
    ]

    private static let lines: [Tampering] = [
        Tampering(
            "transfer 3 says posted",
            "UPDATE ledger.transfers SET amount = amount + 1 WHERE id = 3"),
        Tampering(
            "transfer 3 says posted",
            "UPDATE ledger.transfers SET debit_posted = 0 WHERE id = 3"),
        Tampering(
            "transfer 7 says posted",
            "UPDATE ledger.transfers SET debit_held = 0 WHERE id = 7"),
        Tampering(
            "transfer 8 says posted",
            "UPDATE ledger.transfers SET credit_posted = 9 WHERE id = 8"),
        Tampering(
            "transfer 3 says posted",
            "UPDATE ledger.transfers SET credit_held = 9 WHERE id = 3"),
        Tampering(
            "transfer 4 does not continue",
            "UPDATE ledger.transfers SET debit_previous = 1 WHERE id = 4"),
        Tampering(
            "transfer 4 does not continue",
            "UPDATE ledger.transfers SET credit_previous = 2 WHERE id = 4"),
        Tampering(
            "transfer 3 does not continue",
            "UPDATE ledger.transfers SET debit = 4 WHERE id = 3"),
        Tampering(
            "transfer 4 mixes currencies",
            "UPDATE ledger.transfers SET credit = 5 WHERE id = 4"),
        Tampering(
            "transfer 4 names an account",
            "UPDATE ledger.transfers SET credit = 99 WHERE id = 4"),
        Tampering(
            "transfer 8 releases another amount",
            "UPDATE ledger.transfers SET kind = 4 WHERE id = 8"),
        Tampering(
            "transfer 10 ends a hold at the wrong time",
            "UPDATE ledger.transfers SET kind = 5 WHERE id = 10"),
        Tampering("transfer 10 says posted", "UPDATE ledger.transfers SET kind = 3 WHERE id = 10"),
        Tampering(
            "transfer 11 ends a hold that is not open",
            "UPDATE ledger.transfers SET kind = 4 WHERE id = 11"),
        Tampering(
            "transfer 8 ends a hold that is not open",
            "UPDATE ledger.transfers SET settles = 1 WHERE id = 8"),
        Tampering(
            "transfer 11 reverses what cannot be reversed",
            "UPDATE ledger.transfers SET settles = 7 WHERE id = 11"),
        Tampering(
            "transfer 11 reverses what cannot be reversed",
            "UPDATE ledger.transfers SET settles = 2 WHERE id = 11"),
        Tampering(
            "transfer 10 ends a hold of other accounts",
            "UPDATE ledger.transfers SET settles = 7 WHERE id = 10"),
        Tampering(
            "transfer 8 ends a hold at the wrong time",
            "UPDATE ledger.transfers SET expires_at = at WHERE id = 6"),
        Tampering(
            "transfer 4 is not where its command",
            "UPDATE ledger.transfers SET legs = 2 WHERE id = 3"),
        Tampering(
            "transfer 5 is not where its command",
            "UPDATE ledger.transfers SET legs = 1 WHERE id = 5"),
        Tampering(
            "transfer 5 is not where its command",
            "UPDATE ledger.transfers SET key = gen_random_uuid() WHERE id = 5"),
        Tampering(
            "the last command lacks lines",
            "UPDATE ledger.transfers SET legs = 2 WHERE id = 12"),
        Tampering(
            "transfer 4 is older than the line before",
            "UPDATE ledger.transfers SET at = at - interval '1 day' WHERE id = 4"),
        Tampering(
            "transfer 4 follows 2: a line is missing",
            "DELETE FROM ledger.transfers WHERE id = 3"),
        Tampering(
            "the head stands at 12 and the journal ends at 11",
            "DELETE FROM ledger.transfers WHERE id = 12"),
        Tampering(
            "transfer 2 follows 0: a line is missing",
            "DELETE FROM ledger.transfers WHERE id = 1"),
        Tampering(
            "the head stands at 12 and the journal ends at 13",
            """
            INSERT INTO ledger.transfers
            SELECT (jsonb_populate_record(t, '{"id": 13, "key": null}'::jsonb)).*
            FROM ledger.transfers t WHERE id = 12
            """),
    ]

    private static let lists: [Tampering] = [
        Tampering("hold 7 is open and not listed", "DELETE FROM ledger.open_holds"),
        Tampering("open hold 7 is not", "UPDATE ledger.open_holds SET amount = 1"),
        Tampering("open hold 7 is not", "UPDATE ledger.open_holds SET account = 1"),
        Tampering(
            "open hold 7 is not",
            "UPDATE ledger.open_holds SET expires_at = now() + '1 year'"),
        Tampering("open hold 6 is not", "INSERT INTO ledger.open_holds VALUES (6, 2, 50, now())"),
        Tampering(
            "the checkpoint of account 2",
            "UPDATE ledger.checkpoints SET last_transfer = 1 WHERE account = 2"),
        Tampering(
            "the checkpoint of account 4",
            "INSERT INTO ledger.checkpoints VALUES (4, '2030-01-01T00:00:00Z', 5)"),
        Tampering(
            "account 3 lacks its checkpoint",
            "DELETE FROM ledger.checkpoints WHERE account = 3"),
    ]

    @Test func everyTamperingIsFound() async throws {
        try await World.spoil { world in
            try await Self.history(world)
            #expect(try await world.audit().findings == [])
            let connection = try Connection.open(world.settings)
            try connection.run(unprepared: Self.keepCopies)
            for tampering in Self.heads + Self.lines + Self.lists {
                try connection.execute(tampering.statement)
                let findings = try await world.audit().findings
                #expect(
                    findings.contains { $0.contains(tampering.finding) },
                    "\(tampering.statement): \(tampering.finding) is not among \(findings)")
                try connection.run(unprepared: Self.restore)
                try #require(try await world.audit().findings == [])
            }
        }
    }

    /// A floor that the database no longer guards.
    @Test func anAccountBelowItsFloorIsFound() async throws {
        try await World.spoil { world in
            try await Self.history(world)
            try world.run("ALTER TABLE ledger.accounts DROP CONSTRAINT available_respects_floor")
            try world.run("UPDATE ledger.accounts SET floor = 100000 WHERE id = 2")
            #expect(try await world.audit().findings == ["account 2 is below its floor"])
        }
    }

    @Test func aRuinTellsOnlySoMuch() async throws {
        try await World.spoil { world in
            try await Self.history(world)
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
            try await Self.history(world)
            let report = try await world.audit()
            #expect(report.transfers == 12 && report.accounts == 5)
            #expect(report.totals == ["KES": 0, "USD": 0])
            // 1000 + 500 + 200 + 100 + 5 + 30 captured + 200 back + 1
            #expect(report.moved == ["KES": 2036])
        }
    }

    // MARK: Steps

    private static func history(_ world: World) async throws {
        let (float, alice) = (try await world.open(), try await world.open(floor: 0))
        let (bob, fees) = (try await world.open(floor: 0), try await world.open())
        _ = try await world.open(Currency("USD")!)
        let ledger = world.ledger
        _ = try await ledger.submit([.pay(float, alice, 1000), .pay(float, bob, 500)])
        let paid = try await ledger.submit(.pay(alice, bob, 200, key: .test(1))).first.id
        _ = try await ledger.submit(
            Command(key: .test(2), [.post(leg(alice, bob, 100)), .post(leg(alice, fees, 5))]))
        let taken = try await ledger.submit(hold(alice, bob, 50)).first.id
        _ = try await ledger.submit(hold(alice, bob, 40))
        _ = try await ledger.submit(Command(key: nil, [.capture(hold: taken, amount: 30)]))
        let released = try await ledger.submit(hold(bob, alice, 20)).first.id
        _ = try await ledger.submit(Command(key: nil, [.void(hold: released)]))
        _ = try await ledger.submit(Command(key: nil, [.reverse(paid)]))
        world.clock.advance(seconds: 31 * 86_400)
        _ = try await ledger.submit(.pay(alice, bob, 1))
    }

    private static func leg(_ debit: AccountID, _ credit: AccountID, _ amount: Int64) -> Leg {
        Leg(
            debit: debit, credit: credit, amount: Money(amount, World.kes),
            code: TransferCode(rawValue: 1))
    }

    private static func hold(
        _ debit: AccountID, _ credit: AccountID, _ amount: Int64
    ) -> Command {
        Command(key: nil, [.hold(leg(debit, credit, amount), seconds: 86_400)])
    }

    /// Triggers off, and every table remembered as it is.
    private static let keepCopies = """
        SET session_replication_role = replica;
        CREATE TEMPORARY TABLE head AS SELECT * FROM ledger.head;
        CREATE TEMPORARY TABLE accounts AS SELECT * FROM ledger.accounts;
        CREATE TEMPORARY TABLE transfers AS SELECT * FROM ledger.transfers;
        CREATE TEMPORARY TABLE open_holds AS SELECT * FROM ledger.open_holds;
        CREATE TEMPORARY TABLE checkpoints AS SELECT * FROM ledger.checkpoints
        """

    private static let restore = """
        DELETE FROM ledger.head; INSERT INTO ledger.head SELECT * FROM head;
        DELETE FROM ledger.accounts;
        INSERT INTO ledger.accounts OVERRIDING SYSTEM VALUE SELECT * FROM accounts;
        DELETE FROM ledger.transfers; INSERT INTO ledger.transfers SELECT * FROM transfers;
        DELETE FROM ledger.open_holds; INSERT INTO ledger.open_holds SELECT * FROM open_holds;
        DELETE FROM ledger.checkpoints; INSERT INTO ledger.checkpoints SELECT * FROM checkpoints
        """
}
