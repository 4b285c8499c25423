internal import Cryptography
internal import FoundationEssentials
internal import Identity
internal import Ledger
internal import Payments
internal import Postgres
internal import Values

/// `florin seed`: many verified people with money and sessions, so that anyone can load the server.
enum SeedCommand {
    private static let peoplePerTransaction = 250
    private static let topUpsPerBatch = 2_000
    private static let peopleMax: Int64 = 1_000_000
    /// A load pays as nobody does; its limits are counted and asked with each payment all the same.
    private static let tireless = AccountLimits(
        perTransfer: .max, perDay: .max, perMonth: .max, paymentsPerHour: .max,
        paymentsPerDay: .max, ceiling: .max)

    private struct Seeded: Sendable {
        let username: Username
        let token: String
        let account: AccountID
    }

    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(
            words, .init(options: ["people", "balance", "currency", "tokens"]))
        guard let people = try arguments.integer("people", in: 2...peopleMax),
            let balance = try arguments.integer("balance", in: 1...Int64.max / peopleMax),
            let code = arguments.option("currency"), let file = arguments.option("tokens")
        else {
            throw Arguments.Misunderstood(
                reason: "seed wants --people, --balance, --currency and --tokens")
        }
        return try await Installation.with { installation in
            guard installation.configuration.isSandbox else {
                throw ConfigurationError(
                    name: "FLORIN_SANDBOX", reason: "seeding makes play money and needs it to be 1")
            }
            guard
                let currency = installation.configuration.currencies.first(where: {
                    $0.code == code
                })
            else {
                throw Arguments.Misunderstood(reason: "--currency wants one of FLORIN_CURRENCIES")
            }
            let application = try await installation.application()
            let seeded = try await seed(Int(people), Money(balance, currency), application)
            await application.stop()
            let lines = seeded.map { "\($0.username) \($0.token)\n" }.joined()
            try Data(lines.utf8).write(to: URL(filePath: file))
            Program.say("seeded \(seeded.count) people")
            return 0
        }
    }

    private static func seed(
        _ count: Int, _ balance: Money, _ application: Application
    ) async throws -> [Seeded] {
        let float = try await application.ledger.systemAccount(.sandboxFloat, balance.currency)
        // Nobody logs in as these people: the hash is of a password that is thrown away.
        let hash = try await application.identity.hash(password: SecureRandom.token())
        let run = Int64.random(in: 100_000..<1_000_000)
        var seeded: [Seeded] = []
        while seeded.count < count {
            let numbers = seeded.count..<min(count, seeded.count + peoplePerTransaction)
            seeded += try await enrol(numbers, run, hash, balance.currency, application)
        }
        for start in stride(from: 0, to: count, by: topUpsPerBatch) {
            let batch = seeded[start..<min(count, start + topUpsPerBatch)]
            let topUps = batch.map { person in
                Command(
                    key: .random(),
                    [
                        .post(
                            Leg(debit: float, credit: person.account, amount: balance, code: .topUp)
                        )
                    ])
            }
            for outcome in try await application.ledger.submit(topUps) { _ = try outcome.get() }
        }
        return seeded
    }

    private static func enrol(
        _ numbers: Range<Int>, _ run: Int64, _ hash: String, _ currency: Currency,
        _ application: Application
    ) async throws -> [Seeded] {
        try await application.database.transaction { transaction in
            try numbers.map { number in
                guard let phone = PhoneNumber("+99\(run)\(number + 1_000_000)"),
                    let username = Username("load\(run)-\(number)")
                else { preconditionFailure("seeded names are well formed") }
                let user = try application.identity.enrol(
                    phone: phone, username: username, passwordHash: hash, role: .customer,
                    in: transaction)
                let wallet = try application.payments.open(
                    user.id, currency, limits: tireless, in: transaction)
                let tokens = try application.identity.openSession(for: user, in: transaction)
                return Seeded(
                    username: username, token: tokens.accessToken, account: wallet.account)
            }
        }
    }
}
