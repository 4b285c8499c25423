internal import FlorinClient
internal import HTTP

/// Who one is: signing up, logging in and out.
enum WalletAccount {
    static let verbs: [WalletCommand.Verb] = [
        .init(
            name: "sign-up", alias: "signup", words: "USERNAME PHONE",
            options: "[--email E] [--password P]",
            summary: "Open a wallet; a code comes by SMS.",
            grammar: .init(options: ["email", "password"], words: 2...2), run: signUp),
        .init(
            name: "verify", words: "PHONE CODE", summary: "Prove the telephone number.",
            grammar: .init(words: 2...2), run: verify),
        .init(
            name: "resend-code", words: "PHONE", summary: "Ask for a new code.",
            grammar: .init(words: 1...1), run: resendCode),
        .init(
            name: "log-in", alias: "login", words: "NAME",
            options: "[--password P] [--code C] [--strict]",
            summary: "Log in with username, telephone number or e-mail.",
            grammar: .init(options: ["password", "code"], flags: ["strict"], words: 1...1),
            run: WalletLogIn.run),
        .init(
            name: "log-out", alias: "logout", words: "", summary: "End the session.", run: logOut),
        .init(name: "whoami", words: "", summary: "Who is logged in.", run: whoami),
    ]

    static let sandboxVerbs: [WalletCommand.Verb] = [
        .init(
            name: "messages", words: "[PHONE|E-MAIL]",
            summary: "What a sandbox would have sent, codes included.",
            grammar: .init(words: 0...1), run: messages),
        .init(
            name: "standing", words: "FREE|PREMIUM [TIER]",
            summary: "Try another plan or KYC tier.",
            grammar: .init(words: 1...2), run: standing),
        .init(
            name: "clock", words: "SECONDS",
            summary: "Move the sandbox's clock forward: codes expire and holds end at once.",
            grammar: .init(words: 1...1), run: clock),
    ]

    @Sendable private static func signUp(_ session: WalletSession) async throws {
        let password = try session.password(twice: true)
        let user = try await session.stranger().signUp(
            phone: session.arguments[1], username: session.arguments[0],
            password: password, email: session.arguments.option("email"))
        let phone = user.phone ?? session.arguments[1]
        session.say(
            WalletJSON.user(user),
            [
                "Welcome, \(Terminal.clean(user.username)). A code is on its way to "
                    + "\(Terminal.clean(phone))."
            ])
        guard !session.isForPrograms else { return }
        guard session.terminal.isInteractive else {
            return session.terminal.say("Next: florin wallet verify \(Terminal.clean(phone)) CODE")
        }
        try await proveAndEnter(user.username, phone, password, session)
    }

    /// Asks for the code until it is right, and logs in, so that a new person can pay at once.
    private static func proveAndEnter(
        _ username: String, _ phone: String, _ password: String, _ session: WalletSession
    ) async throws {
        session.terminal.remark(
            session.terminal.faint(
                "A sandbox keeps it in its outbox: florin wallet messages \(Terminal.clean(phone))")
        )
        while true {
            guard let code = session.terminal.ask("Code: "), !code.isEmpty else {
                throw WalletFailure.refused(
                    "Later, then: florin wallet verify \(Terminal.clean(phone)) CODE")
            }
            do {
                _ = try await prove(phone, code, session)
                return try await WalletLogIn.enter(username, password, session)
            } catch FlorinError.problem(let problem) where problem.code == "code_incorrect" {
                session.terminal.remark(session.terminal.bad(problem.detail))
            }
        }
    }

    @Sendable private static func verify(_ session: WalletSession) async throws {
        let user = try await prove(session.arguments[0], session.arguments[1], session)
        session.say(
            WalletJSON.user(user),
            [
                "The telephone number is verified.",
                "Next: florin wallet log-in \(Terminal.clean(user.username))",
            ])
    }

    /// Makes this terminal known to the server as the person's.
    private static func prove(
        _ phone: String, _ code: String, _ session: WalletSession
    ) async throws -> User {
        let proven = try await session.stranger().verifyPhone(
            phone, code: code, deviceName: session.deviceName)
        try session.keep(proven.device, of: proven.user)
        return proven.user
    }

    @Sendable private static func resendCode(_ session: WalletSession) async throws {
        let seconds = try await session.stranger().resendCode(to: session.arguments[0])
        session.say(
            ["expires_in": .integer(seconds)],
            ["If the number awaits verification, a code is on its way, good for \(seconds) s."])
    }

    @Sendable private static func logOut(_ session: WalletSession) async throws {
        let client = try session.client()
        do { try await client.logOut() } catch FlorinError.problem(let problem)
            where problem.status == 401
        {
            // Over already: what is left is to forget it here.
        }
        try session.file.remove()
        session.say([:], ["Logged out."])
    }

    @Sendable private static func whoami(_ session: WalletSession) async throws {
        WalletPerson.show(try await session.client().me(), session)
    }

    @Sendable private static func messages(_ session: WalletSession) async throws {
        let messages = try await session.stranger().sandboxMessages(
            to: session.arguments.word(0))
        var table = Table(.left, .left, .left)
        for message in messages {
            table.add(
                WalletText.moment(message.createdAt), Terminal.clean(message.channel),
                Terminal.clean(message.body))
        }
        session.say(WalletJSON.page(messages, nil, WalletJSON.message), table.lines())
    }
    @Sendable private static func standing(_ session: WalletSession) async throws {
        let plan = session.arguments[0].uppercased()
        let tier = try session.arguments.word(1).map { text in
            guard let tier = Int64(text), (0...2).contains(tier) else {
                throw Arguments.Misunderstood(reason: "a tier is 0, 1 or 2")
            }
            return tier
        }
        let user = try await session.client().tryStanding(plan: plan, kycTier: tier)
        session.say(
            WalletJSON.user(user),
            ["You are on \(Terminal.clean(user.plan)) now, with KYC tier \(user.kycTier)."])
    }
    @Sendable private static func clock(_ session: WalletSession) async throws {
        guard let seconds = Int64(session.arguments[0]), seconds >= 0 else {
            throw Arguments.Misunderstood(reason: "how many seconds forward?")
        }
        let now = try await session.stranger().advanceClock(seconds: seconds)
        session.say(["now": .string(now)], ["The sandbox's clock shows \(WalletText.moment(now))."])
    }
}
