internal import Cryptography
internal import Identity
internal import Ledger
internal import Postgres
internal import Values

/// `florin resume --reason TEXT`: looks at the books, then lets money out of wallets again.
///
/// Exit 0 when payments go on, 1 when they do not because the books still do not match.
enum ResumeCommand {
    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(
            words, .init(options: ["reason"], flags: ["despite-mismatch"]))
        let reason = try Deciding.reason(arguments)
        return try await Deciding.with { moneyOut in
            let resumption = try await moneyOut.resume(
                by: Deciding.actor, because: reason,
                despiteMismatch: arguments.flag("despite-mismatch"))
            return tell(resumption)
        }
    }

    private static func tell(_ resumption: MoneyOut.Resumption) -> Int32 {
        switch resumption {
        case .nothingWasStopped:
            Program.say("nothing is stopped: payments go on as they did")
            return 0
        case .refused(let findings):
            for finding in findings { Program.say("WRONG     \(finding)") }
            Program.say("the books do not match: payments stay stopped")
            Program.complain(
                findings.count > MoneyOut.findingsAcceptedMax
                    ? "florin: more than \(MoneyOut.findingsAcceptedMax) differences"
                    : "florin: repair them, or go on all the same with --despite-mismatch")
            return 1
        case .resumed(let findings):
            for finding in findings { Program.say("ACCEPTED  \(finding)") }
            Program.say("payments go on, as decided by \(Deciding.actor)")
            return 0
        }
    }
}

/// `florin stop-money-out --reason TEXT`: a person pulls the brake.
enum StopMoneyOutCommand {
    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(words, .init(options: ["reason"]))
        let reason = try Deciding.reason(arguments)
        return try await Deciding.with { moneyOut in
            if try await moneyOut.stop(by: Deciding.actor, because: reason) != nil {
                Program.say("payments are stopped, as decided by \(Deciding.actor)")
            } else if let stop = try await moneyOut.current() {
                Program.say("stopped already at \(stop.at) by \(stop.actor): \(stop.reason)")
            }
            return 0
        }
    }
}

extension Deciding {
    /// What both commands work with.
    fileprivate static func with(_ body: (MoneyOut) async throws -> Int32) async throws -> Int32 {
        try await Installation.with { installation in
            let database = Database(settings: installation.settings, connections: 1, queueMax: 8)
            let clock = Clock()
            let vault = try await Vault.load(
                from: database, wrapping: installation.ring.sealingKey(Vault.purpose),
                now: clock.now)
            let code = try await body(
                Application.moneyOut(database, clock, AuditLog(vault: vault, clock: clock)))
            await database.close()
            return code
        }
    }
}
