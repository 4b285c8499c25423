import Postgres
import TestSupport
import Testing
import Values

@Suite struct CopyTests {
    private func connection() async throws -> Connection {
        let connection = try await TestPostgres.database().connection()
        try connection.execute(
            """
            CREATE TABLE entries (id bigint PRIMARY KEY, label text, at timestamptz, raw bytea)
            """)
        return connection
    }

    private func row(_ number: Int) -> [SQLValue] {
        [
            .int64(Int64(number)), number % 7 == 0 ? .null : .text("row \(number)"),
            .timestamp(Timestamp(microseconds: Int64(number))), .bytes([UInt8(number % 256)]),
        ]
    }

    @Test func tenThousandRows() async throws {
        let connection = try await connection()
        let written = try connection.transaction { transaction in
            try transaction.copy(
                into: "entries (id, label, at, raw)", (1...10_000).lazy.map(row))
        }
        #expect(written == 10_000)
        let sums = try connection.first(
            "SELECT count(*), count(label), sum(id)::bigint, max(at), sum(length(raw)) FROM entries"
        )
        let sum = try #require(sums)
        #expect(try sum[0] as Int64 == 10_000)
        #expect(try sum[1] as Int64 == 10_000 - 10_000 / 7)
        #expect(try sum[2] as Int64 == 50_005_000)
        #expect(try sum[3] as Timestamp == Timestamp(microseconds: 10_000))
        #expect(try sum[4] as Int64 == 10_000)
    }

    @Test func aRefusedRowUndoesTheTransaction() async throws {
        let connection = try await connection()
        let error = #expect(throws: DatabaseError.self) {
            try connection.transaction { transaction in
                try transaction.execute("INSERT INTO entries (id) VALUES (5)")
                try transaction.copy(into: "entries (id, label, at, raw)", (1...9).map(row))
            }
        }
        #expect(error?.isUniqueViolation("entries_pkey") == true)
        #expect(try connection.first("SELECT count(*) FROM entries")?[0] == Int64(0))
    }

    @Test func noRowsAndAWrongTarget() async throws {
        let connection = try await connection()
        #expect(try connection.transaction { try $0.copy(into: "entries (id)", []) } == 0)
        #expect(throws: DatabaseError.self) {
            try connection.transaction { try $0.copy(into: "nowhere (id)", [[.int64(1)]]) }
        }
        #expect(try connection.first("SELECT count(*) FROM entries")?[0] == Int64(0))
    }

    // MARK: Out

    @Test func rowsComeOutAsTheyWentIn() async throws {
        let connection = try await connection()
        try connection.transaction { transaction in
            _ = try transaction.copy(
                into: "entries (id, label, at, raw)", (1...3000).lazy.map(row))
        }
        var (sum, labels): (Int64, Int) = (0, 0)
        let count = try connection.read { transaction in
            try transaction.copy(
                from: """
                    SELECT id, coalesce(label, 'none'), at, raw FROM entries
                    WHERE id BETWEEN \(Int64(11)) AND \(Int64.max) ORDER BY id
                    """
            ) { row in
                let id = try row.int64()
                sum += id
                let label = try row.text()
                labels += label == "row \(id)" ? 1 : 0
                #expect((label == "none") == (id % 7 == 0))
                let (at, raw) = (try row.timestamp(), try row.bytes())
                #expect(at == Timestamp(microseconds: id))
                #expect(raw == [UInt8(id % 256)])
                let column = row.column
                #expect(column == 3)
            }
        }
        #expect(count == 2990 && sum == 4_501_500 - 55 && labels == 2990 - 427)
    }

    @Test func everyTypeComesOut() async throws {
        let connection = try await connection()
        try connection.read { transaction in
            let count = try transaction.copy(
                from: """
                    SELECT 7::smallint, NULL::bigint, true, false,
                        '01890000-0000-7000-8000-00000000ff01'::uuid, NULL::uuid,
                        '2026-11-21'::date, '1969-12-31'::date, ''::text, NULL::timestamptz
                    """
            ) { row in
                let values: [String] = [
                    "\(try row.int16())", "\(try row.int64OrNull() as Any)",
                    "\(try row.bool())", "\(try row.bool())",
                    "\(try row.uuidOrNull()?.low ?? 0)", "\(try row.uuidOrNull()?.low ?? 0)",
                    "\(try row.day())", "\(try row.day())", "\(try row.text())",
                    "\(try row.timestampOrNull() as Any)",
                ]
                #expect(
                    values == [
                        "7", "nil", "true", "false", "\(0x8000_0000_0000_FF01 as UInt64)", "0",
                        "20778", "-1", "", "nil",
                    ])
            }
            #expect(count == 1)
            #expect(try transaction.copy(from: "SELECT 1 WHERE false") { _ in } == 0)
        }
    }

    @Test func whatDoesNotFitIsRefused() async throws {
        let connection = try await connection()
        func refused(_ query: SQL, _ body: (inout CopyRow) throws -> Void) throws {
            if connection.isBroken { try connection.reconnect() }
            let error = #expect(throws: DatabaseError.self) {
                try connection.read { _ = try $0.copy(from: query, body) }
            }
            if case .decoding = error { return }
            Issue.record("\(error.debugDescription)")
        }
        try refused("SELECT 1::bigint") { _ = try $0.int16() }
        try refused("SELECT NULL::bigint") { _ = try $0.int64() }
        try refused("SELECT 1::bigint") { row in _ = (try row.int64(), try row.int64()) }
        try refused("SELECT 'infinity'::timestamptz") { _ = try $0.timestamp() }
        try refused("SELECT '4713-01-01 BC'::timestamptz") { _ = try $0.timestamp() }
        try refused("SELECT 'infinity'::date") { _ = try $0.day() }
        try refused("SELECT '10000-01-01'::date") { _ = try $0.day() }
        try refused("SELECT '0001-12-31 BC'::date") { _ = try $0.day() }
    }

    /// The reader's error reaches the caller, and so does the server's.
    @Test func anErrorEndsTheReading() async throws {
        struct Enough: Error {}
        let connection = try await connection()
        var rows = 0
        #expect(throws: Enough.self) {
            try connection.read { transaction in
                _ = try transaction.copy(from: "SELECT generate_series(1, 1000000)") { _ in
                    rows += 1
                    if rows == 10 { throw Enough() }
                }
            }
        }
        #expect(rows == 10 && connection.isBroken)
        try connection.reconnect()
        let error = #expect(throws: DatabaseError.self) {
            try connection.read { transaction in
                _ = try transaction.copy(
                    from: "SELECT 1 / (9 - i) FROM generate_series(1, 20) AS i"
                ) { _ in }
            }
        }
        #expect(error?.sqlState == "22012")
        #expect(try connection.query("SELECT 1")[0][0] == Int64(1))
    }
}
