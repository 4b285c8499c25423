import Postgres
import TestSupport
import Testing
import Values

/// Values go to the server and come back as they were.
@Suite struct RoundTripTests {
    private enum Thing {}
    private enum Colour: String, SQLBindable, SQLElement, SQLDecodable, SQLDecodableElement {
        case red, blue
    }

    /// These tests write nothing that another could see, so they share one database.
    private func connection() async throws -> Connection {
        try Connection.open(try await TestPostgres.shared.settings)
    }

    private func same<Value: SQLBindable & SQLDecodable & Equatable>(
        _ values: Value..., cast: SQL = "", sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let connection = try await connection()
        for value in values {
            let row = try #require(try connection.first("SELECT \(value)\(cast)"))
            let back: Value = try row[0]
            #expect(back == value, sourceLocation: sourceLocation)
        }
    }

    @Test func numbersAndFlags() async throws {
        try await same(Int16.min, -1, 0, .max)
        try await same(Int32.min, -1, 0, .max)
        try await same(Int64.min, -1, 0, .max)
        try await same(Int.min, -1, 0, .max)
        try await same(true, false)
    }

    @Test func textAndBytes() async throws {
        try await same("", "a", "'; DROP TABLE x; --", "$1", "\\", "🦊 naïve \u{7F}", long)
        try await same([UInt8](), [0], [0, 255, 39, 92], Array(repeating: 7, count: 100_000))
    }

    private var long: String { String(repeating: "ab\n", count: 100_000) }

    @Test func idsAndMoments() async throws {
        try await same(ID<Thing>(high: 0, low: 0), ID<Thing>(high: .max, low: .max))
        try await same(ID<Thing>.make(at: Timestamp(microseconds: 1)))
        try await same(
            Timestamp(microseconds: 0), Timestamp(microseconds: -1),
            Timestamp(microseconds: 946_684_800_000_000),
            Timestamp("2026-11-21T04:15:26.000123Z")!, Timestamp("0001-01-01T00:00:00Z")!,
            Timestamp("9999-12-31T23:59:59.999999Z")!)
        try await same(Currency("KES")!, Currency("JPY")!)
        try await same(Colour.red, .blue)
    }

    @Test func nulls() async throws {
        try await same(Int64?.none, 1)
        try await same(String?.none, "")
        try await same([UInt8]?.none, [])
        try await same(ID<Thing>?.none, ID(high: 1, low: 2))
        try await same(Timestamp?.none)
        try await same(Bool?.none, false)
        try await same(Colour?.none, .red)
        try await same([Int64]?.none, [1])
    }

    @Test func arrays() async throws {
        try await same([Int16](), [.min, 0, .max])
        try await same([Int32](), [.min, 0, .max])
        try await same([Int64](), [.min, 0, .max], Array(0..<5000))
        try await same([Int](), [1, 2])
        try await same([Bool](), [true, false])
        try await same([String](), ["", "{}", "\"quoted\"", "NULL", "a,b", "🦊"])
        try await same([[UInt8]](), [[], [0], [1, 2, 3]])
        try await same([ID<Thing>](), [ID(high: 1, low: 2), ID(high: .max, low: .max)])
        try await same([Timestamp](), [Timestamp(microseconds: 0), Timestamp(microseconds: -5)])
        try await same([Currency](), [Currency("KES")!])
        try await same([Colour](), [.blue, .red])
    }

    @Test func arraysWithNulls() async throws {
        try await same([Int64?](), [nil], [1, nil, 3])
        try await same([String?](), [nil, "", "NULL"])
        try await same([[UInt8]?](), [nil, [], [9]])
        try await same([ID<Thing>?](), [nil, ID(high: 1, low: 2)])
        try await same([Timestamp?](), [nil, Timestamp(microseconds: 7)])
    }

    @Test func otherTypesOfTheServer() async throws {
        let connection = try await connection()
        try connection.run(unprepared: "CREATE TYPE pg_temp.mood AS ENUM ('calm', 'wild')")
        let row = try #require(
            try connection.first(
                """
                SELECT 'v'::varchar, 'n'::name, '{"a": 1}'::json, '{"a": 1}'::jsonb,
                    'calm'::pg_temp.mood, 7::smallint, 8::integer, 'c'::char(3)
                """))
        #expect(try row[0] as String == "v")
        #expect(try row[1] as String == "n")
        #expect(try row[2] as String == #"{"a": 1}"#)
        #expect(try row[3] as String == #"{"a": 1}"#)
        #expect(try row[4] as String == "calm")
        #expect(try row[5] as Int64 == 7)
        #expect(try row[6] as Int64 == 8)
        #expect(try row[7] as String == "c  ")
    }

    @Test(arguments: [
        ("0", 0), ("7", 7), ("-1", -1), ("10000", 10_000), ("100000000", 100_000_000),
        ("9223372036854775808", Int128(Int64.max) + 1),
        ("-12345678901234567890", -12_345_678_901_234_567_890),
        ("170141183460469231731687303715884105727", Int128.max),
        ("-170141183460469231731687303715884105728", Int128.min),
    ])
    func sumsAreWide(text: String, value: Int128) async throws {
        let connection = try await connection()
        let row = try #require(try connection.first("SELECT \(text)::text::numeric, 5::bigint"))
        #expect(try row[0] as Int128 == value)
        #expect(try row[1] as Int128 == 5)
    }

    @Test(arguments: ["0.5", "NaN", "Infinity", "170141183460469231731687303715884105728", "1e60"])
    func numbersThatAreNotWholeAreRefused(text: String) async throws {
        let connection = try await connection()
        let row = try #require(try connection.first("SELECT \(text)::text::numeric"))
        #expect(throws: DatabaseError.self) { try row[0] as Int128 }
    }

    @Test(
        arguments: [
            "SELECT 1.5::float8", "SELECT NULL::bigint", "SELECT 'a'::text",
            "SELECT 1::bigint WHERE true",
        ] as [SQL])
    func theWrongTypeIsAnError(sql: SQL) async throws {
        let connection = try await connection()
        let row = try #require(try connection.first(sql))
        #expect(throws: DatabaseError.self) { try row[0] as Timestamp }
        #expect(throws: DatabaseError.self) { try row[1] as Int64 }
        #expect(throws: DatabaseError.self) { try row[0] as [Int64] }
        #expect(throws: DatabaseError.self) { try row[0] as [UInt8] }
    }

    @Test func numbersThatDoNotFitAreRefused() async throws {
        let connection = try await connection()
        let row = try #require(
            try connection.first("SELECT 40000::bigint, 'infinity'::timestamptz, 'green'::text"))
        #expect(throws: DatabaseError.self) { try row[0] as Int16 }
        #expect(throws: DatabaseError.self) { try row[1] as Timestamp }
        #expect(throws: DatabaseError.self) { try row[2] as Colour }
        #expect(throws: DatabaseError.self) { try row[2] as Currency }
    }

    @Test(arguments: [Int64.min, .min + 1, .max])
    func momentsBeyondTheCalendarAreRefused(microseconds: Int64) async throws {
        let connection = try await connection()
        let moment = Timestamp(microseconds: microseconds)
        // The far future fits PostgreSQL's calendar; the far past does not and is not "-infinity".
        guard microseconds < 0 else { return try await same(moment) }
        #expect(throws: DatabaseError.self) { try connection.first("SELECT \(moment)") }
    }

    @Test func hostileTextStaysText() async throws {
        let connection = try await connection()
        try connection.execute("CREATE TEMPORARY TABLE people (name text PRIMARY KEY)")
        let hostile = [
            "'; DROP TABLE people; --", "x' OR '1'='1", "$1", "\\'; DELETE FROM people", "a\"b",
            "/* */", "E'\\x27'", "%s%n",
        ]
        try connection.execute("INSERT INTO people SELECT * FROM unnest(\(hostile))")
        for name in hostile {
            let row = try connection.first("SELECT count(*) FROM people WHERE name = \(name)")
            #expect(try row?[0] == Int64(1))
        }
        #expect(throws: DatabaseError.self) { try connection.execute("SELECT \("nul \0 byte")") }
    }
}
