import HTTP

// MARK: Sending

extension WalletClient {
    /// What sending would cost, and whether there is enough.
    public func preview(
        to: String, amount: Int64, currency: String, note: String? = nil
    ) async throws -> Quote {
        try await post("/v1/transfers/preview", Self.money("to", to, amount, currency, note))
            .read(Quote.init)
    }

    /// Sends to a username, a telephone number or an e-mail address.
    /// - Parameter pin: where the server asks for it: see `Quote.isPinRequired` and `stepUp(pin:)`.
    public func send(
        to: String, amount: Int64, currency: String, note: String? = nil,
        key: String = makeKey(), pin: String? = nil
    ) async throws -> Transfer {
        try await command("/v1/transfers", Self.money("to", to, amount, currency, note), key, pin)
    }

    public func transfer(_ id: String) async throws -> Transfer {
        try await get("/v1/transfers/" + PercentEncoding.encode(id)).transfer()
    }

    /// Gives a transfer that came to the caller back, fee included; once.
    public func reverse(
        _ transfer: String, key: String = makeKey(), pin: String? = nil
    ) async throws -> Transfer {
        try await command(
            "/v1/transfers/\(PercentEncoding.encode(transfer))/reversals", nil, key, pin)
    }
}

// MARK: Proof

extension WalletClient {
    /// The proof that a transfer is in the books, as JSON for `docs/verify_proof.py`.
    public func proof(of transfer: String) async throws -> [UInt8] {
        try await get("/v1/entries/\(PercentEncoding.encode(transfer))/proof").fields.json.encoded()
    }
}

// MARK: Requests

extension WalletClient {
    /// Asks somebody for money.
    public func request(
        from: String, amount: Int64, currency: String, note: String? = nil
    ) async throws -> PaymentRequest {
        try await post("/v1/requests", Self.money("from", from, amount, currency, note))
            .read(PaymentRequest.init)
    }

    /// Those made and those to answer, newest first.
    public func requests(
        cursor: String? = nil, limit: Int? = nil
    ) async throws -> Listing<PaymentRequest> {
        try await get("/v1/requests", [("cursor", cursor), ("limit", limit.map { String($0) })])
            .read { fields throws(Fields.Missing) in try fields.listing(PaymentRequest.init) }
    }

    public func paymentRequest(_ id: String) async throws -> PaymentRequest {
        try await get("/v1/requests/" + PercentEncoding.encode(id)).read(PaymentRequest.init)
    }

    /// Pays a request.
    public func accept(
        request: String, key: String = makeKey(), pin: String? = nil
    ) async throws -> (request: PaymentRequest, transfer: Transfer) {
        let answer = try await post(
            "/v1/requests/\(PercentEncoding.encode(request))/acceptances", key: key, pin: pin)
        return try answer.read { fields throws(Fields.Missing) in
            let request = try fields.object("request", PaymentRequest.init)
            let transfer = try fields.object("transfer") { inner throws(Fields.Missing) in
                try Transfer(inner, isReplay: answer.isReplay)
            }
            return (request, transfer)
        }
    }

    public func decline(request: String) async throws -> PaymentRequest {
        try await post("/v1/requests/\(PercentEncoding.encode(request))/declines")
            .read(PaymentRequest.init)
    }

    public func cancel(request: String) async throws -> PaymentRequest {
        try await post("/v1/requests/\(PercentEncoding.encode(request))/cancellations")
            .read(PaymentRequest.init)
    }
}

// MARK: Holds

extension WalletClient {
    /// Reserves money for somebody, for so many seconds.
    public func hold(
        to: String, amount: Int64, currency: String, expiresIn seconds: Int64,
        note: String? = nil, key: String = makeKey(), pin: String? = nil
    ) async throws -> Hold {
        var body = Self.money("to", to, amount, currency, note).object ?? JSONObject()
        body.append("expires_in", .integer(seconds))
        return try await command("/v1/holds", .object(body), key, pin)
    }

    /// Moves all of a hold, or so much of it; the rest is released.
    public func capture(
        hold: String, amount: Int64? = nil, key: String = makeKey()
    ) async throws -> Transfer {
        let body: JSON = .object(JSONObject(amount.map { [("amount", .integer($0))] } ?? []))
        return try await command(
            "/v1/holds/\(PercentEncoding.encode(hold))/captures", body, key)
    }

    /// Lets a hold go.
    public func void(hold: String, key: String = makeKey()) async throws -> Transfer {
        try await command("/v1/holds/\(PercentEncoding.encode(hold))/voids", nil, key)
    }
}

// MARK: Sandbox

extension WalletClient {
    /// Play money for the caller.
    public func topUp(
        amount: Int64, currency: String, key: String = makeKey()
    ) async throws -> Transfer {
        let body: JSON = ["amount": .integer(amount), "currency": .string(currency)]
        return try await command("/sandbox/topups", body, key)
    }

    /// Another plan or KYC tier, to try it.
    public func tryStanding(plan: String, kycTier: Int64? = nil) async throws -> User {
        var body = JSONObject([("plan", .string(plan))])
        if let kycTier { body.append("kyc_tier", .integer(kycTier)) }
        _ = try await send(.put, "/sandbox/standing", .object(body))
        return try await me()
    }

    /// Moves the clock of the whole sandbox forward; answers what it shows then.
    public func advanceClock(seconds: Int64) async throws -> String {
        try await post("/sandbox/clock", ["advance_seconds": .integer(seconds)], isOpen: true)
            .read { fields throws(Fields.Missing) in try fields.text("now") }
    }

    /// What the sandbox would have sent by SMS and e-mail, newest first.
    public func sandboxMessages(to recipient: String?) async throws -> [SandboxMessage] {
        let call = Call(path: "/sandbox/messages", query: [("to", recipient)], isOpen: true)
        return try await exchange.perform(call).read { fields throws(Fields.Missing) in
            try fields.listing(SandboxMessage.init).elements
        }
    }
}

// MARK: Steps

extension WalletClient {
    private func command(
        _ path: String, _ body: JSON?, _ key: String, _ pin: String? = nil
    ) async throws -> Transfer {
        try await post(path, body, key: key, pin: pin).transfer()
    }

    private static func money(
        _ side: String, _ person: String, _ amount: Int64, _ currency: String, _ note: String?
    ) -> JSON {
        var body = JSONObject([
            (side, .string(person)), ("amount", .integer(amount)), ("currency", .string(currency)),
        ])
        if let note { body.append("note", .string(note)) }
        return .object(body)
    }
}

extension Answer {
    fileprivate func transfer() throws(FlorinError) -> Transfer {
        try read { fields throws(Fields.Missing) in try Transfer(fields, isReplay: isReplay) }
    }
}
