package import HTTP
internal import Values

/// Keys of merchants.
package struct MerchantKeyRoutes: Sendable {
    private let identity: Identity

    package init(_ identity: Identity) {
        self.identity = identity
    }

    package var routes: [Route] {
        let merchant = identity.merchantRoutes
        return [
            merchant.route(
                .post, "/v1/api_keys", summary: "Make a key for a program; it is shown once.",
                tag: "keys", parameters: [.pin], body: KeyWire.draft,
                returns: .created(KeyWire.keyShown),
                refusals: refused([
                    .keyPaymentMaxMismatch, .keyAddressesInvalid, .tooManyKeys,
                ]) + StepUpRoutes.asking, handler: make),
            merchant.route(
                .get, "/v1/api_keys", summary: "One's keys, the newest first.", tag: "keys",
                returns: .ok(.object(.required("data", .array(KeyWire.key)))), handler: list),
            merchant.route(
                .post, "/v1/api_keys/{id}/rotations",
                summary: "Replace a key; the one before goes on for a while.", tag: "keys",
                parameters: [.path("id", .uuid), .pin], body: KeyWire.rotation,
                returns: .created(KeyWire.keyShown),
                refusals: refused([.keyNotFound]) + StepUpRoutes.asking, handler: rotate),
            merchant.route(
                .delete, "/v1/api_keys/{id}", summary: "Revoke a key at once.", tag: "keys",
                parameters: [.path("id", .uuid)], returns: .noContent("It opens nothing more."),
                refusals: refused([.keyNotFound]), handler: revoke),
        ]
    }

    private func refused(_ rejections: [IdentityRejection]) -> [Refused] {
        rejections.map { Refused($0) }
    }

    // MARK: Handlers

    private func make(_ request: Request, _ merchant: Merchant) async throws -> Response {
        let (key, text) = try await identity.makeKey(
            request.keyDraft, for: merchant, Presence(request))
        return shown(key, text)
    }

    private func list(_ request: Request, _ merchant: Merchant) async throws -> Response {
        let keys = try await identity.keys(of: merchant)
        return .json { body in
            body.objects("data", keys) { KeyWire.write($0, &$1) }
        }
    }

    private func rotate(_ request: Request, _ merchant: Merchant) async throws -> Response {
        let (key, text) = try await identity.rotateKey(
            request.keyID, overlapSeconds: request.json["overlap_seconds"]?.integer ?? 0,
            by: merchant, Presence(request))
        return shown(key, text)
    }

    private func revoke(_ request: Request, _ merchant: Merchant) async throws -> Response {
        try await identity.revokeKey(request.keyID, by: merchant, from: request.origin)
        return .empty()
    }

    private func shown(_ key: MerchantKey, _ text: KeyText) -> Response {
        .json(201) { body in
            body.field("key", text.text)
            KeyWire.write(key, &body)
        }
    }
}

extension Request {
    /// The body, which the route's schema has already checked.
    fileprivate var keyDraft: MerchantKey.Draft {
        let scopes = json["scopes"]?.array ?? []
        return MerchantKey.Draft(
            name: text("name"),
            scopes: Set(scopes.compactMap { $0.string.flatMap { Scope(rawValue: $0) } }),
            paymentMax: json["payment_max"]?.integer ?? 0,
            addresses: (json["addresses"]?.array ?? []).compactMap(\.string),
            seconds: json["expires_in"]?.integer)
    }

    fileprivate var keyID: ID<MerchantKey> {
        get throws {
            guard let id = ID<MerchantKey>(parameter("id")) else {
                throw IdentityRejection.keyNotFound
            }
            return id
        }
    }
}

// MARK: Wire

private enum KeyWire {
    private typealias Rules = MerchantKeyRules

    private static let scopes = Schema.array(
        .enumeration(Scope.allCases.map(\.rawValue)), min: 1, max: Scope.allCases.count)

    static let draft = Schema.object(
        .required("name", .string(min: 1, max: Rules.nameCharactersMax)),
        .required("scopes", scopes),
        .optional(
            "payment_max", .integer(min: 0, max: Rules.paymentMaxMost),
            "The most that one payment may move, in major units; with a scope that pays only."),
        .optional(
            "addresses",
            .array(.string(min: 2, max: Rules.addressCharactersMax), max: Rules.addressesMax),
            "From where it may be used, such as 192.0.2.0/24; left out: everywhere."),
        .optional(
            "expires_in",
            .nullable(.integer(min: Rules.secondsMin, max: Rules.secondsMax)),
            "Seconds; left out: until it is revoked."))

    static let rotation = Schema.object(
        .optional(
            "overlap_seconds", .integer(min: 0, max: Rules.overlapSecondsMax),
            "How long the key before goes on; left out: not at all."))

    private static let fields: [Schema.Field] = [
        .required("id", .uuid), .required("name", .string()), .required("scopes", scopes),
        .required("payment_max", .integer()), .required("addresses", .array(.string())),
        .required("created_at", .timestamp), .required("expires_at", .nullable(.timestamp)),
        .required("last_used_at", .nullable(.timestamp), "To five minutes."),
        .required(
            "secrets",
            .array(
                .object(
                    .required("hint", .string(), "How the text begins."),
                    .required("ends_at", .nullable(.timestamp)))),
            "What opens: the newest, then those that it has replaced and that still go on."),
    ]

    static let key = Schema.named("ApiKey", .object(fields))

    static let keyShown = Schema.named(
        "ApiKeyShown",
        .object([.required("key", .string(), "Keep it: it is shown only now.")] + fields))

    static func write(_ key: MerchantKey, _ writer: inout JSONWriter) {
        writer.field("id", key.id)
        writer.field("name", key.name)
        writer.field("scopes", key.scopes.map(\.rawValue))
        writer.field("payment_max", key.paymentMax)
        writer.field("addresses", key.addresses)
        writer.field("created_at", key.createdAt)
        writer.field("expires_at", key.expiresAt.map { "\($0)" })
        writer.field("last_used_at", key.lastUsedAt.map { "\($0)" })
        writer.objects("secrets", key.secrets) { secret, writer in
            writer.field("hint", secret.hint)
            writer.field("ends_at", secret.endsAt.map { "\($0)" })
        }
    }
}
