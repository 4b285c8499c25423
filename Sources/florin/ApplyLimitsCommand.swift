internal import Identity
internal import Ledger
internal import Payments
internal import Postgres
internal import Values

/// `florin apply-limits`: gives the wallets that exist the limits that the settings now say.
enum ApplyLimitsCommand {
    static func run(_ words: [String]) async throws -> Int32 {
        _ = try Arguments(words, .init())
        return try await Installation.with { installation in
            let application = try await installation.application()
            do {
                let count = try await application.payments.applyLimits()
                Program.say("\(count) people's wallets have the limits of their plan and tier")
            } catch {
                await application.stop()
                throw error
            }
            await application.stop()
            return 0
        }
    }
}
