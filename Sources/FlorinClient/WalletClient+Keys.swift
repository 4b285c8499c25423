import HTTP

/// What a merchant's program opens the API with.
public struct ApiKey: Sendable, Equatable {
    public let id: String
    public let name: String
    /// Such as `transfers:write`.
    public let scopes: [String]
    /// The most that one payment may move, in major units.
    public let paymentMax: Int64
    /// From where it may be used; empty: from everywhere.
    public let addresses: [String]
    public let createdAt: String
    public let expiresAt: String?
    public let lastUsedAt: String?
    /// How each text begins that opens now, the newest first.
    public let hints: [String]
}

extension ApiKey {
    init(_ fields: Fields) throws(Fields.Missing) {
        id = try fields.text("id")
        name = try fields.text("name")
        scopes = try fields.texts("scopes")
        paymentMax = try fields.integer("payment_max")
        addresses = try fields.texts("addresses")
        createdAt = try fields.text("created_at")
        expiresAt = fields.textOrNil("expires_at")
        lastUsedAt = fields.textOrNil("last_used_at")
        hints = try fields.objects("secrets") { secret throws(Fields.Missing) in
            try secret.text("hint")
        }
    }
}

/// A key and its text, which the server shows once. Secret.
public struct ShownKey: Sendable {
    public let key: ApiKey
    public let text: String
}

extension ShownKey: CustomStringConvertible, CustomDebugStringConvertible {
    /// Says nothing, so that no log does.
    public var description: String { "ShownKey(•••)" }
    public var debugDescription: String { description }
}

/// For merchants.
extension WalletClient {
    public func keys() async throws -> [ApiKey] {
        try await get("/v1/api_keys").read { fields throws(Fields.Missing) in
            try fields.objects("data", ApiKey.init)
        }
    }

    /// - Parameter paymentMax: the most that one payment may move, in major units; with scopes
    ///   that pay only.
    /// - Parameter addresses: from where it may be used, such as `192.0.2.0/24`.
    public func makeKey(
        name: String, scopes: [String], paymentMax: Int64? = nil, addresses: [String]? = nil,
        expiresIn seconds: Int64? = nil
    ) async throws -> ShownKey {
        var body = JSONObject([
            ("name", .string(name)), ("scopes", .array(scopes.map(JSON.string))),
        ])
        if let paymentMax { body.append("payment_max", .integer(paymentMax)) }
        if let addresses { body.append("addresses", .array(addresses.map(JSON.string))) }
        if let seconds { body.append("expires_in", .integer(seconds)) }
        return try await shown("/v1/api_keys", .object(body))
    }

    /// A new text in place of the old one, which goes on for so many seconds.
    public func rotateKey(_ id: String, overlap seconds: Int64 = 0) async throws -> ShownKey {
        try await shown(
            "/v1/api_keys/\(PercentEncoding.encode(id))/rotations",
            ["overlap_seconds": .integer(seconds)])
    }

    /// It opens nothing more, at once.
    public func revokeKey(_ id: String) async throws {
        _ = try await send(.delete, "/v1/api_keys/" + PercentEncoding.encode(id))
    }

    private func shown(_ path: String, _ body: JSON) async throws -> ShownKey {
        try await post(path, body).read { fields throws(Fields.Missing) in
            ShownKey(key: try ApiKey(fields), text: try fields.text("key"))
        }
    }
}
