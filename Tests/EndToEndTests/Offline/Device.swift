import Cryptography
import HTTP
import OfflineProtocol
import Testing
import Values

/// A person's phone: its key, the state of its wallet, and what it believes of the issuer. A copy
/// of it is what a cheat makes.
struct Device: Sendable {
    var person: Person
    let key: SigningKey
    var wallet: OfflineWallet
    let name: [UInt8]
    let nameSalt: ObjectID
    let issuerKeys: [IssuerKey]
    /// The device's clock; offline, nobody corrects it.
    var clock: UInt32
    private var nonce: UInt64 = 0

    var id: WalletID { wallet.id }
    var hex: String { wallet.certificate.walletHex }

    /// Enrols a new key, and locks so much.
    static func enrol(
        _ person: Person, own: Int64 = 0, currency: String = "KES", isReceiveOnly: Bool = false,
        key: SigningKey = .generate()
    ) async throws -> Device {
        let body = try csr(of: person, key, currency, isReceiveOnly: isReceiveOnly)
        let enrolled = try await person.post("/v1/offline/wallets", body)
        var device = Device(
            person: person, key: key,
            wallet: OfflineWallet(try certificate(of: enrolled)),
            name: Array(try #require(enrolled["name"]?.string).utf8),
            nameSalt: ObjectID(hex: try #require(enrolled["name_salt"]?.string)),
            issuerKeys: try await issuerKeys(person.api), clock: 0)
        device.clock = device.wallet.certificate.issuedAt + 60
        if own > 0 { try await device.lock(own) }
        return device
    }

    static func csr(
        of person: Person, _ key: SigningKey, _ currency: String = "KES",
        isReceiveOnly: Bool = false
    ) throws -> JSON {
        let id = try #require(ID<Person>(person.id))
        let csr = Enrolment(
            publicKey: key.compressed, account: ObjectID(id.high, id.low), time: 1_790_000_000)
        let signed = csr.signed(key.sign(csr.message))
        return [
            "csr": .string(Base64URL.encode(signed.encoded)), "currency": .string(currency),
            "receive_only": .bool(isReceiveOnly),
        ]
    }

    /// The keys that the root vouches for, as a device takes them.
    private static func issuerKeys(_ api: Api) async throws -> [IssuerKey] {
        let published = try await api.expect(200, .get, "/v1/offline/keys")
        let root = try #require(published.object("root"))
        let list = try IssuerKeyList(decoding: try #require(published.object("keys")))
        try #require(SignatureCheck.isGood(list.check(by: root)))
        return list.keys
    }

    private static func certificate(of answer: JSON) throws -> Certificate {
        try Certificate(decoding: try #require(answer.object("certificate")))
    }

    /// The same device in the hands of somebody who has logged in anew.
    mutating func logInAgain() async throws { person = try await person.loggedInAgain() }

    // MARK: Online

    mutating func lock(_ amount: Int64) async throws {
        let answer = try await person.post(
            "/v1/offline/wallets/\(hex)/topups", ["amount": .integer(amount)])
        wallet.renew(try Self.certificate(of: answer))
    }

    /// Shows objects; the answer has one result for each piece of them.
    @discardableResult
    func show(_ objects: [UInt8]...) async throws -> [JSON] { try await show(objects) }

    @discardableResult
    func show(_ objects: [[UInt8]]) async throws -> [JSON] {
        let answer = try await person.post(
            "/v1/offline/objects", ["objects": .objects(objects)], status: 200)
        return answer["results"]?.array ?? []
    }

    /// Shows everything that it has signed and received, and takes a new certificate.
    @discardableResult
    mutating func sync(topUpTo level: Int64? = nil) async throws -> JSON {
        let sent = wallet.outbox.filter { $0.state != .reserved }.flatMap(\.records)
        let received = wallet.received.flatMap(\.path)
        let answer = try await person.post(
            "/v1/offline/sync",
            [
                "wallet": .string(hex),
                "objects": .objects((received + sent).map { $0.encoded }),
                "head": .integer(Int64(wallet.counter)),
                "top_up_to": level.map { .integer($0) } ?? .null,
            ], status: 200)
        if answer.object("certificate") != nil {
            wallet.renew(try Self.certificate(of: answer))
            clock = max(clock, wallet.certificate.issuedAt + 60)
        }
        return answer
    }

    // MARK: Offline

    var world: WorldView {
        WorldView(issuerKeys: issuerKeys, revocations: nil, cheats: [], now: clock)
    }

    mutating func ask(_ amount: UInt32) -> OfflineRequest {
        nonce += 1
        let request = OfflineRequest(
            payee: wallet.certificate, amount: amount, time: clock, nonce: nonce,
            nameSalt: nameSalt, name: name, memo: [])
        wallet.ask(request)
        return request.signed(key.sign(request.message))
    }

    mutating func pay(_ request: OfflineRequest) throws -> OfflinePayment {
        let outgoing = try wallet.reserve(
            request, amount: request.amount, clock: clock, in: world, SignatureCheck.isGood)
        return try finish(outgoing)
    }

    mutating func accept(_ payment: OfflinePayment) throws {
        _ = try wallet.accept(
            payment, amountMax: .max, in: world, SignatureCheck.isGood)
    }

    /// Both phones are here: request, payment, green tick.
    @discardableResult
    mutating func pay(_ amount: UInt32, to payee: inout Device) throws -> OfflinePayment {
        let payment = try pay(payee.ask(amount))
        try payee.accept(payment)
        return payment
    }

    /// Signs that what was received goes to the wallet online.
    mutating func deposit(_ record: ObjectID) throws -> [UInt8] {
        let outgoing = try wallet.deposit(record, request: random(), clock: clock)
        return try finish(outgoing).records.last!.encoded
    }

    /// Signs that own money goes back online.
    mutating func unlock(_ amount: UInt32) throws -> [UInt8] {
        let outgoing = try wallet.unlock(amount, request: random(), clock: clock)
        return try finish(outgoing).records.last!.encoded
    }

    func decline(_ record: ObjectID) -> [UInt8] {
        let decline = Decline(payee: id, time: clock, records: [record])
        return decline.signed(key.sign(decline.message)).encoded
    }

    func acknowledge(_ record: ObjectID) -> [UInt8] {
        let said = Acknowledgement(payee: id, time: clock, records: [record])
        return said.signed(key.sign(said.message)).encoded
    }

    /// A record with nobody's consent, as a changed program would make it.
    func forge(_ change: (inout SpendRecord) -> Void) -> SpendRecord {
        var record = SpendRecord(
            payer: id, payee: .issuer, counter: wallet.counter + 1, amount: 1,
            sourceSpent: wallet.ownSpent + 1, sentTotal: wallet.sentTotal + 1, time: clock,
            hop: 1, source: .none, request: random(), previous: wallet.previous)
        change(&record)
        return record.signed(key.sign(record.message))
    }

    private mutating func finish(
        _ outgoing: OfflineWallet.Outgoing
    ) throws -> OfflinePayment {
        try wallet.sign(
            outgoing.request, outgoing.records.map { key.sign($0.message) },
            SignatureCheck.isGood)
        return try wallet.show(outgoing.request)
    }

    private func random() -> ObjectID {
        ObjectID(.random(in: 1 ... .max), .random(in: 1 ... .max))
    }
}

// MARK: What tests write

extension OfflinePayment {
    var last: SpendRecord { records[records.count - 1] }
}

extension SpendRecord {
    var hex: String { id.hex }
}

extension ObjectID {
    var hex: String { Hex.encode([high, low].flatMap { $0.bytes }) }

    init(hex: String) {
        let bytes = Hex.decode(hex) ?? []
        func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
            bytes.reduce(0) { $0 << 8 | UInt64($1) }
        }
        self.init(word(bytes.prefix(8)), word(bytes.dropFirst(8)))
    }
}

extension UInt64 {
    var bytes: [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> $0) }
    }
}

extension Certificate {
    var walletHex: String { Hex.encode(wallet.number.bytes) }
}

extension SigningKey {
    var compressed: [UInt8] { [2 + publicKey[64] & 1] + publicKey[1..<33] }
}

extension SignatureCheck {
    static func isGood(_ check: SignatureCheck) -> Bool {
        guard let point = CurvePoint.uncompressed(check.publicKey) else { return false }
        do {
            return try VerifyingKey(x963: point)
                .isValid(signature: check.signature, for: check.message)
        } catch {
            return false
        }
    }
}

extension JSON {
    static func objects(_ objects: [[UInt8]]) -> JSON {
        .array(objects.map { .string(Base64URL.encode($0)) })
    }

    /// The bytes of an object of OFP1 that an answer carries.
    func object(_ name: String) -> [UInt8]? {
        self[name]?.string.flatMap { Base64URL.decode($0) }
    }

    var objects: [[UInt8]] { (array ?? []).compactMap { Base64URL.decode($0.string ?? "") } }
    var status: String? { self["status"]?.string }
}

extension Person {
    func loggedInAgain() async throws -> Person {
        let session = try await api.logIn(username)
        return Person(
            api: api, id: id, username: username, phone: phone, email: email,
            token: session["access_token"]?.string ?? "",
            refreshToken: session["refresh_token"]?.string ?? "")
    }

    func upload(_ objects: [UInt8]...) async throws -> [JSON] {
        let answer = try await post(
            "/v1/offline/objects", ["objects": .objects(objects)], status: 200)
        return answer["results"]?.array ?? []
    }

    func fate(of record: SpendRecord) async throws -> JSON {
        try await get("/v1/offline/xfers/\(record.hex)")
    }
}
