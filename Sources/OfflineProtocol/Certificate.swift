/// What the issuer says of a wallet key: whose it is, how much it may spend, what is guaranteed.
///
/// Limits are cumulative over the life of the wallet id. A new certificate only raises them, so a
/// lost answer, a retry, or an old certificate from a cache does no harm.
package struct Certificate: SignedObject, Equatable, Sendable {
    package static let bytesCount = 158
    private static let bodyBytes = 94
    package static let tag = ObjectTag.certificate

    /// The certificate as it travels, from which its fields are read; as in `SpendRecord`.
    package private(set) var encoded: [UInt8]

    package var issuerKey: UInt8 {
        get { encoded[1] }
        set { encoded[1] = newValue }
    }

    package var wallet: WalletID {
        get { WalletID(encoded.number(at: 2)) }
        set { encoded.put(newValue.number, at: 2) }
    }

    /// ISO 4217, the numeric code.
    package var currency: UInt16 {
        get { encoded.number(at: 10) }
        set { encoded.put(newValue, at: 10) }
    }

    /// Minor units ever locked for this wallet.
    package var ownLimit: UInt32 {
        get { encoded.number(at: 12) }
        set { encoded.put(newValue, at: 12) }
    }

    /// Minor units that it may ever send, its own and received ones together.
    package var outLimit: UInt32 {
        get { encoded.number(at: 16) }
        set { encoded.put(newValue, at: 16) }
    }

    /// Minor units that one record may move.
    package var perTransfer: UInt32 {
        get { encoded.number(at: 20) }
        set { encoded.put(newValue, at: 20) }
    }

    /// Minor units that the issuer covers for honest holders when this wallet cheats.
    package var guarantee: UInt32 {
        get { encoded.number(at: 24) }
        set { encoded.put(newValue, at: 24) }
    }

    package var counterMax: UInt32 {
        get { encoded.number(at: 28) }
        set { encoded.put(newValue, at: 28) }
    }

    /// Seconds since 1970, as all times of the protocol.
    package var issuedAt: UInt32 {
        get { encoded.number(at: 32) }
        set { encoded.put(newValue, at: 32) }
    }

    package var expiresAt: UInt32 {
        get { encoded.number(at: 36) }
        set { encoded.put(newValue, at: 36) }
    }

    package var graceHours: UInt16 {
        get { encoded.number(at: 40) }
        set { encoded.put(newValue, at: 40) }
    }

    /// 1: what this wallet sends cannot be passed on.
    package var hopsMax: UInt8 {
        get { encoded[42] }
        set { encoded[42] = newValue }
    }

    package var flags: Flags {
        get { Flags(byte: encoded[43]) }
        set { encoded[43] = newValue.byte }
    }

    package var algorithm: UInt8 {
        get { encoded[44] }
        set { encoded[44] = newValue }
    }

    /// P-256, compressed.
    package var publicKey: [UInt8] {
        get { Array(encoded[45..<78]) }
        set { encoded.replaceSubrange(45..<78, with: newValue) }
    }

    /// The first half of SHA-256 of a salt and the owner's name.
    package var nameTag: ObjectID {
        get { encoded.id(at: 78) }
        set { encoded.put(newValue, at: 78) }
    }

    package var signature: [UInt8] {
        get { Array(encoded[Self.bodyBytes...]) }
        set { encoded.replaceSubrange(Self.bodyBytes..., with: newValue) }
    }

    /// ECDSA by WebCrypto or any other software. 2 is kept for WebAuthn.
    package static let algorithmES256: UInt8 = 1

    /// Bits 0 to 2 the tier, bit 3 receive-only, bit 4 a key in hardware.
    package struct Flags: Equatable, Sendable {
        package let byte: UInt8

        package init(byte: UInt8) { self.byte = byte }

        package init(tier: UInt8, isReceiveOnly: Bool = false, isHardware: Bool = false) {
            byte = tier & 7 | (isReceiveOnly ? 8 : 0) | (isHardware ? 16 : 0)
        }

        package var tier: UInt8 { byte & 7 }
        package var isReceiveOnly: Bool { byte & 8 != 0 }
        package var isHardware: Bool { byte & 16 != 0 }
    }

    package init(
        issuerKey: UInt8, wallet: WalletID, currency: UInt16, ownLimit: UInt32, outLimit: UInt32,
        perTransfer: UInt32, guarantee: UInt32, counterMax: UInt32, issuedAt: UInt32,
        expiresAt: UInt32, graceHours: UInt16, hopsMax: UInt8, flags: Flags,
        publicKey: [UInt8], nameTag: ObjectID
    ) {
        precondition(publicKey.count == CurvePoint.compressedBytes)
        var writer = ByteWriter(capacity: Self.bytesCount)
        writer.put(ObjectType.certificate)
        writer.put(issuerKey)
        writer.put(wallet)
        writer.put(currency)
        for value in [
            ownLimit, outLimit, perTransfer, guarantee, counterMax, issuedAt, expiresAt,
        ] { writer.put(value) }
        writer.put(graceHours)
        for byte in [hopsMax, flags.byte, Self.algorithmES256] { writer.put(byte) }
        writer.put(publicKey)
        writer.put(nameTag)
        writer.put(unsigned)
        encoded = writer.bytes
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        guard bytes.count == Self.bytesCount else { throw .wrongLength }
        guard bytes[0] == ObjectType.certificate.rawValue else { throw .unknownType }
        encoded = bytes
        guard issuerKey > 0, wallet != .issuer else { throw .valueOutOfRange }
        for value in [ownLimit, outLimit, perTransfer, guarantee, counterMax]
        where value > .valueMax { throw .valueOutOfRange }
        guard CurvePoint.isValid(publicKey) else { throw .pointNotOnCurve }
    }

    package var body: [UInt8] { Array(encoded[..<Self.bodyBytes]) }

    /// Until when what this wallet sent may be claimed.
    package var claimBy: UInt64 { UInt64(expiresAt) + 3600 * UInt64(graceHours) }

    /// The tag of a name, which shows that the issuer has attested it.
    package static func nameTag(salt: ObjectID, name: [UInt8]) -> ObjectID {
        var writer = ByteWriter(capacity: 16 + name.count)
        writer.put(salt)
        writer.put(name)
        return SHA256.digest(writer.bytes).id
    }
}
