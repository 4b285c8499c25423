import HTTP

/// One route: who may call it, how it is called well, and what strangers hear of what is not
/// theirs.
struct AccessRow: Sendable {
    typealias Make<Value> = @Sendable (Neighbourhood) async throws -> Value

    /// How a stranger's call ends.
    enum Others {
        /// The route shows or changes only the caller's own: there is nothing of others to name.
        case nothing
        /// 404 with this code, as for what does not exist. Staff who may look see it.
        case hidden(String, staffSees: Bool = false)
    }

    let operation: String
    let door: Door
    let others: Others
    /// What of the owner's stands in the place of the path's parameter.
    let thing: Make<String>?
    let body: Make<JSON>?
    /// What who is let in gets; for things of the owner's, the owner.
    let status: Int
    let query: String
    let isStream: Bool

    init(
        _ operation: String, _ door: Door, _ others: Others = .nothing,
        of thing: Make<String>? = nil,
        body: Make<JSON>? = nil, status: Int? = nil, query: String = "", isStream: Bool = false
    ) {
        self.operation = operation
        self.door = door
        self.others = others
        self.thing = thing
        self.body = body
        self.status = status ?? (operation.hasPrefix("GET") ? 200 : 201)
        self.query = query
        self.isStream = isStream
    }

    var method: Method { Method(rawValue: String(operation.prefix { $0 != " " }))! }
    private var path: Substring { operation.drop { $0 != " " }.dropFirst() }

    /// The path with what is the owner's in it, and the query.
    func target(in place: Neighbourhood) async throws -> String {
        guard let thing else { return path + query }
        let (before, after) = (path.prefix { $0 != "{" }, path.drop { $0 != "}" }.dropFirst())
        // The second parameter of the few that have one.
        let rest = after.replacing("{provider}", with: "stripe")
        return before + (try await thing(place)) + rest
    }
}

enum AccessTable {
    static let rows =
        identity + personal + secrets + keys + standing + kyc + people + payments + rails + offline
        + simple + open

    /// Who sees what is not theirs; an auditor sees what any of them does.
    static let staff = ["admin", "finance", "support", "auditor"]

    private static let identity: [AccessRow] = [
        AccessRow("DELETE /v1/sessions/current", .session, status: 204),
        AccessRow("GET /v1/sessions", .session),
        AccessRow(
            "PATCH /v1/sessions/{id}", .session, .hidden("session_not_found"),
            of: { try await $0.owner.newSession() }, body: { _ in ["name": "Desk"] },
            status: 200),
        AccessRow(
            "DELETE /v1/sessions/{id}", .session, .hidden("session_not_found"),
            of: { try await $0.owner.newSession() }, status: 204),
        AccessRow("POST /v1/sessions/revocations", .session),
        AccessRow("POST /v1/sessions/current/exits", .session, status: 204),
        AccessRow("GET /v1/session_settings", .session),
        AccessRow(
            "PUT /v1/session_settings", .session, body: { _ in ["mode": "standard"] }, status: 200),
        AccessRow("GET /v1/me", .session),
        AccessRow("GET /v1/me/acts", .session),
        AccessRow("GET /v1/audit_acts", .staffView(["admin"])),
        AccessRow("GET /v1/staff/code_stops", .staffView(["admin", "support"])),
        // Nothing is stopped, so there is nothing to lift.
        AccessRow(
            "POST /v1/staff/code_stops/{id}/lifts", .staff(["admin"]), of: { $0.owner.id },
            body: { _ in ["reason": "A campaign."] }, status: 404),
        AccessRow("POST /v1/passkeys/registrations", .session),
        AccessRow(
            "POST /v1/passkeys", .session,
            body: { _ in
                [
                    "name": "Phone",
                    "credential": [
                        "id": "AAAA", "type": "public-key",
                        "response": ["clientDataJSON": "AAAA", "attestationObject": "AAAA"],
                    ],
                ]
            }, status: 422),
        AccessRow("GET /v1/passkeys", .session),
        AccessRow(
            "PATCH /v1/passkeys/{id}", .session, .hidden("passkey_not_found"),
            of: { try await $0.passkey() }, body: { _ in ["name": "Mine now"] }, status: 200),
        AccessRow(
            "DELETE /v1/passkeys/{id}", .session, .hidden("passkey_not_found"),
            of: { try await $0.passkey() }, status: 204),
        AccessRow("GET /v1/second_factors", .session),
        // Nobody has an app yet, so there is none to confirm, to remove or to show a code of.
        AccessRow(
            "POST /v1/totp/confirmations", .session, body: { _ in ["code": "123456"] },
            status: 404),
        AccessRow("POST /v1/totp/removals", .session, body: { _ in code }, status: 404),
        AccessRow("POST /v1/recovery_codes", .session, body: { _ in code }, status: 404),
        AccessRow("POST /v1/totp", .session),
    ]

    /// Everybody in the neighbourhood has something open, so nobody is erased.
    private static let personal: [AccessRow] = [
        AccessRow("PATCH /v1/me", .session, body: { _ in ["language": "sw"] }, status: 200),
        AccessRow("POST /v1/me/exports", .session, body: { _ in password }, status: 200),
        AccessRow("POST /v1/me/erasures", .session, body: { _ in password }, status: 409),
        AccessRow("GET /v1/me/erasures/current", .session, status: 404),
        AccessRow("DELETE /v1/me/erasures/current", .session, status: 404),
        AccessRow(
            "POST /v1/me/phone_changes", .session,
            body: { _ in password.replacing("phone", "0712345678") }, status: 422),
        AccessRow(
            "POST /v1/me/phone_changes/completions", .session,
            body: { _ in ["phone": .string(Person.Names().phone), "code": "123456"] },
            status: 410),
        AccessRow(
            "POST /v1/me/email_changes", .session,
            body: { _ in password.replacing("email", "no address") }, status: 422),
        AccessRow(
            "POST /v1/me/email_changes/completions", .session,
            body: { _ in ["email": .string(Person.Names().email), "code": "123456"] },
            status: 410),
    ]

    private static let password: JSON = ["password": .string(Person.password)]

    // Whoever is let in hears that the secret they show is wrong, or that there is none.
    private static let secrets: [AccessRow] = [
        AccessRow(
            "PUT /v1/me/password", .session,
            body: { _ in ["old_password": "not it", "new_password": "a calm lake in May"] },
            status: 403),
        AccessRow("GET /v1/me/pin", .session),
        AccessRow("PUT /v1/me/pin", .session, body: { _ in ["pin": "123456"] }, status: 422),
        AccessRow("POST /v1/me/pin_resets", .session, status: 202),
        AccessRow(
            "POST /v1/me/pin_resets/completions", .session,
            body: { _ in ["pin": "739104", "code": "123456", "password": "not it"] }, status: 403),
        AccessRow("POST /v1/sessions/current/step_up_challenges", .session, status: 404),
        AccessRow(
            "POST /v1/sessions/current/step_ups", .session, body: { _ in ["pin": "739104"] },
            status: 409),
    ]

    private static let keys: [AccessRow] = [
        AccessRow(
            "POST /v1/api_keys", .merchant,
            body: { _ in ["name": "Till", "scopes": ["wallets:read"]] }),
        AccessRow("GET /v1/api_keys", .merchant),
        AccessRow(
            "POST /v1/api_keys/{id}/rotations", .merchant, .hidden("key_not_found"),
            of: { try await $0.key() }, body: { _ in ["overlap_seconds": 60] }),
        AccessRow(
            "DELETE /v1/api_keys/{id}", .merchant, .hidden("key_not_found"),
            of: { try await $0.key() }, status: 204),
    ]

    private static let code: JSON = ["method": "totp", "code": "123456"]

    private static let standing: [AccessRow] = [
        AccessRow("GET /v1/limits", .caller("wallets:read")),
        AccessRow(
            "PUT /v1/staff/users/{id}/plan", .staff(["admin", "finance"]), of: { $0.owner.id },
            body: { _ in ["plan": "PREMIUM", "reason": "Paid for it."] }, status: 200),
        AccessRow(
            "PUT /v1/staff/users/{id}/kyc_tier", .staff(["admin", "finance"]),
            of: { $0.owner.id }, body: { _ in ["kyc_tier": 0, "reason": "A false paper."] },
            status: 200),
        AccessRow(
            "PUT /v1/staff/people/{id}/role", .staff(["admin"]), of: { $0.owner.id },
            body: { _ in ["role": "merchant", "reason": "Has a shop."] }, status: 200),
        AccessRow(
            "PUT /sandbox/standing", .session, body: { _ in ["plan": "FREE"] }, status: 200),
    ]

    private static let kyc: [AccessRow] = [
        AccessRow("GET /v1/kyc", .caller(nil)),
        // JSON is no photograph.
        AccessRow(
            "PUT /v1/kyc/images/{side}", .change(nil), of: { _ in "front" }, body: { _ in [:] },
            status: 415),
        // Nobody but the owner has sent photographs.
        AccessRow(
            "POST /v1/kyc/submissions", .change(nil), body: { _ in .kycForm() }, status: 422),
        AccessRow(
            "GET /v1/kyc/submissions/{id}", .caller(nil), .hidden("submission_not_found"),
            of: { try await $0.submission() }),
        AccessRow(
            "POST /v1/kyc/submissions/{id}/withdrawals", .change(nil),
            .hidden("submission_not_found"), of: { try await $0.submission() }),
        AccessRow("GET /v1/staff/kyc/submissions", .staffView(["admin", "support"])),
        AccessRow(
            "GET /v1/staff/kyc/submissions/{id}", .staffView(["admin", "support"]),
            of: { try await $0.submission() }),
        // None of them has looked at the documents.
        AccessRow(
            "POST /v1/staff/kyc/submissions/{id}/reviews", .staff(["admin", "support"]),
            of: { try await $0.submission() }, status: 409),
        AccessRow(
            "POST /v1/staff/kyc/submissions/{id}/approvals", .staff(["admin", "support"]),
            of: { try await $0.submission() }, status: 409),
        AccessRow(
            "POST /v1/staff/kyc/submissions/{id}/refusals", .staff(["admin", "support"]),
            of: { try await $0.submission() },
            body: { _ in ["cause": "unreadable", "reason": "All dark."] }, status: 409),
        AccessRow(
            "POST /v1/staff/kyc/submissions/{id}/disclosures", .staff(["admin", "support"]),
            of: { try await $0.submission() },
            body: { _ in ["reason": "To review it.", "fields": ["details"]] }),
    ]

    private static let people: [AccessRow] = [
        AccessRow(
            "POST /v1/staff/people/searches", .staffView(["admin", "finance", "support"]),
            body: { _ in ["text": "person"] }, status: 200),
        AccessRow(
            "GET /v1/staff/people/{id}", .staffView(["admin", "finance", "support"]),
            of: { $0.owner.id }),
        AccessRow(
            "POST /v1/staff/people/{id}/disclosures", .staff(["admin", "finance", "support"]),
            of: { $0.owner.id },
            body: { _ in ["reason": "They called.", "fields": ["phone"]] }),
    ]

    private static let payments: [AccessRow] = [
        AccessRow("GET /v1/wallets", .caller("wallets:read")),
        AccessRow("POST /v1/wallets", .change(nil), body: { _ in ["currency": "KES"] }),
        AccessRow(
            "GET /v1/wallets/{id}", .caller("wallets:read"), .hidden("wallet_not_found"),
            of: { try await $0.wallet() }),
        AccessRow(
            "GET /v1/wallets/{id}/entries", .caller("wallets:read"), .hidden("wallet_not_found"),
            of: { try await $0.wallet() }),
        AccessRow("POST /v1/transfers", .payer("transfers:write"), body: pay),
        AccessRow("POST /v1/transfers/preview", .payer("transfers:write"), body: pay, status: 200),
        AccessRow(
            "POST /v1/transfer_batches", .payer("transfers:write"),
            body: { place in
                [
                    "mode": "linked",
                    "transfers": [["to": .string(place.neighbour.username), "amount": 1]],
                ]
            }, status: 200),
        AccessRow(
            "GET /v1/transfers/{id}", .caller("transfers:read"),
            .hidden("transfer_not_found", staffSees: true),
            of: { try await $0.received() }),
        AccessRow(
            "POST /v1/transfers/{id}/reversals", .payer("transfers:write"),
            .hidden("transfer_not_found", staffSees: true), of: { try await $0.received() }),
        AccessRow(
            "POST /v1/staff/transfers/{id}/reversals", .staff(["admin", "finance"]),
            of: { try await $0.received() }, body: { _ in ["reason": "Paid by mistake."] }),
        AccessRow(
            "POST /v1/staff/transfers/{id}/disclosures", .staff(["admin", "finance", "support"]),
            of: { try await $0.received() }, body: { _ in ["reason": "A complaint."] }),
        AccessRow(
            "GET /v1/entries/{id}/proof", .caller("transfers:read"),
            .hidden("transfer_not_found", staffSees: true),
            of: { try await $0.received() }),
        AccessRow(
            "POST /v1/holds", .payer("holds:write"),
            body: { .send(1, to: $0.neighbour.username, expiresIn: 60) }),
        AccessRow(
            "GET /v1/holds/{id}", .caller("holds:read"), .hidden("hold_not_found"),
            of: { try await $0.hold() }),
        AccessRow(
            "POST /v1/holds/{id}/captures", .payer("holds:write"), .hidden("hold_not_found"),
            of: { try await $0.hold() }),
        AccessRow(
            "POST /v1/holds/{id}/voids", .payer("holds:write"), .hidden("hold_not_found"),
            of: { try await $0.hold() }),
        AccessRow("POST /v1/requests", .payer("requests:write"), body: { $0.ask($0.neighbour) }),
        AccessRow("GET /v1/requests", .caller("requests:read")),
        AccessRow(
            "GET /v1/requests/{id}", .caller("requests:read"), .hidden("request_not_found"),
            of: { try await $0.asked() }),
        AccessRow(
            "POST /v1/requests/{id}/acceptances", .payer("transfers:write"),
            .hidden("request_not_found"),
            of: { try await $0.owed() }),
        AccessRow(
            "POST /v1/requests/{id}/declines", .change("requests:write"),
            .hidden("request_not_found"),
            of: { try await $0.owed() }),
        AccessRow(
            "POST /v1/requests/{id}/cancellations", .change("requests:write"),
            .hidden("request_not_found"),
            of: { try await $0.asked() }),
        AccessRow("GET /v1/events", .session, isStream: true),
        AccessRow(
            "POST /sandbox/topups", .payer(nil), body: { _ in ["amount": 1, "currency": "KES"] }),
    ]

    private static let rails: [AccessRow] = [
        AccessRow("GET /v1/rails", .caller(nil)),
        AccessRow("POST /v1/topups", .payer(nil), body: { _ in crossing }),
        AccessRow("POST /v1/payouts", .payer(nil), body: { _ in crossing }),
        AccessRow("GET /v1/payments", .caller(nil)),
        AccessRow(
            "GET /v1/payments/{id}", .caller(nil), .hidden("payment_not_found"),
            of: { try await $0.outsidePayment() }),
        // The telephone is ringing already.
        AccessRow(
            "POST /v1/payments/{id}/cancellations", .change(nil), .hidden("payment_not_found"),
            of: { try await $0.outsidePayment() }, status: 409),
        AccessRow("GET /v1/staff/payments", .staffView(["admin", "finance", "support"])),
        AccessRow(
            "GET /v1/staff/payments/{id}", .staffView(["admin", "finance", "support"]),
            of: { try await $0.outsidePayment() }),
        // It is not in review.
        AccessRow(
            "POST /v1/staff/payments/{id}/decisions", .staff(["admin", "finance"]),
            of: { try await $0.outsidePayment() },
            body: { _ in ["outcome": "failed", "reason": "as the statement says"] }, status: 409),
        // It is not settled.
        AccessRow(
            "POST /v1/staff/payments/{id}/refunds", .staff(["admin", "finance"]),
            of: { try await $0.outsidePayment() },
            body: { _ in ["reason": "Asked for by its owner."] }, status: 409),
        // No such provider is set up there.
        AccessRow(
            "PUT /v1/staff/people/{id}/destinations/{provider}", .staff(["admin", "finance"]),
            of: { $0.owner.id },
            body: { _ in ["account": "acct_1", "reason": "Seen at the provider."] }, status: 404),
    ]

    private static let crossing: JSON = ["rail": "mpesa", "amount": 1_000, "currency": "KES"]

    private static let offline: [AccessRow] = [
        AccessRow(
            "POST /v1/offline/wallets", .payer(nil),
            body: { _ in ["csr": .string(String(repeating: "A", count: 156)), "currency": "KES"] },
            status: 422),
        AccessRow("GET /v1/offline/wallets", .caller(nil)),
        AccessRow(
            "POST /v1/offline/wallets/{wid}/topups", .payer(nil),
            .hidden("offline_wallet_not_found"), of: { try await $0.device() },
            body: { _ in ["amount": 1] }),
        AccessRow(
            "POST /v1/offline/wallets/{wid}/lost", .payer(nil),
            .hidden("offline_wallet_not_found"), of: { try await $0.device() }),
        AccessRow(
            "POST /v1/offline/objects", .payer(nil), body: { _ in ["objects": []] }, status: 200),
        AccessRow(
            "POST /v1/offline/sync", .payer(nil), .hidden("offline_wallet_not_found"),
            body: { ["wallet": .string(try await $0.device()), "objects": []] }, status: 200),
        AccessRow(
            "GET /v1/offline/xfers/{id16}", .caller(nil), .hidden("offline_record_not_found"),
            of: { try await $0.offlineRecord() }),
        AccessRow(
            "POST /v1/offline/xfers/{id16}/undelivered", .payer(nil),
            .hidden("offline_record_not_found"), of: { try await $0.offlineRecord() }),
        AccessRow(
            "POST /v1/offline/xfers/{id16}/decline", .payer(nil),
            .hidden("offline_record_not_found"), of: { try await $0.offlineRecord() },
            body: { _ in ["decline": "AAAA"] }, status: 422),
        AccessRow("GET /v1/staff/offline/exposure", .staffView(["admin", "finance"])),
        AccessRow("GET /v1/staff/offline/cases", .staffView(["admin", "finance", "support"])),
        AccessRow(
            "GET /v1/staff/offline/cases/{wid}", .staffView(["admin", "finance", "support"]),
            of: { _ in "0123456789abcdef" }, status: 404),
        AccessRow(
            "POST /v1/staff/offline/fund", .staff(["admin", "finance"]),
            body: { _ in ["currency": "KES", "amount": 1, "reason": "The guarantee."] }),
    ]

    private static let simple: [AccessRow] = [
        AccessRow(
            "GET /api/users/{id}", .session, .hidden("user_not_found", staffSees: true),
            of: { $0.owner.id }),
        AccessRow(
            "GET /api/users/by-email/{email}", .session,
            .hidden("user_not_found", staffSees: true), of: { $0.owner.email }),
        AccessRow(
            "PUT /api/users/{id}/balance", .payer(nil), .hidden("user_not_found"),
            of: { $0.owner.id }, body: { _ in ["amount": 1] }, status: 200),
        AccessRow(
            "POST /api/transactions", .payer(nil), .hidden("user_not_found"),
            body: { place in
                [
                    "sender_email": .string(place.owner.email),
                    "receiver_email": .string(place.neighbour.email), "amount": 1,
                ]
            }),
        AccessRow(
            "GET /api/transactions/user/{id}", .session,
            .hidden("user_not_found", staffSees: true), of: { $0.owner.id }),
        AccessRow(
            "GET /api/reports/users/{id}", .session, .hidden("user_not_found", staffSees: true),
            of: { $0.owner.id }),
        AccessRow(
            "GET /api/reports/transactions", .staffView(["admin", "finance", "support"]),
            query: "?startDate=2026-01-01&endDate=2026-01-02"),
    ]

    /// Where nobody is asked who they are.
    private static let open: [AccessRow] = [
        "POST /v1/users", "POST /v1/phone_verifications", "POST /v1/phone_codes",
        "POST /v1/password_resets", "POST /v1/password_resets/completions",
        "POST /oauth/token", "GET /.well-known/oauth-authorization-server",
        "POST /v1/sessions", "GET /.well-known/jwks.json", "POST /v1/sessions/refresh",
        "POST /v1/sessions/passkey_challenges",
        "POST /v1/session_challenges/{challenge}/codes",
        "POST /v1/session_challenges/{challenge}/passkey_challenges",
        "POST /v1/session_challenges/{challenge}/answers", "POST /v1/sessions/passkeys",
        "GET /v1/act_commitments", "GET /v1/commitments",
        "GET /v1/commitments/keys", "GET /v1/commitments/{day}", "GET /v1/offline/keys",
        "POST /v1/callbacks/{provider}",
        "POST /v1/callbacks/{provider}/{token}", "GET /v1/offline/crl",
        "GET /v1/offline/proofs/{wid}", "GET /sandbox/messages",
        "POST /sandbox/clock", "POST /api/users/register", "POST /api/users/login", "GET /health",
        "GET /health/live", "GET /health/ready", "GET /metrics", "GET /openapi.json",
    ].map { AccessRow($0, .open) }

    private static let pay: AccessRow.Make<JSON> = { .send(1, to: $0.neighbour.username) }
}
