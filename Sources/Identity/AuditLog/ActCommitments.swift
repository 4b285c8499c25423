internal import Cryptography
package import Postgres
internal import Telemetry
package import Values

/// What was signed of one day's acts: the last link of it, which stands for all acts before.
package struct ActCommitment: Sendable, Equatable {
    /// Days since 1970-01-01, in UTC.
    package let day: Int64
    package let last: Int64
    package let link: [UInt8]
    /// The SHA-256 of the JWS before; zeros in the first.
    package let previous: [UInt8]
    /// The statement as a compact JWS.
    package let jws: String

    /// The type in the header of such a statement.
    package static let type = "florin-act-commitment"

    package var dayText: String { "\(CalendarDay(daysSince1970: day))" }

    /// The one text of the statement: no white space, members in this order.
    static func payload(day: Int64, last: Int64, link: [UInt8], previous: [UInt8]) -> [UInt8] {
        let text =
            #"{"v":1,"day":"\#(CalendarDay(daysSince1970: day))","last":\#(last),"#
            + #""link":"\#(Hex.encode(link))","previous":"\#(Hex.encode(previous))"}"#
        return Array(text.utf8)
    }

    var payload: [UInt8] {
        Self.payload(day: day, last: last, link: link, previous: previous)
    }

    static let columns: SQL = "day - 'epoch'::date, last_position, link, previous, jws"

    init(row: Row) throws(DatabaseError) {
        day = Int64(try row[0] as Int32)
        last = try row[1]
        link = try row[2]
        previous = try row[3]
        jws = try row[4]
    }
}

/// Signs the end of each day of the audit log, with the key that signs the books: whoever keeps the
/// statements can hold the log to them.
package struct ActCommitments: Sendable {
    /// Signs a payload as a statement of that type.
    package typealias Signer = @Sendable ([UInt8], String) -> String

    private let database: Database
    private let clock: Clock
    private let sign: Signer

    /// As long after its end as the books wait.
    private static let graceSeconds: Int64 = 60
    /// The advisory lock under which one process at a time commits; the letters of "acts".
    private static let lock: Int64 = 0x6163_7473

    package init(database: Database, clock: Clock, sign: @escaping Signer) {
        self.database = database
        self.clock = clock
        self.sign = sign
    }

    /// Commits every day that is over, had acts and was not committed, the oldest first.
    package func commitDays() async throws {
        while let day = try await commitNext() {
            Log.notice(
                "identity.acts_committed", ["day": .text("\(CalendarDay(daysSince1970: day))")])
        }
    }

    /// Newest first; those before the day that the cursor names.
    package func page(before cursor: Int64?, limit: Int) async throws -> Page<ActCommitment> {
        let before = cursor ?? Int64(Int32.max)
        let found = try await database.read { transaction in
            try transaction.query(
                """
                SELECT \(ActCommitment.columns) FROM identity.act_commitments
                WHERE day - 'epoch'::date < \(before) ORDER BY day DESC LIMIT \(limit + 1)
                """
            ).map { try ActCommitment(row: $0) }
        }
        let page = Array(found.prefix(limit))
        return Page(page, nextCursor: found.count > limit ? page.last?.dayText : nil)
    }

    // MARK: Steps

    private func commitNext() async throws -> Int64? {
        let (now, sign) = (clock.now, sign)
        return try await database.transaction { transaction in
            let locks = try transaction.query("SELECT pg_try_advisory_xact_lock(\(Self.lock))")
            guard try locks[0][0] as Bool else { return nil }
            let newest = try transaction.first(
                """
                SELECT \(ActCommitment.columns) FROM identity.act_commitments
                ORDER BY day DESC LIMIT 1
                """
            ).map { try ActCommitment(row: $0) }
            guard let day = try Self.nextDay(after: newest, transaction),
                now >= Timestamp(day: day + 1).adding(seconds: Self.graceSeconds)
            else { return nil }
            let row = try transaction.query(
                """
                SELECT position, link FROM identity.acts
                WHERE position > \(newest?.last ?? 0) AND at < \(Timestamp(day: day + 1))
                ORDER BY position DESC LIMIT 1
                """)[0]
            let (last, link): (Int64, [UInt8]) = (try row[0], try row[1])
            let previous =
                newest.map { Hash.sha256($0.jws) } ?? [UInt8](repeating: 0, count: Hash.bytesCount)
            let payload = ActCommitment.payload(
                day: day, last: last, link: link, previous: previous)
            try transaction.execute(
                """
                INSERT INTO identity.act_commitments (day, last_position, link, previous, jws)
                VALUES ('epoch'::date + \(day)::integer, \(last), \(link), \(previous),
                    \(sign(payload, ActCommitment.type)))
                """)
            return day
        }
    }

    /// The day of the first act that no commitment covers. One that came too late for its own day
    /// counts as the next day's.
    private static func nextDay(
        after newest: ActCommitment?, _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> Int64? {
        let row = try transaction.first(
            """
            SELECT at FROM identity.acts WHERE position > \(newest?.last ?? 0)
            ORDER BY position LIMIT 1
            """)
        guard let at: Timestamp = try row?[0] else { return nil }
        return max(at.day, (newest?.day ?? at.day - 1) + 1)
    }
}
