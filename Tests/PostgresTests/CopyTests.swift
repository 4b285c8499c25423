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
}
