import HTTP

// MARK: Passwords

extension WalletClient {
    /// Exchanges the password for another one; all other sessions end.
    public func changePassword(from old: String, to new: String) async throws {
        let body: JSON = ["old_password": .string(old), "new_password": .string(new)]
        _ = try await exchange.perform(Call(method: .put, path: "/v1/me/password", body: body))
    }

    /// Asks for a code for a new password, at a telephone number or an e-mail address; answers the
    /// seconds for which it will be good.
    @discardableResult
    public func orderPasswordReset(to address: String) async throws -> Int64 {
        try await post("/v1/password_resets", ["to": .string(address)], isOpen: true)
            .read { fields throws(Fields.Missing) in try fields.integer("expires_in") }
    }

    /// Sets a new password with the code; all sessions end.
    public func resetPassword(to new: String, at address: String, code: String) async throws {
        let body: JSON = [
            "to": .string(address), "code": .string(code), "new_password": .string(new),
        ]
        _ = try await post("/v1/password_resets/completions", body, isOpen: true)
    }
}

// MARK: The PIN

extension WalletClient {
    /// Whether there is a PIN, which large payments ask for.
    public func isPinSet() async throws -> Bool {
        try await get("/v1/me/pin").read { fields throws(Fields.Missing) in
            try fields.bool("is_set")
        }
    }

    /// Sets the PIN: the first one with the password, another one with the PIN before.
    public func setPin(
        _ pin: String, password: String? = nil, before: String? = nil
    ) async throws {
        var body = JSONObject([("pin", .string(pin))])
        if let password { body.append("password", .string(password)) }
        var call = Call(method: .put, path: "/v1/me/pin", body: .object(body))
        if let before { call.headers.append(("X-Florin-PIN", before)) }
        _ = try await exchange.perform(call)
    }

    /// Asks for a code for a new PIN; answers the seconds for which it will be good.
    @discardableResult
    public func orderPinReset() async throws -> Int64 {
        try await post("/v1/me/pin_resets").read { fields throws(Fields.Missing) in
            try fields.integer("expires_in")
        }
    }

    /// Sets a new PIN with the code and the password.
    public func resetPin(to pin: String, code: String, password: String) async throws {
        let body: JSON = [
            "pin": .string(pin), "code": .string(code), "password": .string(password),
        ]
        _ = try await post("/v1/me/pin_resets/completions", body)
    }

    /// Shows that it is you: payments ask for no PIN until the moment in the answer.
    @discardableResult
    public func stepUp(pin: String) async throws -> String {
        try await stepUp("pin", pin)
    }

    /// The same with a code of the authenticator app.
    @discardableResult
    public func stepUp(totp code: String) async throws -> String {
        try await stepUp("totp", code)
    }

    /// Shows that it is you, who has no PIN, no passkey and no app: for what is weighty, and for no
    /// payment.
    @discardableResult
    public func stepUp(password: String) async throws -> String {
        try await stepUp("password", password)
    }

    private func stepUp(_ method: String, _ secret: String) async throws -> String {
        let body = JSON.object(JSONObject([(method, .string(secret))]))
        return try await post("/v1/sessions/current/step_ups", body)
            .read { fields throws(Fields.Missing) in try fields.text("expires_at") }
    }
}
