import HTTP

/// Somewhere the person is logged in.
public struct OpenSession: Sendable, Equatable {
    public let id: String
    public let name: String
    /// `standard` or `strict`.
    public let mode: String
    /// Whether it is the one that asks.
    public let isCurrent: Bool
    /// From where the log-in came; nil when that is no longer kept.
    public let address: String?
    public let createdAt: String
    public let lastSeenAt: String
    public let expiresAt: String
}

extension OpenSession {
    init(_ fields: Fields) throws(Fields.Missing) {
        id = try fields.text("id")
        name = try fields.text("name")
        mode = try fields.text("mode")
        isCurrent = try fields.bool("is_current")
        address = fields.textOrNil("address")
        createdAt = try fields.text("created_at")
        lastSeenAt = try fields.text("last_seen_at")
        expiresAt = try fields.text("expires_at")
    }
}

extension WalletClient {
    /// Everywhere the person is logged in, the last used first.
    public func sessions() async throws -> [OpenSession] {
        try await get("/v1/sessions").read { fields throws(Fields.Missing) in
            try fields.objects("data", OpenSession.init)
        }
    }

    public func renameSession(_ id: String, to name: String) async throws -> OpenSession {
        try await send(
            .patch, "/v1/sessions/" + PercentEncoding.encode(id), ["name": .string(name)]
        )
        .read(OpenSession.init)
    }

    /// Ends a session at once; its device is new again.
    public func endSession(_ id: String) async throws {
        _ = try await send(.delete, "/v1/sessions/" + PercentEncoding.encode(id))
    }

    /// Ends all sessions but this one, and answers how many there were.
    public func endOtherSessions() async throws -> Int64 {
        try await post("/v1/sessions/revocations").read { fields throws(Fields.Missing) in
            try fields.integer("ended")
        }
    }

    /// How log-ins that do not say it are opened: `standard` or `strict`.
    public func sessionMode() async throws -> String {
        try await get("/v1/session_settings").read { fields throws(Fields.Missing) in
            try fields.text("mode")
        }
    }

    public func setSessionMode(_ mode: String) async throws {
        _ = try await send(.put, "/v1/session_settings", ["mode": .string(mode)])
    }

    /// Leaves: the session ends. This is the request of a page's `navigator.sendBeacon`, which can
    /// set no header, so the token is the body.
    public func leave() async throws {
        guard let credentials = await credentials else { throw FlorinError.notLoggedIn }
        var call = Call(method: .post, path: "/v1/sessions/current/exits", isOpen: true)
        call.file = (Array(credentials.refreshToken.utf8), "text/plain;charset=UTF-8")
        _ = try await exchange.perform(call)
        await exchange.tokens.set(nil)
    }
}

// MARK: Passkeys

public struct Passkey: Sendable, Equatable {
    public let id: String
    public let name: String
    /// Whether it may have been copied, and so opens nothing any more.
    public let isSuspended: Bool
    public let createdAt: String
    public let lastUsedAt: String?
}

extension Passkey {
    init(_ fields: Fields) throws(Fields.Missing) {
        id = try fields.text("id")
        name = try fields.text("name")
        isSuspended = try fields.text("status") == "suspended"
        createdAt = try fields.text("created_at")
        lastUsedAt = fields.textOrNil("last_used_at")
    }
}

/// Making one takes a browser.
extension WalletClient {
    public func passkeys() async throws -> [Passkey] {
        try await get("/v1/passkeys").read { fields throws(Fields.Missing) in
            try fields.objects("data", Passkey.init)
        }
    }

    public func renamePasskey(_ id: String, to name: String) async throws -> Passkey {
        try await send(
            .patch, "/v1/passkeys/" + PercentEncoding.encode(id), ["name": .string(name)]
        )
        .read(Passkey.init)
    }

    public func removePasskey(_ id: String) async throws {
        _ = try await send(.delete, "/v1/passkeys/" + PercentEncoding.encode(id))
    }
}
