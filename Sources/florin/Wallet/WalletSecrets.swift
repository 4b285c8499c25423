internal import FlorinClient
internal import HTTP

/// The PIN and the password.
enum WalletSecrets {
    static let verbs: [WalletCommand.Verb] = [
        .init(
            name: "pin", words: "[reset]", options: "[--password P] [--code C]",
            summary: "Set or change the PIN that large payments ask for, six digits.",
            grammar: .init(options: ["password", "code"], words: 0...1), run: pin),
        .init(
            name: "password", words: "[reset PHONE|E-MAIL]", options: "[--code C]",
            summary: "Change the password, or get a new one by a code.",
            grammar: .init(options: ["code"], words: 0...2), run: password),
    ]

    @Sendable private static func pin(_ session: WalletSession) async throws {
        switch session.arguments.word(0) {
        case nil: try await setPin(session)
        case "reset": try await resetPin(session)
        case let word?: throw Arguments.Misunderstood(reason: "“\(word)”? reset, or nothing")
        }
    }

    private static func setPin(_ session: WalletSession) async throws {
        let client = try session.client()
        if try await client.isPinSet() {
            try await session.stepUpByPin(client)
            try await client.setPin(try session.newPin())
        } else {
            let (pin, password) = (try session.newPin(), try session.password())
            try await session.withProof { try await client.setPin(pin, password: password) }
        }
        session.say(["is_set": true], ["The PIN is set."])
    }

    private static func resetPin(_ session: WalletSession) async throws {
        let client = try session.client()
        let next = "florin wallet pin reset --code CODE"
        let code = try await session.code(next) { try await client.orderPinReset() }
        guard let code else { return }
        let (pin, password) = (try session.newPin(), try session.password())
        try await client.resetPin(to: pin, code: code, password: password)
        session.say(["is_set": true], ["The new PIN works now."])
    }

    @Sendable private static func password(_ session: WalletSession) async throws {
        switch (session.arguments.word(0), session.arguments.word(1)) {
        case (nil, nil): try await changePassword(session)
        case ("reset"?, let address?): try await resetPassword(address, session)
        default: throw Arguments.Misunderstood(reason: "say: reset PHONE, reset E-MAIL, or nothing")
        }
    }

    private static func changePassword(_ session: WalletSession) async throws {
        let client = try session.client()
        let old = try session.password("Password until now: ")
        let new = try session.newPassword()
        try await session.withProof { try await client.changePassword(from: old, to: new) }
        session.say([:], ["The new password works now; your other sessions are over."])
    }

    private static func resetPassword(
        _ address: String, _ session: WalletSession
    ) async throws {
        let client = try session.stranger()
        let next = "florin wallet password reset \(Terminal.clean(address)) --code CODE"
        let code = try await session.code(next) {
            try await client.orderPasswordReset(to: address)
        }
        guard let code else { return }
        try await client.resetPassword(to: try session.newPassword(), at: address, code: code)
        session.say([:], ["The new password works now. Next: florin wallet log-in NAME"])
    }
}

extension WalletSession {
    /// The code of `--code`. Without one it is sent by `order` and asked for; nil where nobody can
    /// be asked, who is then told how to go on.
    func code(_ next: String, _ order: () async throws -> Int64) async throws -> String? {
        if let code = arguments.option("code") { return code }
        let seconds = try await order()
        guard terminal.isInteractive, !isForPrograms else {
            say(
                ["expires_in": .integer(seconds)],
                ["A code is on its way, good for \(seconds) s. Next: \(next)"])
            return nil
        }
        terminal.remark("A code is on its way, good for \(seconds) s.")
        terminal.remark(
            terminal.faint("A sandbox keeps it in its outbox: florin wallet messages"))
        guard let code = terminal.ask("Code: "), !code.isEmpty else { throw CancellationError() }
        return code
    }

    func newPassword() throws -> String {
        try new("password", "FLORIN_NEW_PASSWORD")
    }

    fileprivate func newPin() throws -> String { try new("PIN", "FLORIN_NEW_PIN") }

    private func new(_ what: String, _ variable: String) throws -> String {
        if let given = environment[variable], !given.isEmpty { return given }
        guard terminal.isInteractive else {
            throw Arguments.Misunderstood(reason: "nobody can be asked: set \(variable)")
        }
        guard let secret = terminal.askSecretly("New \(what): ") else { throw CancellationError() }
        guard terminal.askSecretly("Once more: ") == secret else {
            throw WalletFailure.refused("The two differ; nothing was changed.")
        }
        return secret
    }

    /// Whoever changes the PIN knows the one before.
    fileprivate func stepUpByPin(_ client: WalletClient) async throws {
        if let given = environment["FLORIN_PIN"], !given.isEmpty {
            try await client.stepUp(pin: given)
        } else if terminal.isInteractive {
            try await untilRight("PIN until now: ") { try await client.stepUp(pin: $0) }
        } else {
            throw Arguments.Misunderstood(reason: "nobody can be asked: set FLORIN_PIN")
        }
    }
}
