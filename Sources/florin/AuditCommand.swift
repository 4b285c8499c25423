internal import Ledger
internal import Postgres

/// `florin audit`: exit 0 when the journal explains every stored number, 1 when it does not.
enum AuditCommand {
    static func run(_ words: [String]) async throws -> Int32 {
        _ = try Arguments(words, .init())
        return try await Installation.with { installation in
            let database = Database(settings: installation.settings, connections: 1, queueMax: 8)
            let progress = AuditProgress()
            let report = try await Auditor(database: database).run { progress.tell($0, of: $1) }
            progress.end()
            await database.close()
            tell(report)
            return report.isClean ? 0 : 1
        }
    }

    private static func tell(_ report: Auditor.Report) {
        Program.say("transfers \(report.transfers)")
        Program.say("accounts  \(report.accounts)")
        Program.say("batches   \(report.batches)")
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
