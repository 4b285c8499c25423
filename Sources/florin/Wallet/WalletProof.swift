internal import FlorinClient

extension WalletSession {
    /// Runs a command that may turn out to want more than the log-in: then asks for the PIN, a code
    /// of the authenticator app or the password, and runs it again. What has a key keeps it, so
    /// nothing is done twice.
    func withProof<Value>(_ body: () async throws -> Value) async throws -> Value {
        do { return try await body() } catch FlorinError.problem(let problem)
            where ["pin_required", "step_up_required"].contains(problem.code)
        {
            try await prove(for: problem)
            return try await body()
        }
    }

    /// Asks for a secret until it is right, or the server has heard enough.
    @discardableResult
    func untilRight<Value>(
        _ question: String, isSecret: Bool = true, _ body: (String) async throws -> Value
    ) async throws -> Value {
        while true {
            let answer = isSecret ? terminal.askSecretly(question) : terminal.ask(question)
            guard let answer, !answer.isEmpty else { throw CancellationError() }
            do { return try await body(answer) } catch FlorinError.problem(let problem)
                where problem.isWrongAnswer
            {
                terminal.remark(terminal.bad(problem.detail))
            }
        }
    }

    // MARK: Steps

    /// What a person can show here, in the order in which it is asked for. A passkey is for
    /// browsers.
    private enum Proof: String, CaseIterable {
        case pin
        case totp
        case password

        var question: String {
            switch self {
            case .pin: "PIN: "
            case .totp: "Code of the authenticator app: "
            case .password: "Password: "
            }
        }

        /// Where programs say it.
        var variable: String {
            switch self {
            case .pin: "FLORIN_PIN"
            case .totp: "FLORIN_CODE"
            case .password: "FLORIN_PASSWORD"
            }
        }
    }

    private func prove(for problem: FlorinProblem) async throws {
        let client = try client()
        let proofs = try await proofs(for: problem, client)
        guard let first = proofs.first else { throw advised(problem) }
        for proof in proofs {
            guard let given = given(proof) else { continue }
            return try await stepUp(client, proof, given)
        }
        guard terminal.isInteractive else {
            let variables = proofs.map(\.variable).joined(separator: " or ")
            throw WalletFailure.advised(
                problem, "Show that it is you: set \(variables), or run this in a terminal.")
        }
        try await untilRight(first.question) { try await stepUp(client, first, $0) }
    }

    private func proofs(
        for problem: FlorinProblem, _ client: WalletClient
    ) async throws -> [Proof] {
        if case .texts(let methods)? = problem.facts["methods"] {
            return Proof.allCases.filter { methods.contains($0.rawValue) }
        }
        if problem.facts["pin_set"] == .bool(true) { return [.pin] }
        return try await client.secondFactors().totpSince == nil ? [] : [.totp]
    }

    private func advised(_ problem: FlorinProblem) -> WalletFailure {
        problem.code == "pin_required"
            ? .advised(
                problem, "This payment needs a PIN, and you have none yet: florin wallet pin")
            : .advised(
                problem,
                "This takes your passkey, for which only a browser can ask: do it on the web page.")
    }

    private func given(_ proof: Proof) -> String? {
        if proof == .password, let password = arguments.option("password") { return password }
        return environment[proof.variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    private func stepUp(_ client: WalletClient, _ proof: Proof, _ secret: String) async throws {
        switch proof {
        case .pin: try await client.stepUp(pin: secret)
        case .totp: try await client.stepUp(totp: secret)
        case .password: try await client.stepUp(password: secret)
        }
    }
}

extension FlorinProblem {
    /// Whether another try with another secret may be right.
    var isWrongAnswer: Bool {
        [
            "code_incorrect", "second_factor_incorrect", "pin_incorrect", "password_incorrect",
        ].contains(code)
    }
}
