internal import Cryptography
internal import FlorinClient
internal import HTTP
internal import OfflineProtocol
internal import Values

/// One offline wallet as this terminal keeps it: whose it is, its key under the PIN, and the state
/// of its device.
struct KeptWallet: Equatable {
    let server: String
    let username: String
    let currency: Currency
    let isReceiveOnly: Bool
    /// P-256, compressed.
    let publicKey: [UInt8]
    let key: PinSealed
    /// What the device signed to enrol. It is stored before it is sent, so an enrolment whose
    /// answer was lost is asked for again with the same key.
    let enrolment: [UInt8]
    /// Nil until the server has answered.
    var device: OfflineDevice?
    /// A top-up that was sent and not answered yet. The same amount again is the same top-up.
    var topUp: TopUp?

    struct TopUp: Equatable {
        /// Minor units.
        let amount: Int64
        let key: String
    }

    private static let version: Int64 = 1
    private static let purpose = Array("florin offline key 1 ".utf8)

    static func seal(
        _ key: SigningKey, pin: String
    ) throws(PinSealed.Failure) -> PinSealed {
        try PinSealed.seal(
            key.privateKey, pin: pin,
            context: purpose + CurvePoint.compressed(key.publicKey))
    }

    func open(pin: String) throws -> SigningKey {
        try SigningKey(privateKey: key.open(pin: pin, context: Self.purpose + publicKey))
    }
}

// MARK: As bytes

extension KeptWallet {
    /// JSON, so that a person can see what there is; what the device keeps is one field of it, with
    /// a hash by which a damaged disk is told.
    var encoded: [UInt8] {
        let state = device?.encoded ?? []
        let json: JSON = [
            "version": .integer(Self.version), "server": .string(server),
            "username": .string(username), "currency": .string(currency.code),
            "receive_only": .bool(isReceiveOnly), "public_key": .string(Hex.encode(publicKey)),
            "key": [
                "memory_kib": .integer(Int64(key.memoryKiB)),
                "passes": .integer(Int64(key.passes)), "salt": .string(Hex.encode(key.salt)),
                "sealed": .string(Hex.encode(key.sealed)),
            ],
            "enrolment": .string(Base64URL.encode(enrolment)),
            "top_up": topUp.map {
                ["amount": .integer($0.amount), "key": .string($0.key)]
            } ?? .null,
            "device": .string(Base64URL.encode(state)),
            "hash": .string(Hex.encode(Hash.sha256(state))),
        ]
        return json.encoded() + [0x0A]
    }

    /// Nil for what `encoded` has not written.
    init?(decoding bytes: [UInt8]) {
        let json: JSON
        do { json = try JSON(parsing: bytes) } catch { return nil }
        guard json["version"]?.integer == Self.version, let server = json["server"]?.string,
            let username = json["username"]?.string,
            let currency = json["currency"]?.string.flatMap({ Currency($0) }),
            let publicKey = json["public_key"]?.string.flatMap({ Hex.decode($0) }),
            let key = json["key"].flatMap(Self.key),
            let enrolment = json["enrolment"]?.string.flatMap({ Base64URL.decode($0) }),
            let state = json["device"]?.string.flatMap({ Base64URL.decode($0) }),
            let hash = json["hash"]?.string.flatMap({ Hex.decode($0) }), hash == Hash.sha256(state)
        else { return nil }
        self.server = server
        self.username = username
        self.currency = currency
        isReceiveOnly = json["receive_only"]?.bool ?? false
        self.publicKey = publicKey
        self.key = key
        self.enrolment = enrolment
        if let amount = json["top_up"]?["amount"]?.integer, let key = json["top_up"]?["key"]?.string
        {
            topUp = TopUp(amount: amount, key: key)
        }
        guard !state.isEmpty else { return }
        do { device = try OfflineDevice(decoding: state) } catch { return nil }
    }

    private static func key(_ json: JSON) -> PinSealed? {
        guard let memory = json["memory_kib"]?.integer, let passes = json["passes"]?.integer,
            let salt = json["salt"]?.string.flatMap({ Hex.decode($0) }),
            let sealed = json["sealed"]?.string.flatMap({ Hex.decode($0) })
        else { return nil }
        return PinSealed(
            memoryKiB: Int(memory), passes: Int(passes), salt: salt, sealed: sealed)
    }
}
