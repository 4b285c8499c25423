import Ledger
import Postgres
import Testing

/// Every column of every table of the books, changed by the smallest step there is.
@Suite(.serialized) struct TamperingTests {
    @Test func everyColumnOfEveryRowIsWatched() async throws {
        try await World.spoil { world in
            try await AuditHistory.make(in: world)
            let intruder = try Intruder(world.settings)
            for column in try intruder.columns() where !Tampering.unchecked.contains("\(column)") {
                let rows: Int64 = try intruder.count(column.table)
                try #require(rows > 0, "nothing in \(column.table) can be changed")
                for row in 0..<rows {
                    try intruder.change(column, row: row)
                    let findings = try await world.audit().findings
                    #expect(!findings.isEmpty, "\(column) of row \(row) was changed unseen")
                    try intruder.restore()
                }
            }
            #expect(try await world.audit().findings == [])
        }
    }

    /// A column that is not checked must not be one that has gone.
    @Test func whatIsUncheckedIsThere() async throws {
        try await World.run { world in
            let columns = try Intruder(world.settings).columns().map { "\($0)" }
            #expect(Set(Tampering.unchecked).isSubset(of: columns))
        }
    }
}

enum Tampering {
    /// Columns that no audit could check, and why that harms nobody.
    static let unchecked = [
        // The fence counts attempts: it says only whether a writer's picture is the newest.
        "head.version",
        // Says only which process was the usual writer; another number refuses what is forwarded.
        "head.term",
        // What somebody decided, not what the journal gives.
        "head.stopped_at",
    ]
}

extension Intruder {
    func count(_ table: String) throws -> Int64 {
        let rows = try connection.run(unprepared: "SELECT 1 FROM ledger.\(table)")
        return Int64(rows.count)
    }

    /// Changes one value, by as little as its type allows; a null becomes something.
    func change(_ column: Column, row: Int64) throws {
        let name = column.name
        let value =
            switch column.type {
            case "bigint", "smallint", "integer": "coalesce(\(name) + 1, 1)"
            case "boolean": "NOT coalesce(\(name), false)"
            case "bytea": "set_byte(\(name), 0, get_byte(\(name), 0) # 1)"
            case "timestamp with time zone": "coalesce(\(name) + interval '1 microsecond', now())"
            case "date": "\(name) + 1"
            case "uuid":
                // A null becomes something, and each digit the next one.
                """
                translate(coalesce(\(name), gen_random_uuid())::text, '0123456789abcdef',
                    '123456789abcdef0')::uuid
                """
            default: "overlay(\(name) PLACING chr(ascii(\(name)) # 1) FROM 1)"
            }
        try connection.run(
            unprepared: """
                UPDATE ledger.\(column.table) SET \(name) = \(value)
                WHERE ctid = (SELECT ctid FROM ledger.\(column.table) LIMIT 1 OFFSET \(row))
                """)
    }
}
