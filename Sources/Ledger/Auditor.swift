package import Cryptography
internal import Dispatch
package import Postgres
internal import Values

/// Replays the journal from its first line and compares everything that was derived from it.
package struct Auditor: Sendable {
    private let source: Source
    private let trust: Trust

    private enum Source: Sendable {
        case database(Database)
        case dump(String)
    }

    /// Differences told before it stops looking for more.
    package static let findingsMax = 20
    /// Lines after which it says how far it is.
    static let progressLines: Int64 = 16_384
    /// Batches whose links are in memory at once.
    static let linksMax: Int64 = 4096

    /// Lines read so far, and how many there are, about.
    package typealias Progress = @Sendable (_ lines: Int64, _ of: Int64) -> Void

    /// What the auditor believes without having found it in the books.
    package struct Trust: Sendable {
        /// Tells whether the keys of the books are those of this installation.
        package var sealing: SealingKey?
        /// The only keys that may have signed; nil for those that the books themselves hold.
        package var keys: [VerifyingKey]?
        /// Commitments that somebody kept, as compact JWS: each must still be there.
        package var published: [String] = []

        package init() {}
    }

    package init(database: Database, trust: Trust = Trust()) {
        source = .database(database)
        self.trust = trust
    }

    /// Of a plain dump of `pg_dump`, without a server.
    package init(dump path: String, trust: Trust = Trust()) {
        source = .dump(path)
        self.trust = trust
    }

    package struct Report: Sendable, Equatable {
        package var transfers: Int64 = 0
        package var accounts = 0
        package var batches = 0
        package var commitments = 0
        /// The last day that is committed, such as `2026-11-21`.
        package var committedThrough: String?
        /// The day of the oldest batch that no commitment covers.
        package var uncommittedSince: String?
        /// Sum of all balances by currency: zero for each when the books are right.
        package var totals: [String: Int128] = [:]
        /// Total moved by currency: the sum of debits, which is the sum of credits.
        package var moved: [String: Int128] = [:]
        /// In the order in which the journal runs: the first is where it began.
        package var findings: [String] = []

        package var isClean: Bool { findings.isEmpty }
    }

    /// One consistent picture of the whole ledger, whatever is being written meanwhile.
    ///
    /// Throws `DumpError` for a file that is no whole dump.
    package func run(progress: @escaping Progress = { _, _ in }) async throws -> Report {
        do {
            switch source {
            case .database(let database):
                return try await database.read { [trust] transaction in
                    try transaction.prepareForAudit()
                    return try Self.audit(transaction, trust, progress)
                }
            case .dump(let path):
                return try await read(dump: path, progress)
            }
        } catch let end as EnoughFound {
            return end.report
        }
    }

    /// On a thread of its own: reading a file waits, too.
    private func read(dump path: String, _ progress: @escaping Progress) async throws -> Report {
        try await withCheckedThrowingContinuation { [trust] continuation in
            DispatchQueue(label: "florin.audit").async {
                continuation.resume(
                    with: Result { try Self.audit(dump: path, trust, progress) })
            }
        }
    }

    private static func audit(
        dump path: String, _ trust: Trust, _ progress: Progress
    ) throws -> Report {
        do {
            return try audit(DumpBooks(path), trust, progress)
        } catch let row as UnreadableRow {
            var report = Report()
            report.findings = [row.finding]
            return report
        }
    }

    /// There is no point in reading on.
    struct EnoughFound: Error {
        let report: Report
    }

    /// Reads everything once in the order in which it was written, then what was derived from it.
    static func audit(
        _ books: borrowing some BookSource & ~Copyable, _ trust: Trust, _ progress: Progress
    ) throws -> Report {
        let replay = AuditReplay(reversedLines: try books.reversedLines(), trust: trust)
        do {
            try books.each(BookKeyRow.self) { replay.add($0) }
            try books.each(Commitment.self) { replay.add($0) }
            try books.each(ClosureRow.self) { replay.add($0) }
            try books.each(AccountRow.self) { replay.open($0) }
            replay.checkClosures()
            try readJournal(books, replay, progress)
            try compare(books, replay)
        } catch let row as UnreadableRow {
            replay.find(row.finding)
            throw EnoughFound(report: replay.report)
        }
        return replay.report
    }

    // MARK: Steps

    /// Batches in pages, and the lines of each page's batches as they come.
    private static func readJournal(
        _ books: borrowing some BookSource & ~Copyable, _ replay: AuditReplay,
        _ progress: Progress
    ) throws {
        let total = try books.linesCount()
        var from: Int64? = .min
        while let start = from {
            var links: [ChainLink] = []
            try books.each(ChainLink.self, in: start ... .max, limit: linksMax) {
                links.append($0)
            }
            let last = links.count < Int(linksMax) ? nil : links.last?.last.number
            replay.add(links)
            try books.each(Transfer.self, in: start...(last ?? .max), limit: .max) { line in
                replay.add(line)
                if replay.isFull { throw EnoughFound(report: replay.report) }
                let lines = replay.report.transfers
                if lines % progressLines == 0 { progress(lines, total) }
            }
            from = last == .max ? nil : last.map { $0 + 1 }
        }
        replay.endJournal()
        progress(replay.report.transfers, total)
    }

    private static func compare(
        _ books: borrowing some BookSource & ~Copyable, _ replay: AuditReplay
    ) throws {
        let heads = try books.each(HeadRow.self) { replay.compare($0) }
        if heads != 1 { replay.find("the ledger has \(heads) heads, not one") }
        try books.each(AccountRow.self) { replay.compare($0) }
        replay.compareTotals()
        try books.each(OpenHoldRow.self) { replay.compare($0) }
        replay.compareOpenHoldsAreAll()
        try replay.compareCheckpoints { body in
            try books.each(CheckpointRow.self, body)
        }
    }
}
