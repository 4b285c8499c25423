internal import Identity
internal import Ledger
internal import Payments
internal import Postgres
internal import Values

/// Six people with a little history, so that a fresh sandbox has something to show.
struct Demo: Sendable {
    struct Login: Sendable {
        let username: String
        let password: String
        let pin: String
        let what: String
    }

    private struct Person: Sendable {
        let login: Login
        let phone: String
        let role: Role

        init(_ username: String, _ phone: String, _ role: Role, _ what: String) {
            login = Login(
                username: username, password: Demo.password, pin: Demo.pin, what: what)
            self.phone = phone
            self.role = role
        }
    }

    /// Play people in a sandbox; password and PIN are printed at every start.
    private static let password = "try-florin-now"
    private static let pin = "730518"

    private static let people: [Person] = [
        Person("amina", "+254700000001", .customer, "customer"),
        Person("brian", "+254700000002", .customer, "customer"),
        Person("duka", "+254700000003", .merchant, "merchant, a corner shop"),
        Person("wanjiru", "+254700000004", .worker, "worker, receives tips"),
        Person("otieno", "+254700000005", .admin, "staff, an admin"),
        // Whoever reviewed documents does not approve them, so it takes two.
        Person("achieng", "+254700000006", .support, "staff, support"),
    ]

    private let application: Application

    init(_ application: Application) {
        self.application = application
    }

    /// Makes the people on the first start and returns their log-ins at every start.
    func prepare() async throws -> [Login] {
        guard application.configuration.isSandbox else {
            throw ConfigurationError(
                name: "FLORIN_SANDBOX",
                reason: "--demo makes people with play money and needs it to be 1")
        }
        let missing = try await missing()
        if !missing.isEmpty {
            try await make(missing)
            // A sandbox of an earlier version has had its history.
            if missing.count == Self.people.count { try await makeHistory() }
            try await givePins(to: missing)
        }
        return Self.people.map(\.login)
    }

    private func missing() async throws -> [Person] {
        var missing: [Person] = []
        for person in Self.people
        where try await application.identity.find(person.login.username) == nil {
            missing.append(person)
        }
        return missing
    }

    private func make(_ people: [Person]) async throws {
        let hash = try await application.identity.hash(password: Self.password)
        try await application.database.transaction { transaction in
            for person in people {
                guard let phone = PhoneNumber(person.phone),
                    let username = Username(person.login.username)
                else { preconditionFailure("demo names are well formed") }
                let user = try application.identity.enrol(
                    phone: phone, username: username, passwordHash: hash, role: person.role,
                    in: transaction)
                _ = try application.payments.open(
                    user.id, application.configuration.currencies[0], in: transaction)
            }
        }
    }

    private func givePins(to people: [Person]) async throws {
        guard let pin = Pin(Self.pin) else { preconditionFailure("the demo's PIN is well formed") }
        for person in people {
            guard let user = try await application.identity.find(person.login.username) else {
                continue
            }
            try await application.identity.givePin(pin, to: user.id)
        }
    }

    private func makeHistory() async throws {
        let currency = application.configuration.currencies[0].code
        let payments = application.payments
        let amina = try await payer("amina")
        let brian = try await payer("brian")
        for (payer, amount) in [(amina, Int64(1_250_000)), (brian, 480_000)] {
            _ = try await payments.topUp(
                amount: amount, currency: currency, from: .sandboxFloat, key: nil, by: payer)
        }
        let sends: [(Payer, String, Int64, String)] = [
            (amina, "brian", 45_000, "Lunch on Friday"), (amina, "duka", 128_050, "Groceries"),
            (brian, "wanjiru", 20_000, "Thank you!"), (brian, "duka", 9_900, "Milk and bread"),
            (amina, "wanjiru", 15_000, "Great service"),
        ]
        for (index, (payer, to, amount, note)) in sends.enumerated() {
            guard let key = IdempotencyKey("demo-\(index)") else { continue }
            _ = try await payments.send(
                SendCommand(to: to, amount: amount, currency: currency, note: note), key: key,
                by: payer)
        }
        _ = try await payments.request(
            SendCommand(to: "amina", amount: 30_000, currency: currency, note: "Cinema tickets"),
            by: brian)
    }

    private func payer(_ username: String) async throws -> Payer {
        guard let user = try await application.identity.find(username) else {
            throw IdentityRejection.sessionInvalid
        }
        return try Payer(application.identity.session(vouchingFor: user), .vouched)
    }
}
