import HTTP

/// An object of an answer that is being read. What lacks a member fails as a whole.
struct Fields {
    struct Missing: Error {}

    let json: JSON

    func text(_ name: String) throws(Missing) -> String { try required(json[name]?.string) }
    func integer(_ name: String) throws(Missing) -> Int64 { try required(json[name]?.integer) }
    func bool(_ name: String) throws(Missing) -> Bool { try required(json[name]?.bool) }

    func texts(_ name: String) throws(Missing) -> [String] {
        var texts: [String] = []
        for element in try required(json[name]?.array) {
            texts.append(try required(element.string))
        }
        return texts
    }

    func textOrNil(_ name: String) -> String? { json[name]?.string }

    func object<Value>(
        _ name: String, _ read: (Fields) throws(Missing) -> Value
    ) throws(Missing) -> Value {
        try read(Fields(json: required(json[name])))
    }

    func objects<Element>(
        _ name: String, _ read: (Fields) throws(Missing) -> Element
    ) throws(Missing) -> [Element] {
        var elements: [Element] = []
        for element in try required(json[name]?.array) {
            elements.append(try read(Fields(json: element)))
        }
        return elements
    }

    func listing<Element>(
        _ read: (Fields) throws(Missing) -> Element
    ) throws(Missing) -> Listing<Element> {
        Listing(elements: try objects("data", read), nextCursor: textOrNil("next_cursor"))
    }

    private func required<Value>(_ value: Value?) throws(Missing) -> Value {
        guard let value else { throw Missing() }
        return value
    }
}

extension User {
    init(_ fields: Fields) throws(Fields.Missing) {
        id = try fields.text("id")
        username = try fields.text("username")
        phone = fields.textOrNil("phone")
        email = fields.textOrNil("email")
        role = try fields.text("role")
        phoneVerified = try fields.bool("phone_verified")
        plan = try fields.text("plan")
        kycTier = try fields.integer("kyc_tier")
        createdAt = try fields.text("created_at")
        emailVerified = try fields.bool("email_verified")
        fullName = fields.textOrNil("full_name")
        birthDate = fields.textOrNil("birth_date")
        language = fields.textOrNil("language")
    }
}

extension Credentials {
    init(_ fields: Fields) throws(Fields.Missing) {
        accessToken = try fields.text("access_token")
        refreshToken = try fields.text("refresh_token")
    }
}

extension Session {
    init(_ fields: Fields) throws(Fields.Missing) {
        user = try fields.object("user", User.init)
        credentials = try Credentials(fields)
        expiresIn = try fields.integer("expires_in")
        mode = try fields.text("mode")
        device = fields.textOrNil("device")
    }
}

extension Verification {
    init(_ fields: Fields) throws(Fields.Missing) {
        user = try User(fields)
        device = fields.textOrNil("device")
    }
}

extension Balance {
    init(_ fields: Fields) throws(Fields.Missing) {
        posted = try fields.integer("posted")
        held = try fields.integer("held")
        available = try fields.integer("available")
    }
}

extension Wallet {
    init(_ fields: Fields) throws(Fields.Missing) {
        id = try fields.text("id")
        currency = try fields.text("currency")
        balance = try Balance(fields)
    }
}

extension Transfer {
    init(_ fields: Fields, isReplay: Bool) throws(Fields.Missing) {
        id = try fields.text("id")
        status = try fields.text("status")
        kind = try fields.text("kind")
        purpose = try fields.text("purpose")
        amount = try fields.integer("amount")
        currency = try fields.text("currency")
        fee = try fields.integer("fee")
        from = fields.textOrNil("from")
        to = fields.textOrNil("to")
        note = fields.textOrNil("note")
        expiresAt = fields.textOrNil("expires_at")
        createdAt = try fields.text("created_at")
        balance =
            fields.json["balance"] == nil ? nil : try fields.object("balance", Balance.init)
        self.isReplay = isReplay
    }
}

extension Quote {
    init(_ fields: Fields) throws(Fields.Missing) {
        amount = try fields.integer("amount")
        fee = try fields.integer("fee")
        total = try fields.integer("total")
        currency = try fields.text("currency")
        to = try fields.text("to")
        available = try fields.integer("available")
        isSufficient = try fields.bool("sufficient")
        isPinRequired = try fields.bool("pin_required")
    }
}

extension Entry {
    init(_ fields: Fields) throws(Fields.Missing) {
        id = try fields.text("id")
        kind = try fields.text("kind")
        purpose = try fields.text("purpose")
        isIncoming = try fields.text("direction") == "in"
        amount = try fields.integer("amount")
        currency = try fields.text("currency")
        counterparty = fields.textOrNil("counterparty")
        note = fields.textOrNil("note")
        createdAt = try fields.text("created_at")
        balance = try fields.object("balance", Balance.init)
    }
}

extension PaymentRequest {
    init(_ fields: Fields) throws(Fields.Missing) {
        id = try fields.text("id")
        status = try fields.text("status")
        isOwed = try fields.text("direction") == "owed"
        from = try fields.text("from")
        to = try fields.text("to")
        amount = try fields.integer("amount")
        currency = try fields.text("currency")
        note = fields.textOrNil("note")
        createdAt = try fields.text("created_at")
    }
}

extension SandboxMessage {
    init(_ fields: Fields) throws(Fields.Missing) {
        to = try fields.text("to")
        channel = try fields.text("channel")
        body = try fields.text("body")
        createdAt = try fields.text("created_at")
    }
}

extension LiveEvent {
    /// An event that does not have its usual form is passed on as it is.
    init(_ event: ServerSentEvent) {
        let other = LiveEvent.other(name: event.name, data: event.data)
        do {
            let fields = Fields(json: try JSON(parsing: event.data))
            self = try Self.read(event.name, fields) ?? other
        } catch { self = other }
    }

    private static func read(_ name: String, _ fields: Fields) throws(Fields.Missing) -> LiveEvent?
    {
        switch name {
        case "ready": .ready
        case "entry":
            .entry(
                walletID: try fields.text("wallet_id"), try fields.object("entry", Entry.init))
        case "request":
            .request(
                id: try fields.text("id"), status: try fields.text("status"),
                amount: try fields.integer("amount"), currency: try fields.text("currency"))
        default: nil
        }
    }
}

extension FlorinProblem {
    init(status: Int, _ fields: Fields, retryAfter: Int64?) throws(Fields.Missing) {
        self.status = status
        code = try fields.text("code")
        title = fields.textOrNil("title") ?? code
        detail = fields.textOrNil("detail") ?? title
        requestID = fields.textOrNil("request_id")
        let members = fields.json.object?.members ?? []
        facts = Dictionary(
            members.filter { !Self.standard.contains($0.name) }
                .map { ($0.name, FlorinFact($0.value)) }, uniquingKeysWith: { first, _ in first })
        if case .integer(let seconds) = facts["retry_after"] {
            self.retryAfter = seconds
        } else {
            self.retryAfter = retryAfter
        }
    }

    private static let standard: Set<String> = [
        "type", "title", "status", "code", "detail", "request_id",
    ]
}

extension FlorinFact {
    init(_ json: JSON) {
        let texts = json.array.map { $0.compactMap(\.string) }
        switch json {
        case .integer(let value): self = .integer(value)
        case .string(let text): self = .text(text)
        case .bool(let value): self = .bool(value)
        case .array(let elements) where texts?.count == elements.count: self = .texts(texts ?? [])
        default: self = .json(json.text)
        }
    }
}
