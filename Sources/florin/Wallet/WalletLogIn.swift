internal import FlorinClient
internal import HTTP

/// Logging in, with what is asked for besides the password.
enum WalletLogIn {
    private static let isStrict =
        "This log-in is strict: it ends with `florin wallet leave`, or after some idle minutes."

    @Sendable static func run(_ session: WalletSession) async throws {
        try await enter(session.arguments[0], session.password(), session)
    }

    static func enter(
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
            ["Logged in to \(server) as \(Terminal.clean(opened.user.username))."]
                + (opened.mode == "strict" ? [isStrict] : []))
    }

    private static func open(
        _ login: String, _ password: String, _ session: WalletSession
    ) async throws -> Session {
        let client = try session.stranger()
        do {
            return try await client.logIn(
                login: login, password: password,
                device: try session.file.device(of: login, on: session.server()),
                deviceName: session.deviceName,
                mode: session.arguments.flag("strict") ? "strict" : nil)
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
        return if case .totp = WalletFactors.factor(code) { "totp" } else { "recovery_code" }
    }

    /// Asks for the code until it is right.
    private static func answer(
        _ step: SecondStep, _ client: WalletClient, _ session: WalletSession
    ) async throws -> Session {
        try await tell(step, client, session.terminal)
        return try await session.untilRight("Code: ", isSecret: false) { code in
            try await client.answer(
                step.challenge, method: method(of: code, for: step), code: code)
        }
    }

    private static func tell(
        _ step: SecondStep, _ client: WalletClient, _ terminal: Terminal
    ) async throws {
        guard !step.methods.contains("totp") else {
            return terminal.remark(
                "Enter the code that your authenticator app shows, or a recovery code.")
        }
        if step.sentTo == nil { try await client.sendCode(for: step.challenge) }
        terminal.remark(
            "This terminal is new. A code is on its way to "
                + "\(Terminal.clean(step.sentTo ?? "your telephone")).")
        terminal.remark(
            terminal.faint("A sandbox keeps it in its outbox: florin wallet messages"))
    }
}
