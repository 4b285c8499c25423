internal import Cryptography
internal import FoundationEssentials
internal import HTTP
internal import Ledger
internal import Postgres

/// `florin audit`: exit 0 when the journal explains every stored number, 1 when it does not.
enum AuditCommand {
    /// Published commitments and keys are texts of some hundred bytes a day.
    private static let fileBytesMax = 64 * 1024 * 1024

    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(words, .init(options: ["dump", "key", "commitments"]))
        var trust = Auditor.Trust()
        trust.keys = try arguments.option("key").map { try keys(in: $0) }
        trust.published = try arguments.option("commitments").map { try statements(in: $0) } ?? []
        if let dump = arguments.option("dump") {
            return try await answer(Auditor(dump: dump, trust: trust), trust)
        }
        return try await auditDatabase(trust)
    }

    private static func auditDatabase(_ given: Auditor.Trust) async throws -> Int32 {
        try await Installation.with { installation in
            var trust = given
            trust.sealing = installation.ring.sealingKey(BookKeys.purpose)
            let database = Database(settings: installation.settings, connections: 1, queueMax: 8)
            let code = try await answer(Auditor(database: database, trust: trust), trust)
            await database.close()
            return code
        }
    }

    private static func answer(_ auditor: Auditor, _ trust: Auditor.Trust) async throws -> Int32 {
        let progress = AuditProgress()
        let report = try await auditor.run { progress.tell($0, of: $1) }
        progress.end()
        tell(report, trust)
        return report.isClean ? 0 : 1
    }

    // MARK: What is believed without having been found in the books

    /// The keys of a JWK set, as `GET /v1/commitments/keys` answers.
    static func keys(in path: String) throws -> [VerifyingKey] {
        let set = try JSON(parsing: read(path))
        let keys = (set["keys"]?.array ?? []).compactMap { key -> VerifyingKey? in
            guard let x = key["x"]?.string.flatMap({ Base64URL.decode($0) }),
                let y = key["y"]?.string.flatMap({ Base64URL.decode($0) })
            else { return nil }
            do { return try VerifyingKey(x963: [4] + x + y) } catch { return nil }
        }
        guard !keys.isEmpty else {
            throw Unreadable(path: path, reason: "holds no key: save /v1/commitments/keys as it is")
        }
        return keys
    }

    /// Every compact JWS in a text, whatever stands around it: a page of `GET /v1/commitments` will
    /// do, and so will a list.
    private static func statements(in path: String) throws -> [String] {
        let text = String(decoding: try read(path), as: UTF8.self)
        let words = text.split { character in
            !(character.isASCII && (character.isLetter || character.isNumber))
                && !"-_.".contains(character)
        }
        let found = words.filter { word in
            word.hasPrefix("eyJ") && word.count { $0 == "." } == 2
        }
        guard !found.isEmpty else {
            throw Unreadable(path: path, reason: "holds no commitment: save /v1/commitments")
        }
        return found.map(String.init)
    }

    private static func read(_ path: String) throws -> [UInt8] {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw Unreadable(path: path, reason: "cannot be read")
        }
        guard bytes.count <= fileBytesMax else {
            throw Unreadable(path: path, reason: "is too large to be that")
        }
        return Array(bytes)
    }

    private struct Unreadable: Error, CustomStringConvertible {
        let path: String
        let reason: String

        var description: String { "\(path) \(reason)" }
    }

    // MARK: The answer

    private static func tell(_ report: Auditor.Report, _ trust: Auditor.Trust) {
        Program.say("transfers \(report.transfers)")
        Program.say("accounts  \(report.accounts)")
        Program.say("batches   \(report.batches)")
        let through = report.committedThrough.map { "through \($0)" } ?? "no day yet"
        Program.say("committed \(through), \(report.commitments) days")
        if let day = report.uncommittedSince {
            Program.say("          not committed yet: \(day) and later")
        }
        if report.commitments > 0, trust.keys == nil, trust.sealing == nil {
            Program.say("          by keys that the books themselves hold: --key names yours")
        }
        for (currency, moved) in report.moved.sorted(by: { $0.key < $1.key }) {
            let total = report.totals[currency] ?? 0
            Program.say(
                "\(currency)       debits \(moved) credits \(moved) balances sum to \(total)")
        }
        for finding in report.findings { Program.say("WRONG     \(finding)") }
        Program.say(
            report.isClean
                ? "the journal explains every balance"
                : "\(report.findings.count) differences: the books do not match")
    }
}

/// `florin migrate`: brings the database up to date and says what was done.
enum MigrateCommand {
    static func run(_ words: [String]) async throws -> Int32 {
        _ = try Arguments(words, .init())
        return try await Installation.with { installation in
            let applied = try Migrator.run(
                Application.migrations, on: installation.settings)
            Program.say(
                applied == 0 ? "the database is up to date" : "applied \(applied) migrations")
            return 0
        }
    }
}

/// `florin database-url`: what to give psql, pgbench or pg_dump while `florin serve` runs.
enum DatabaseURLCommand {
    static func run(_ words: [String]) async throws -> Int32 {
        _ = try Arguments(words, .init())
        return try await Installation.with { installation in
            Program.say(installation.settings.url)
            return 0
        }
    }
}
