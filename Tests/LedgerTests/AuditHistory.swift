import Ledger
import Postgres
import Values

/// A short history with something of everything, for tests that change it behind the ledger's back.
///
/// 1 float→alice 1000, 2 float→bob 500, 3 alice→bob 200, 4 alice→bob 100 with 5 alice→fees 5,
/// 6 hold alice→bob 50, 7 hold alice→bob 40, 8 capture of 6 by 30, 9 hold bob→alice 20, 10 void of
/// 9, 11 reversal of 3, a month later 12 alice→bob 1, then dan is closed, who had nothing. Both
/// days are committed. Accounts: 1 float, 2 alice, 3 bob, 4 fees, 5 a float of dollars, 6 dan. The
/// batches are 1 to 2, 3, 4 to 5, then one for each line; 3 and 12 count towards alice's limits.
enum AuditHistory {
    static let linesCount: Int64 = 12

    static func make(in world: World) async throws {
        let (float, alice) = (try await world.open(), try await world.open(floor: 0))
        let (bob, fees) = (try await world.open(floor: 0), try await world.open())
        _ = try await world.open(Currency("USD")!)
        let dan = try await world.open(
            floor: 0, limits: AccountLimits(perDay: 100, paymentsPerHour: 3, ceiling: 500))
        let ledger = world.ledger
        _ = try await ledger.submit([.pay(float, alice, 1000), .pay(float, bob, 500)])
        let paid = try await ledger.submit(
            .pay(alice, bob, 200, key: .test(1), isLimited: true)
        ).first.id
        _ = try await ledger.submit(
            Command(key: .test(2), [.post(leg(alice, bob, 100)), .post(leg(alice, fees, 5))]))
        let taken = try await ledger.submit(hold(alice, bob, 50)).first.id
        _ = try await ledger.submit(hold(alice, bob, 40))
        _ = try await ledger.submit(Command(key: nil, [.capture(hold: taken, amount: 30)]))
        let released = try await ledger.submit(hold(bob, alice, 20)).first.id
        _ = try await ledger.submit(Command(key: nil, [.void(hold: released)]))
        _ = try await ledger.submit(Command(key: nil, [.reverse(paid)]))
        world.clock.advance(seconds: 31 * 86_400)
        _ = try await ledger.submit(.pay(alice, bob, 1, isLimited: true))
        try await ledger.closeAccount(dan)
        world.clock.advance(seconds: 86_400)
        _ = try await world.commitments.commitDays()
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
}

/// A connection of someone who may do everything: no trigger, no constraint and no key stands in
/// the way, and every table can be put back as it was.
struct Intruder {
    let connection: Connection
    private let tables: [String]

    init(_ settings: ConnectionSettings) throws {
        connection = try Connection.open(settings)
        try connection.run(unprepared: Self.breakIn)
        tables = try Self.columns(connection).reduce(into: []) { tables, column in
            if tables.last != column.table { tables.append(column.table) }
        }
        for table in tables {
            try connection.run(
                unprepared: "CREATE TEMPORARY TABLE \(table) AS SELECT * FROM ledger.\(table)")
        }
    }

    func restore() throws {
        try connection.run(
            unprepared: tables.map {
                "DELETE FROM ledger.\($0); INSERT INTO ledger.\($0) SELECT * FROM pg_temp.\($0)"
            }.joined(separator: ";"))
    }

    struct Column: Sendable, CustomStringConvertible {
        let table: String
        let name: String
        let type: String

        var description: String { "\(table).\(name)" }
    }

    /// Every column of every table of the schema, in the order of their tables.
    func columns() throws -> [Column] { try Self.columns(connection) }

    private static func columns(_ connection: Connection) throws -> [Column] {
        try connection.query(
            """
            SELECT c.table_name::text, c.column_name::text, c.data_type::text
            FROM information_schema.columns c JOIN information_schema.tables t
                ON t.table_schema = c.table_schema AND t.table_name = c.table_name
            WHERE c.table_schema = 'ledger' AND t.table_type = 'BASE TABLE'
                -- What people decided about stops, and which process was the usual writer, is no
                -- part of what the journal gives.
                AND c.table_name NOT IN ('stops', 'terms')
            ORDER BY c.table_name, c.ordinal_position
            """
        ).map { Column(table: try $0[0], name: try $0[1], type: try $0[2]) }
    }

    private static let breakIn = """
        SET session_replication_role = replica;
        DO $$
        DECLARE command text;
        BEGIN
            FOR command IN
                SELECT format('ALTER TABLE %s DROP CONSTRAINT %I CASCADE', conrelid::regclass,
                    conname)
                FROM pg_constraint WHERE connamespace = 'ledger'::regnamespace
                UNION ALL
                SELECT format('ALTER TABLE ledger.%I ALTER %I DROP IDENTITY', table_name,
                    column_name)
                FROM information_schema.columns
                WHERE table_schema = 'ledger' AND is_identity = 'YES'
            LOOP
                EXECUTE command;
            END LOOP;
            FOR command IN
                SELECT format('DROP INDEX ledger.%I', indexname) FROM pg_indexes
                WHERE schemaname = 'ledger'
            LOOP
                EXECUTE command;
            END LOOP;
        END $$
        """
}
