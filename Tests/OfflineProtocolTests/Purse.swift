import Cryptography
import OfflineProtocol
import Testing

/// An issuer of the tests' own.
struct Issuer {
    let key = SigningKey.generate()

    static let number: UInt8 = 1
    static let currency: UInt16 = 404
    /// Some moment; time moves only where a test says so.
    static let start: UInt32 = 1_790_000_000

    var issuerKey: IssuerKey {
        IssuerKey(
            number: Self.number, publicKey: key.compressed, notBefore: 0, notAfter: .max)
    }

    func world(at now: UInt32 = start + 60) -> WorldView {
        WorldView(issuerKeys: [issuerKey], revocations: nil, cheats: [], now: now)
    }

    func certify(
        _ wallet: UInt64, _ key: SigningKey, name: String, own: UInt32 = 1_000,
        change: (inout Certificate) -> Void = { _ in }
    ) -> Certificate {
        var certificate = Certificate(
            issuerKey: Self.number, wallet: WalletID(wallet), currency: Self.currency,
            ownLimit: own, outLimit: own + 1_000, perTransfer: 800, guarantee: 500,
            counterMax: 40, issuedAt: Self.start, expiresAt: Self.start + 7 * 86_400,
            graceHours: 72, hopsMax: 3, flags: .init(tier: 1), publicKey: key.compressed,
            nameTag: Certificate.nameTag(salt: Purse.salt, name: Array(name.utf8)))
        change(&certificate)
        return certificate.signed(self.key.sign(certificate.message))
    }
}

extension SigningKey {
    var compressed: [UInt8] { [2 + publicKey[64] & 1] + publicKey[1..<33] }
}

/// A wallet together with its key, as a device has them.
struct Purse {
    static let salt = ObjectID(1, 2)

    let key = SigningKey.generate()
    let name: String
    let issuer: Issuer
    var wallet: OfflineWallet
    private var nonce: UInt64 = 0

    init(
        _ number: UInt64, of issuer: Issuer, own: UInt32 = 1_000,
        change: (inout Certificate) -> Void = { _ in }
    ) {
        name = "Wallet \(number)"
        self.issuer = issuer
        wallet = OfflineWallet(
            issuer.certify(number, key, name: name, own: own, change: change))
    }

    /// A request that is noted and shown.
    mutating func ask(_ amount: UInt32, at now: UInt32 = Issuer.start + 60) -> OfflineRequest {
        nonce += 1
        let request = OfflineRequest(
            payee: wallet.certificate, amount: amount, time: now, nonce: nonce,
            nameSalt: Self.salt, name: Array(name.utf8), memo: [])
        wallet.ask(request)
        return request.signed(key.sign(request.message))
    }

    mutating func pay(
        _ request: OfflineRequest, amount: UInt32? = nil, at now: UInt32 = Issuer.start + 60,
        in world: WorldView? = nil
    ) throws -> OfflinePayment {
        let outgoing = try wallet.reserve(
            request, amount: amount ?? request.amount, clock: now,
            in: world ?? issuer.world(at: now), OpenSSLVerify.isGood)
        return try finish(outgoing)
    }

    mutating func finish(_ outgoing: OfflineWallet.Outgoing) throws -> OfflinePayment {
        try wallet.sign(
            outgoing.request, outgoing.records.map { key.sign($0.message) },
            OpenSSLVerify.isGood)
        return try wallet.show(outgoing.request)
    }

    @discardableResult
    mutating func accept(
        _ payment: OfflinePayment, at now: UInt32 = Issuer.start + 120, max: UInt32 = 10_000,
        in world: WorldView? = nil
    ) throws -> Acceptance {
        try wallet.accept(
            payment, amountMax: max, in: world ?? issuer.world(at: now), OpenSSLVerify.isGood)
    }
}
