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
            name: "log-in", alias: "login", words: "NAME", options: "[--password P] [--code C]",
            summary: "Log in with username, telephone number or e-mail.",
            grammar: .init(options: ["password", "code"], words: 1...1), run: logIn),
        .init(
            name: "log-out", alias: "logout", words: "", summary: "End the session.", run: logOut),
        .init(name: "whoami", words: "", summary: "Who is logged in.", run: whoami),
        .init(
            name: "messages", words: "[PHONE|E-MAIL]",
            summary: "What a sandbox would have sent, codes included.",
            grammar: .init(words: 0...1), run: messages),
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
                return try await enter(username, password, session)
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

    @Sendable private static func logIn(_ session: WalletSession) async throws {
        try await enter(session.arguments[0], session.password(), session)
    }

    private static func enter(
        _ login: String, _ password: String, _ session: WalletSession
    ) async throws {
        let server = try session.server()
        let opened = try await open(login, password, session)
        try session.keep(opened.device, of: opened.user, login: login)
        try session.file.save(
            .init(
                server: server, username: opened.user.username, credentials: opened.credentials))
        session.say(
            ["server": .string(server), "user": WalletJSON.user(opened.user)],
            ["Logged in to \(server) as \(Terminal.clean(opened.user.username))."])
    }

    private static func open(
        _ login: String, _ password: String, _ session: WalletSession
    ) async throws -> Session {
        let client = try session.stranger()
        do {
            return try await client.logIn(
                login: login, password: password,
                device: try session.file.device(of: login, on: session.server()),
                deviceName: session.deviceName)
        } catch {
            guard let step = SecondStep(error) else { throw error }
            if let code = session.arguments.option("code") {
                return try await client.answer(
                    step.challenge, method: method(of: code, for: step), code: code)
            }
            guard session.terminal.isInteractive, !session.isForPrograms else { throw error }
            return try await answer(step, client, session)
        }
    }

    /// Six digits come from the app or by SMS; a recovery code is longer.
    private static func method(of code: String, for step: SecondStep) -> String {
        guard step.methods.contains("totp") else { return "sms_code" }
        return code.allSatisfy { $0.isNumber || $0 == " " } ? "totp" : "recovery_code"
    }

    /// Asks for the code until it is right.
    private static func answer(
        _ step: SecondStep, _ client: WalletClient, _ session: WalletSession
    ) async throws -> Session {
        if step.methods.contains("totp") {
            session.terminal.remark(
                "Enter the code that your authenticator app shows, or a recovery code.")
        } else {
            if step.sentTo == nil { try await client.sendCode(for: step.challenge) }
            session.terminal.remark(
                "This terminal is new. A code is on its way to "
                    + "\(Terminal.clean(step.sentTo ?? "your telephone")).")
            session.terminal.remark(
                session.terminal.faint("A sandbox keeps it in its outbox: florin wallet messages"))
        }
        while true {
            guard let code = session.terminal.ask("Code: "), !code.isEmpty else {
                throw CancellationError()
            }
            do {
                return try await client.answer(
                    step.challenge, method: method(of: code, for: step), code: code)
            } catch FlorinError.problem(let problem)
                where ["code_incorrect", "second_factor_incorrect"].contains(problem.code)
            {
                session.terminal.remark(session.terminal.bad(problem.detail))
            }
        }
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
        let user = try await session.client().me()
        var table = Table(.left, .left)
        table.add("username", Terminal.clean(user.username))
        table.add(
            "phone",
            Terminal.clean(user.phone ?? "—") + (user.phoneVerified ? "" : " (not verified)"))
        table.add("e-mail", Terminal.clean(user.email ?? "—"))
        table.add("role", Terminal.clean(user.role))
        table.add("server", try session.server())
        session.say(
            WalletJSON.user(user),
            table.lines { column, cell in column == 0 ? session.terminal.faint(cell) : cell })
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
}
