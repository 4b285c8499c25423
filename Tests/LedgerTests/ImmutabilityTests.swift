import Ledger
import Postgres
import Testing
import Values

/// What the database itself refuses, whoever asks: the owner of the tables, here.
@Suite(.serialized) struct ImmutabilityTests {
    /// SQLSTATE `restrict_violation`.
    private static let refused = "23001"

    @Test func theJournalNeverChanges() async throws {
        try await World.run { world in
            try await Self.history(world)
            for statement: SQL in [
                "UPDATE ledger.transfers SET amount = amount + 1 WHERE id = 1",
                "UPDATE ledger.transfers SET at = at",
                "UPDATE ledger.transfers SET amount = 1 WHERE false",
                "DELETE FROM ledger.transfers WHERE id = 1",
                "DELETE FROM ledger.transfers",
                "TRUNCATE ledger.transfers",
                "UPDATE ledger.checkpoints SET last_transfer = 0",
                "DELETE FROM ledger.checkpoints",
                "TRUNCATE ledger.checkpoints",
                "INSERT INTO ledger.transfers SELECT * FROM ledger.transfers WHERE id = 1 "
                    + "ON CONFLICT (id) DO UPDATE SET amount = 1",
            ] {
                let error = #expect(throws: DatabaseError.self, "\(statement)") {
                    try world.run(statement)
                }
                #expect(error?.sqlState == Self.refused, "\(statement)")
            }
        }
    }

    @Test func nobodyElseMayEvenAsk() async throws {
        try await World.run { world in
            for right in ["INSERT", "UPDATE", "DELETE", "TRUNCATE"] {
                for table in ["ledger.transfers", "ledger.checkpoints"] {
                    let may = try Connection.open(world.settings)
                        .query("SELECT has_table_privilege('public', \(table), \(right))")[0]
                    #expect(try may[0] == false, "\(right) \(table)")
                }
            }
        }
    }

    /// A line that is right but for what each case changes.
    private static func line(_ changes: SQL) -> SQL {
        """
        INSERT INTO ledger.transfers
        SELECT (jsonb_populate_record(t, '{"id": 100, "key": null}'::jsonb || \(changes))).*
        FROM ledger.transfers t WHERE t.id = 1
        """
    }

    private static let lines: [(constraint: String, changes: SQL)] = [
        ("transfers_kind_check", #"'{"kind": 7, "settles": 1}'::jsonb"#),
        ("transfers_kind_check", #"'{"kind": 0}'::jsonb"#),
        ("transfers_amount_check", #"'{"amount": 0}'::jsonb"#),
        ("transfers_amount_check", #"'{"amount": -1}'::jsonb"#),
        ("transfers_legs_check", #"'{"legs": -2}'::jsonb"#),
        ("transfers_debit_held_check", #"'{"debit_held": -1}'::jsonb"#),
        ("transfers_credit_held_check", #"'{"credit_held": -1}'::jsonb"#),
        ("transfers_check", #"'{"debit_previous": 100}'::jsonb"#),
        ("transfers_check1", #"'{"credit_previous": 100}'::jsonb"#),
        ("accounts_differ", #"'{"debit": 1, "credit": 1}'::jsonb"#),
        ("settles_iff_it_ends_something", #"'{"kind": 1, "settles": 2}'::jsonb"#),
        ("settles_iff_it_ends_something", #"'{"kind": 4}'::jsonb"#),
        ("expires_iff_hold", #"'{"kind": 2}'::jsonb"#),
        ("expires_iff_hold", #"'{"expires_at": "2030-01-01T00:00:00Z"}'::jsonb"#),
        ("transfers_pkey", #"'{"id": 1}'::jsonb"#),
        ("transfers_key", #"'{"key": "00000000-0000-0000-0000-000000000001"}'::jsonb"#),
        ("transfers_settles", #"'{"kind": 4, "settles": 2}'::jsonb"#),
    ]

    @Test func anImpossibleLineIsRefused() async throws {
        try await World.run { world in
            try await Self.history(world)
            for (constraint, changes) in Self.lines {
                Self.expect(constraint, refuses: Self.line(changes), in: world)
            }
        }
    }

    private static let rows: [(constraint: String, statement: SQL)] = [
        (
            "available_respects_floor",
            "UPDATE ledger.accounts SET posted = held - 1 WHERE floor = 0"
        ),
        (
            "available_respects_floor",
            "UPDATE ledger.accounts SET held = posted + 1 WHERE floor = 0"
        ),
        ("accounts_held_check", "UPDATE ledger.accounts SET held = -1"),
        ("accounts_limit_day_check", "UPDATE ledger.accounts SET limit_day = -1"),
        ("accounts_limit_hour_count_check", "UPDATE ledger.accounts SET limit_hour_count = -1"),
        ("accounts_limit_day_count_check", "UPDATE ledger.accounts SET limit_day_count = -1"),
        ("accounts_ceiling_check", "UPDATE ledger.accounts SET ceiling = -1"),
        ("accounts_currency_check", "UPDATE ledger.accounts SET currency = 'kes'"),
        ("head_id_check", "INSERT INTO ledger.head VALUES (2, 0, 0, now())"),
        ("head_pkey", "INSERT INTO ledger.head VALUES (1, 0, 0, now())"),
        ("open_holds_amount_check", "INSERT INTO ledger.open_holds VALUES (9, 1, 0, now())"),
        (
            "accounts_system",
            """
            INSERT INTO ledger.accounts (kind, currency, is_system, created_at)
            VALUES ('fees', 'KES', true, now()), ('fees', 'KES', true, now())
            """
        ),
    ]

    @Test func anImpossibleRowIsRefused() async throws {
        try await World.run { world in
            try await Self.history(world)
            for (constraint, statement) in Self.rows {
                Self.expect(constraint, refuses: statement, in: world)
            }
        }
    }

    @Test func aSystemAccountIsOpenedOnce() async throws {
        try await World.run { world in
            let neighbour = world.neighbour()
            async let left = world.ledger.systemAccount(.fees, World.kes)
            async let right = neighbour.ledger.systemAccount(.fees, World.kes)
            let (one, other) = try await (left, right)
            #expect(one == other)
            let dollars = try await world.ledger.systemAccount(.fees, Currency("USD")!)
            #expect(dollars != one)
            await neighbour.end()
        }
    }

    // MARK: Steps

    private static func expect(_ constraint: String, refuses statement: SQL, in world: World) {
        let error = #expect(throws: DatabaseError.self, "\(constraint)") {
            try world.run(statement)
        }
        #expect(error?.constraint == constraint)
    }

    /// A payment with a key, a hold that was let go, and a month later one more payment.
    private static func history(_ world: World) async throws {
        let (float, alice) = (try await world.open(), try await world.open(floor: 0))
        let leg = Leg(
            debit: alice, credit: float, amount: Money(10, World.kes),
            code: TransferCode(rawValue: 1))
        _ = try await world.ledger.submit(.pay(float, alice, 100, key: .test(1)))
        let hold = try await world.ledger.submit(Command(key: nil, [.hold(leg, seconds: 60)]))
        _ = try await world.ledger.submit(Command(key: nil, [.void(hold: hold.first.id)]))
        world.clock.advance(seconds: 32 * 86_400)
        _ = try await world.ledger.submit(.pay(float, alice, 100))
    }
}
