package import Postgres
internal import Telemetry
internal import Values

/// Looks at the books all the time, and stops money-out when they do not match.
///
/// Each process has one. They begin at places of their own, so that several see more together.
package struct Watch: Sendable {
    /// Seconds between two looks.
    package static let secondsDefault: Int64 = 5
    /// Every so many looks all balances are added up, which reads every account.
    static let looksPerTotals = 12
    /// Who has stopped money-out, when it was this.
    package static let actor = "the running check"
    package static let reason = "The books do not match."

    private let database: Database
    private let moneyOut: MoneyOut
    private let seconds: Int64
    private var place: Int64?
    private var looks = 0

    private let duration = Metrics.shared.histogram(
        "florin_ledger_look", help: "Time of one look of the running check at the books.")
    private let findings = Metrics.shared.gauge(
        "florin_ledger_findings", help: "Differences that the last look at the books found.")
    private let stopped = Metrics.shared.gauge(
        "florin_money_out_stopped", help: "1 while the fail-safe holds payments back, else 0.")

    package init(database: Database, moneyOut: MoneyOut, everySeconds seconds: Int64) {
        self.database = database
        self.moneyOut = moneyOut
        self.seconds = seconds
    }

    /// Looks until cancelled. A database that is away is waited for.
    package mutating func run() async throws {
        while !Task.isCancelled {
            do {
                try await look()
            } catch let error as DatabaseError {
                Log.warning("ledger.watch_waits", ["error": "\(error)"])
            }
            try await Task.sleep(for: .seconds(seconds))
        }
    }

    /// One look, and if something differs a second one at the same place: money-out stops only
    /// when both find it.
    ///
    /// One snapshot shows each batch whole or not at all, so no writer can make a look see a
    /// difference that is not there. The second look, in a snapshot and on rows read anew, is for
    /// what nobody has thought of: a bank is not stopped by one reading.
    @discardableResult
    package mutating func look() async throws -> [Finding] {
        let start = ContinuousClock.now
        let withTotals = looks % Self.looksPerTotals == 0
        let place = if let place { place } else { try await Self.somewhere(database) }
        var look = try await Self.look(after: place, withTotals, database)
        if !look.findings.isEmpty {
            let subjects = Set(look.findings.map(\.subject))
            look = try await Self.look(after: place, withTotals, database)
            look.keep(subjects)
        }
        duration.observe(.now - start)
        findings.set(Int64(look.findings.count))
        stopped.set(look.isStopped ? 1 : 0)
        if !look.findings.isEmpty, !look.isStopped { try await stop(look.findings) }
        // Only now: a look that failed is done again.
        self.place = look.place
        looks += 1
        return look.findings
    }

    private func stop(_ found: [Finding]) async throws {
        let decision = try await moneyOut.stop(
            by: Self.actor, because: Self.reason, findings: found)
        stopped.set(1)
        // Nil when somebody was faster, who says so.
        guard let decision else { return }
        Log.error(
            "ledger.money_out_stopped",
            ["stop": .integer(decision), "findings": .integer(Int64(found.count))])
    }

    private static func look(
        after place: Int64, _ withTotals: Bool, _ database: Database
    ) async throws -> Look {
        try await database.read { transaction in
            try Look(after: place, withTotals: withTotals, in: transaction)
        }
    }

    private static func somewhere(_ database: Database) async throws -> Int64 {
        let last: Int64 = try await database.read { transaction in
            try transaction.query("SELECT coalesce(max(id), 0) FROM ledger.accounts")[0][0]
        }
        return .random(in: 0...max(0, last))
    }
}

extension Look {
    /// Every account once and the totals, page by page: what a person wants to know before money
    /// goes out again. Nothing is passed over.
    static func everything(in database: Database) async throws -> [Finding] {
        var (findings, place, isFirst): ([Finding], Int64, Bool) = ([], 0, true)
        repeat {
            let (start, withTotals) = (place, isFirst)
            let look = try await database.read { transaction in
                try Look(after: start, withTotals: withTotals, wraps: false, in: transaction)
            }
            for finding in look.check.findings where !findings.contains(finding) {
                findings.append(finding)
            }
            (place, isFirst) = (look.place, false)
        } while place > 0 && findings.count <= MoneyOut.findingsAcceptedMax
        return findings
    }
}
