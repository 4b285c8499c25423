import HTTP

// MARK: What one says of oneself

/// What changes in the profile: nil stays as it is, and an empty text is removed.
public struct ProfileChange: Sendable {
    public var fullName: String?
    /// Such as `1990-03-31`.
    public var birthDate: String?
    /// A tag of BCP 47, such as `sw`.
    public var language: String?

    public init(fullName: String? = nil, birthDate: String? = nil, language: String? = nil) {
        self.fullName = fullName
        self.birthDate = birthDate
        self.language = language
    }

    fileprivate var json: JSON {
        let changes = [
            ("full_name", fullName), ("birth_date", birthDate), ("language", language),
        ]
        return .object(
            JSONObject(
                changes.compactMap { name, value in
                    value.map { (name, $0.isEmpty ? .null : .string($0)) }
                }))
    }
}

extension WalletClient {
    public func changeProfile(_ change: ProfileChange) async throws -> User {
        try await send(.patch, "/v1/me", change.json).read(User.init)
    }

    /// Asks for a code at another telephone number; answers the seconds for which it will be good.
    @discardableResult
    public func orderPhoneChange(to phone: String) async throws -> Int64 {
        try await order("/v1/me/phone_changes", ["phone": .string(phone)])
    }

    /// Takes the number with its code; all other sessions end.
    public func takePhone(_ phone: String, code: String) async throws -> User {
        try await post(
            "/v1/me/phone_changes/completions", ["phone": .string(phone), "code": .string(code)]
        ).read(User.init)
    }

    /// Asks for a code at an e-mail address, to have it or to prove it.
    @discardableResult
    public func orderEmailChange(to email: String) async throws -> Int64 {
        try await order("/v1/me/email_changes", ["email": .string(email)])
    }

    /// Takes the address with its code; if it is another one, all other sessions end.
    public func takeEmail(_ email: String, code: String) async throws -> User {
        try await post(
            "/v1/me/email_changes/completions", ["email": .string(email), "code": .string(code)]
        ).read(User.init)
    }

    private func order(_ path: String, _ body: JSON) async throws -> Int64 {
        try await post(path, body).read { fields throws(Fields.Missing) in
            try fields.integer("expires_in")
        }
    }
}

// MARK: A copy, and being forgotten

/// What was asked for to be forgotten.
public struct Erasure: Sendable, Equatable {
    public let id: String
    public let askedAt: String
    /// Until then it can be taken back.
    public let dueAt: String
    /// When something stood in the way last.
    public let blockedAt: String?
}

extension Erasure {
    init(_ fields: Fields) throws(Fields.Missing) {
        id = try fields.text("id")
        askedAt = try fields.text("asked_at")
        dueAt = try fields.text("due_at")
        blockedAt = fields.textOrNil("blocked_at")
    }
}

extension WalletClient {
    /// A copy of everything that is kept of the person, as JSON, piece by piece as it comes.
    ///
    /// - Parameter onPiece: runs on the client's only thread, so nothing else is answered while it
    ///   works. Once this returns, the pieces are whole; when it throws, they are not.
    public func export(onPiece: @escaping @Sendable ([UInt8]) -> Void) async throws {
        let call = Call(method: .post, path: "/v1/me/exports", body: [:])
        let response = try await exchange.authorized(call) { request in
            try await exchange.stream(request, onChunk: onPiece)
        }
        _ = try Exchange.answer(response)
    }

    /// Asks to be erased, after some days to think.
    public func askErasure() async throws -> Erasure {
        try await post("/v1/me/erasures", [:]).read(Erasure.init)
    }

    /// When one will be erased; throws `erasure_not_found` when nobody asked.
    public func erasure() async throws -> Erasure {
        try await get("/v1/me/erasures/current").read(Erasure.init)
    }

    public func cancelErasure() async throws {
        _ = try await send(.delete, "/v1/me/erasures/current")
    }
}

// MARK: What was done

/// A security act of the person, or one of staff about them.
public struct Act: Sendable, Equatable {
    public let position: Int64
    public let at: String
    /// Such as `password_changed`.
    public let kind: String
    /// `you`, `staff` or `nobody`.
    public let by: String
    public let address: String?
    public let agent: String?
}

extension Act {
    init(_ fields: Fields) throws(Fields.Missing) {
        position = try fields.integer("position")
        at = try fields.text("at")
        kind = try fields.text("kind")
        by = try fields.text("by")
        address = fields.textOrNil("address")
        agent = fields.textOrNil("agent")
    }
}

extension WalletClient {
    /// What one did oneself and what staff did, newest first.
    public func acts(cursor: String? = nil, limit: Int? = nil) async throws -> Listing<Act> {
        try await get("/v1/me/acts", [("cursor", cursor), ("limit", limit.map { String($0) })])
            .read { fields throws(Fields.Missing) in try fields.listing(Act.init) }
    }
}
