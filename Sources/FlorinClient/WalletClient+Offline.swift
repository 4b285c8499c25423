import HTTP

// Offline payments. What devices sign and what the issuer says are objects of OFP1, here as the API
// has them: base64url without padding.

/// A device's wallet for offline payments, as the server knows it.
public struct OfflineWalletState: Sendable, Equatable {
    /// Sixteen hexadecimal digits.
    public let id: String
    public let currency: String
    /// `live`, or how it ended.
    public let status: String
    public let isReceiveOnly: Bool
    /// Until when others may claim what it signed; then what is left comes back.
    public let claimBy: String
}

/// What the issuer says of a device's key, and what proves the name in it.
public struct OfflineCertificate: Sendable, Equatable {
    public let certificate: String
    public let name: String
    /// Hexadecimal.
    public let nameSalt: String
}

/// The issuer's keys as the root vouches for them.
public struct OfflineIssuer: Sendable, Equatable {
    public let keys: String
    public let root: String
}

/// What became of one object of an upload.
public struct OfflineResult: Sendable, Equatable {
    /// Hexadecimal; nil for what is no record.
    public let id: String?
    /// `settled`, `guaranteed`, `short`, `waiting_source`, `known`, `late`, `rejected`.
    public let status: String
    public let reason: String?
}

/// What a device says when it is online.
public struct OfflineReport: Sendable {
    public let wallet: String
    public let objects: [String]
    /// The counter of its last record.
    public let head: UInt32
    /// Minor units up to which money is locked again; nil for none.
    public let topUpTo: Int64?
    /// Seconds since 1970 of the newest list of revocations at hand.
    public let revocationsSince: UInt32

    public init(
        wallet: String, objects: [String], head: UInt32, topUpTo: Int64?, revocationsSince: UInt32
    ) {
        self.wallet = wallet
        self.objects = objects
        self.head = head
        self.topUpTo = topUpTo
        self.revocationsSince = revocationsSince
    }
}

/// Everything that a device needs to know before it is offline again.
public struct OfflineNews: Sendable, Equatable {
    public let serverTime: String
    public let results: [OfflineResult]
    /// Counters of the wallet whose records nobody has shown.
    public let missing: [Int64]
    public let wallet: OfflineWalletState
    /// Minor units.
    public let locked: Int64
    /// Nil for a wallet that has ended.
    public let certificate: String?
    public let revocations: String?
    public let proofs: [String]
    public let incoming: [String]
    public let receipts: [String]
}

extension WalletClient {
    /// Gives a device's key, with what it has signed, and gets its certificate. Giving the same key
    /// again finds the same wallet.
    public func enrolOffline(
        csr: String, currency: String, isReceiveOnly: Bool
    ) async throws -> OfflineCertificate {
        try await post(
            "/v1/offline/wallets",
            [
                "csr": .string(csr), "currency": .string(currency),
                "receive_only": .bool(isReceiveOnly),
            ]
        ).read(OfflineCertificate.init)
    }

    public func offlineWallets() async throws -> [OfflineWalletState] {
        try await get("/v1/offline/wallets").read { fields throws(Fields.Missing) in
            try fields.listing(OfflineWalletState.init).elements
        }
    }

    /// Moves money into what a device may spend offline.
    public func topUpOffline(
        wallet: String, amount: Int64, key: String
    ) async throws -> OfflineCertificate {
        try await post(
            Self.path("wallets", wallet, "topups"), ["amount": .integer(amount)], key: key
        ).read(OfflineCertificate.init)
    }

    /// Uploads, and takes what is new. May be repeated as it is.
    public func syncOffline(_ report: OfflineReport) async throws -> OfflineNews {
        var body = JSONObject([
            ("wallet", .string(report.wallet)),
            ("objects", .array(report.objects.map { .string($0) })),
            ("head", .integer(Int64(report.head))),
            ("crl_since", .integer(Int64(report.revocationsSince))),
            ("proofs_since", .integer(Int64(report.revocationsSince))),
        ])
        if let level = report.topUpTo { body.append("top_up_to", .integer(level)) }
        return try await post("/v1/offline/sync", .object(body)).read(OfflineNews.init)
    }

    /// Says that nobody took a payment: its money comes back unless it turns up.
    public func markUndelivered(record: String) async throws {
        _ = try await post(Self.path("xfers", record, "undelivered"))
    }

    /// Reports a device lost; nobody may take money from it any more.
    public func reportLost(offlineWallet: String) async throws -> OfflineWalletState {
        try await post(Self.path("wallets", offlineWallet, "lost")).read(OfflineWalletState.init)
    }

    public func offlineIssuer() async throws -> OfflineIssuer {
        try await get("/v1/offline/keys").read { fields throws(Fields.Missing) in
            OfflineIssuer(keys: try fields.text("keys"), root: try fields.text("root"))
        }
    }

    private static func path(_ collection: String, _ id: String, _ part: String) -> String {
        "/v1/offline/\(collection)/\(PercentEncoding.encode(id))/\(part)"
    }
}

// MARK: Reading

extension OfflineWalletState {
    init(_ fields: Fields) throws(Fields.Missing) {
        id = try fields.text("wallet")
        currency = try fields.text("currency")
        status = try fields.text("status")
        isReceiveOnly = try fields.bool("receive_only")
        claimBy = try fields.text("claim_by")
    }
}

extension OfflineCertificate {
    init(_ fields: Fields) throws(Fields.Missing) {
        certificate = try fields.text("certificate")
        name = try fields.text("name")
        nameSalt = try fields.text("name_salt")
    }
}

extension OfflineResult {
    init(_ fields: Fields) throws(Fields.Missing) {
        id = fields.textOrNil("id16")
        status = try fields.text("status")
        reason = fields.textOrNil("reason")
    }
}

extension OfflineNews {
    init(_ fields: Fields) throws(Fields.Missing) {
        serverTime = try fields.text("server_time")
        results = try fields.each("results", OfflineResult.init)
        missing = (fields.json["missing"]?.array ?? []).compactMap(\.integer)
        wallet = try fields.object("wallet", OfflineWalletState.init)
        locked = try fields.integer("locked")
        certificate = fields.textOrNil("certificate")
        revocations = fields.textOrNil("crl")
        proofs = try fields.texts("proofs")
        incoming = try fields.texts("incoming")
        receipts = try fields.texts("receipts")
    }
}

extension Fields {
    fileprivate func each<Element>(
        _ name: String, _ read: (Fields) throws(Missing) -> Element
    ) throws(Missing) -> [Element] {
        var elements: [Element] = []
        for element in json[name]?.array ?? [] { elements.append(try read(Fields(json: element))) }
        return elements
    }
}
