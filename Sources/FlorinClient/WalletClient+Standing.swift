import HTTP

// MARK: Limits

/// What limits one wallet.
public struct WalletLimits: Sendable, Equatable {
    public let walletID: String
    public let currency: String
    public let limits: [Limit]
}

public struct Limit: Sendable, Equatable {
    /// Such as `per_day`.
    public let name: String
    /// Whether payments are counted; else amounts in minor units.
    public let isCount: Bool
    public let max: Int64
    public let used: Int64
    public let remaining: Int64
    /// When it begins again; nil for what does not.
    public let resetsAt: String?
}

extension WalletLimits {
    init(_ fields: Fields) throws(Fields.Missing) {
        walletID = try fields.text("wallet")
        currency = try fields.text("currency")
        limits = try fields.objects("limits", Limit.init)
    }
}

extension Limit {
    init(_ fields: Fields) throws(Fields.Missing) {
        name = try fields.text("limit")
        isCount = try fields.text("unit") == "payments"
        max = try fields.integer("max")
        used = try fields.integer("used")
        remaining = try fields.integer("remaining")
        resetsAt = fields.textOrNil("resets_at")
    }
}

extension WalletClient {
    /// What limits each wallet, and what is left of it.
    public func limits() async throws -> [WalletLimits] {
        try await get("/v1/limits").read { fields throws(Fields.Missing) in
            try fields.objects("data", WalletLimits.init)
        }
    }
}

// MARK: Being known better

/// Documents that were sent in.
public struct KycSubmission: Sendable, Equatable {
    public let id: String
    public let tier: Int64
    /// `submitted`, `reviewed`, `approved`, `refused` or `withdrawn`.
    public let state: String
    public let submittedAt: String
    public let decidedAt: String?
    /// Why it was refused.
    public let cause: String?
    /// What its owner should know and do.
    public let message: String
}

/// How well the person is known.
public struct KycStatus: Sendable, Equatable {
    public let tier: Int64
    /// Photographs for the submission to come: `front`, `back`, `face`.
    public let imagesWaiting: [String]
    /// The newest one.
    public let submission: KycSubmission?
    public let message: String
}

/// Who one is, as it stands on the document.
public struct KycForm: Sendable {
    /// 1: a document; 2: a document and the face.
    public var tier: Int64
    public var fullName: String
    /// Such as `1990-03-31`.
    public var birthDate: String
    /// `national_id`, `passport`, `driving_licence` or `residence_permit`.
    public var documentKind: String
    public var documentNumber: String
    /// Two letters of ISO 3166-1.
    public var country: String

    public init(
        tier: Int64, fullName: String, birthDate: String, documentKind: String,
        documentNumber: String, country: String
    ) {
        self.tier = tier
        self.fullName = fullName
        self.birthDate = birthDate
        self.documentKind = documentKind
        self.documentNumber = documentNumber
        self.country = country
    }

    fileprivate var json: JSON {
        [
            "kyc_tier": .integer(tier), "full_name": .string(fullName),
            "birth_date": .string(birthDate),
            "document": [
                "kind": .string(documentKind), "number": .string(documentNumber),
                "country": .string(country),
            ],
        ]
    }
}

extension KycSubmission {
    init(_ fields: Fields) throws(Fields.Missing) {
        id = try fields.text("id")
        tier = try fields.integer("kyc_tier")
        state = try fields.text("state")
        submittedAt = try fields.text("submitted_at")
        decidedAt = fields.textOrNil("decided_at")
        cause = fields.textOrNil("cause")
        message = try fields.text("message")
    }
}

extension KycStatus {
    init(_ fields: Fields) throws(Fields.Missing) {
        tier = try fields.integer("kyc_tier")
        imagesWaiting = try fields.texts("images_waiting")
        submission =
            fields.json["submission"] == nil
            ? nil : try fields.object("submission", KycSubmission.init)
        message = try fields.text("message")
    }
}

extension WalletClient {
    public func kycStatus() async throws -> KycStatus {
        try await get("/v1/kyc").read(KycStatus.init)
    }

    /// Keeps a photograph for the submission to come: a JPEG or a PNG of at most 2 MiB.
    /// - Parameter side: `front`, `back` or `face`.
    public func keepImage(_ side: String, _ bytes: [UInt8]) async throws {
        var call = Call(method: .put, path: "/v1/kyc/images/" + PercentEncoding.encode(side))
        call.file = (bytes, "application/octet-stream")
        _ = try await exchange.perform(call)
    }

    /// Sends in who one is, with the photographs that wait.
    public func submit(_ form: KycForm) async throws -> KycSubmission {
        try await post("/v1/kyc/submissions", form.json).read(KycSubmission.init)
    }

    public func kycSubmission(_ id: String) async throws -> KycSubmission {
        try await get("/v1/kyc/submissions/" + PercentEncoding.encode(id)).read(KycSubmission.init)
    }

    /// Takes an open submission back; its photographs are deleted.
    public func withdraw(submission: String) async throws -> KycSubmission {
        try await post("/v1/kyc/submissions/\(PercentEncoding.encode(submission))/withdrawals")
            .read(KycSubmission.init)
    }
}
