internal import FlorinClient
internal import HTTP

/// The PIN, which large payments ask for.
enum WalletPin {
    static let verbs: [WalletCommand.Verb] = [
        .init(
            name: "pin", words: "", options: "[--password P]",
            summary: "Set the PIN that large payments ask for, six digits.",
            grammar: .init(options: ["password"]), run: set)
    ]

    @Sendable private static func set(_ session: WalletSession) async throws {
        let client = try session.client()
        if try await client.isPinSet() {
            try await client.stepUp(pin: try session.pin("PIN until now: "))
            try await client.setPin(try session.newPin())
        } else {
            try await client.setPin(try session.newPin(), password: try session.password())
        }
        session.say(["is_set": true], ["The PIN is set."])
    }
}

extension WalletSession {
    /// The PIN in use, from the environment or the person.
    func pin(_ question: String = "PIN: ") throws -> String {
        if let given = environment["FLORIN_PIN"], !given.isEmpty { return given }
        guard terminal.isInteractive else {
            throw Arguments.Misunderstood(reason: "nobody can be asked: set FLORIN_PIN")
        }
        guard let pin = terminal.askSecretly(question) else { throw CancellationError() }
        return pin
    }

    fileprivate func newPin() throws -> String {
        if let given = environment["FLORIN_NEW_PIN"], !given.isEmpty { return given }
        guard terminal.isInteractive else {
            throw Arguments.Misunderstood(reason: "nobody can be asked: set FLORIN_NEW_PIN")
        }
        guard let pin = terminal.askSecretly("New PIN: ") else { throw CancellationError() }
        guard terminal.askSecretly("Once more: ") == pin else {
            throw WalletFailure.refused("The two PINs differ.")
        }
        return pin
    }

    /// Runs a command that may turn out to want the PIN: then asks for it and runs it again.
    func withPin<Value>(_ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch FlorinError.problem(let problem)
            where problem.code == "pin_required" && problem.facts["pin_set"] == .bool(true)
            && (terminal.isInteractive || environment["FLORIN_PIN"] != nil)
        {
            try await client().stepUp(pin: try pin())
            return try await body()
        }
    }
}
