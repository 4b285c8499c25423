internal import FlorinClient
internal import HTTP

/// What concerns the account rather than money.
extension WalletJSON {
    static func session(_ session: OpenSession) -> JSON {
        [
            "id": .string(session.id), "name": .string(session.name),
            "mode": .string(session.mode), "is_current": .bool(session.isCurrent),
            "address": text(session.address), "created_at": .string(session.createdAt),
            "last_seen_at": .string(session.lastSeenAt), "expires_at": .string(session.expiresAt),
        ]
    }

    static func passkey(_ passkey: Passkey) -> JSON {
        [
            "id": .string(passkey.id), "name": .string(passkey.name),
            "status": passkey.isSuspended ? "suspended" : "active",
            "created_at": .string(passkey.createdAt), "last_used_at": text(passkey.lastUsedAt),
        ]
    }

    static func act(_ act: Act) -> JSON {
        [
            "position": .integer(act.position), "at": .string(act.at), "kind": .string(act.kind),
            "by": .string(act.by), "address": text(act.address), "agent": text(act.agent),
        ]
    }

    static func erasure(_ erasure: Erasure) -> JSON {
        [
            "id": .string(erasure.id), "asked_at": .string(erasure.askedAt),
            "due_at": .string(erasure.dueAt), "blocked_at": text(erasure.blockedAt),
        ]
    }

    static func limits(_ wallet: WalletLimits) -> JSON {
        [
            "wallet": .string(wallet.walletID), "currency": .string(wallet.currency),
            "limits": .array(
                wallet.limits.map { limit in
                    [
                        "limit": .string(limit.name),
                        "unit": limit.isCount ? "payments" : "amount", "max": .integer(limit.max),
                        "used": .integer(limit.used), "remaining": .integer(limit.remaining),
                        "resets_at": text(limit.resetsAt),
                    ]
                }),
        ]
    }

    static func kyc(_ status: KycStatus) -> JSON {
        [
            "kyc_tier": .integer(status.tier),
            "images_waiting": .array(status.imagesWaiting.map(JSON.string)),
            "submission": status.submission.map(submission) ?? .null,
            "message": .string(status.message),
        ]
    }

    static func submission(_ submission: KycSubmission) -> JSON {
        [
            "id": .string(submission.id), "kyc_tier": .integer(submission.tier),
            "state": .string(submission.state), "submitted_at": .string(submission.submittedAt),
            "decided_at": text(submission.decidedAt), "cause": text(submission.cause),
            "message": .string(submission.message),
        ]
    }

    /// - Parameter text: of a key that was made just now.
    static func key(_ key: ApiKey, text: String? = nil) -> JSON {
        var members: [JSONObject.Member] = text.map { [("key", .string($0))] } ?? []
        members += [
            ("id", .string(key.id)), ("name", .string(key.name)),
            ("scopes", .array(key.scopes.map(JSON.string))),
            ("payment_max", .integer(key.paymentMax)),
            ("addresses", .array(key.addresses.map(JSON.string))),
            ("created_at", .string(key.createdAt)), ("expires_at", self.text(key.expiresAt)),
            ("last_used_at", self.text(key.lastUsedAt)),
            ("hints", .array(key.hints.map(JSON.string))),
        ]
        return .object(JSONObject(members))
    }
}
