internal import FlorinClient
internal import HTTP

/// Answers for programs: the API's own names and forms.
enum WalletJSON {
    static func user(_ user: User) -> JSON {
        [
            "id": .string(user.id), "username": .string(user.username),
            "phone": text(user.phone), "email": text(user.email), "role": .string(user.role),
            "phone_verified": .bool(user.phoneVerified), "plan": .string(user.plan),
            "kyc_tier": .integer(user.kycTier), "created_at": .string(user.createdAt),
            "email_verified": .bool(user.emailVerified), "full_name": text(user.fullName),
            "birth_date": text(user.birthDate), "language": text(user.language),
        ]
    }

    static func wallet(_ wallet: Wallet) -> JSON {
        [
            "id": .string(wallet.id), "currency": .string(wallet.currency),
            "posted": .integer(wallet.balance.posted), "held": .integer(wallet.balance.held),
            "available": .integer(wallet.balance.available),
        ]
    }

    static func balance(_ balance: Balance) -> JSON {
        [
            "posted": .integer(balance.posted), "held": .integer(balance.held),
            "available": .integer(balance.available),
        ]
    }

    static func transfer(_ transfer: Transfer) -> JSON {
        [
            "id": .string(transfer.id), "status": .string(transfer.status),
            "kind": .string(transfer.kind), "purpose": .string(transfer.purpose),
            "amount": .integer(transfer.amount), "currency": .string(transfer.currency),
            "fee": .integer(transfer.fee), "from": text(transfer.from), "to": text(transfer.to),
            "note": text(transfer.note), "expires_at": text(transfer.expiresAt),
            "created_at": .string(transfer.createdAt), "replayed": .bool(transfer.isReplay),
            "balance": transfer.balance.map(balance) ?? .null,
        ]
    }

    static func entry(_ entry: Entry) -> JSON {
        [
            "id": .string(entry.id), "kind": .string(entry.kind),
            "purpose": .string(entry.purpose), "direction": entry.isIncoming ? "in" : "out",
            "amount": .integer(entry.amount), "currency": .string(entry.currency),
            "counterparty": text(entry.counterparty), "note": text(entry.note),
            "created_at": .string(entry.createdAt), "balance": balance(entry.balance),
        ]
    }

    static func request(_ request: PaymentRequest) -> JSON {
        [
            "id": .string(request.id), "status": .string(request.status),
            "direction": request.isOwed ? "owed" : "asked", "from": .string(request.from),
            "to": .string(request.to), "amount": .integer(request.amount),
            "currency": .string(request.currency), "note": text(request.note),
            "created_at": .string(request.createdAt),
        ]
    }

    static func message(_ message: SandboxMessage) -> JSON {
        [
            "to": .string(message.to), "channel": .string(message.channel),
            "body": .string(message.body), "created_at": .string(message.createdAt),
        ]
    }

    static func event(_ event: LiveEvent) -> JSON {
        switch event {
        case .ready: ["event": "ready"]
        case .interrupted: ["event": "interrupted"]
        case .entry(let wallet, let entry):
            ["event": "entry", "wallet_id": .string(wallet), "entry": self.entry(entry)]
        case .request(let id, let status, let amount, let currency):
            [
                "event": "request", "id": .string(id), "status": .string(status),
                "amount": .integer(amount), "currency": .string(currency),
            ]
        case .other(let name, let data):
            ["event": .string(name), "data": .string(data)]
        }
    }

    static func page<Element>(
        _ elements: [Element], _ cursor: String?, _ write: (Element) -> JSON
    ) -> JSON {
        ["data": .array(elements.map(write)), "next_cursor": text(cursor)]
    }

    static func ended(_ ended: Ended) -> JSON {
        var members: [JSONObject.Member] = [
            ("code", .string(ended.name)), ("detail", .string(ended.sentence)),
        ]
        if let problem = ended.problem {
            members.append(("status", .integer(Int64(problem.status))))
            members.append(("request_id", text(problem.requestID)))
            for (name, fact) in problem.facts.sorted(by: { $0.key < $1.key }) {
                members.append((name, value(fact)))
            }
        }
        return .object(JSONObject(members))
    }

    private static func value(_ fact: FlorinFact) -> JSON {
        switch fact {
        case .integer(let value): .integer(value)
        case .text(let text): .string(text)
        case .texts(let texts): .array(texts.map(JSON.string))
        case .bool(let value): .bool(value)
        case .json(let text): .string(text)
        }
    }

    static func text(_ text: String?) -> JSON { text.map(JSON.string) ?? .null }
}
