/// What the issuer says of a wallet key: whose it is, how much it may spend, what is guaranteed.
///
/// Limits are cumulative over the life of the wallet id. A new certificate only raises them, so a
/// lost answer, a retry, or an old certificate from a cache does no harm.
package struct Certificate: SignedObject, Equatable, Sendable {
    package static let bytesCount = 158
    package static let tag = ObjectTag.certificate

    package var issuerKey: UInt8
    package var wallet: WalletID
    /// ISO 4217, the numeric code.
    package var currency: UInt16
    /// Minor units ever locked for this wallet.
    package var ownLimit: UInt32
    /// Minor units that it may ever send, its own and received ones together.
    package var outLimit: UInt32
    /// Minor units that one record may move.
    package var perTransfer: UInt32
    /// Minor units that the issuer covers for honest holders when this wallet cheats.
    package var guarantee: UInt32
    package var counterMax: UInt32
    /// Seconds since 1970, as all times of the protocol.
    package var issuedAt: UInt32
    package var expiresAt: UInt32
    package var graceHours: UInt16
    /// 1: what this wallet sends cannot be passed on.
    package var hopsMax: UInt8
    package var flags: Flags
    package var algorithm: UInt8
    /// P-256, compressed.
    package var publicKey: [UInt8]
    /// The first half of SHA-256 of a salt and the owner's name.
    package var nameTag: ObjectID
    package var signature: [UInt8] = unsigned

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
        self.issuerKey = issuerKey
        self.wallet = wallet
        self.currency = currency
        self.ownLimit = ownLimit
        self.outLimit = outLimit
        self.perTransfer = perTransfer
        self.guarantee = guarantee
        self.counterMax = counterMax
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
        self.graceHours = graceHours
        self.hopsMax = hopsMax
        self.flags = flags
        algorithm = Self.algorithmES256
        self.publicKey = publicKey
        self.nameTag = nameTag
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        guard bytes.count == Self.bytesCount else { throw .wrongLength }
        var reader = ByteReader(bytes)
        try reader.type(.certificate)
        issuerKey = try reader.uint8()
        wallet = try reader.wallet()
        guard issuerKey > 0, wallet != .issuer else { throw .valueOutOfRange }
        currency = try reader.uint16()
        (ownLimit, outLimit) = (try reader.value(), try reader.value())
        (perTransfer, guarantee) = (try reader.value(), try reader.value())
        counterMax = try reader.value()
        (issuedAt, expiresAt) = (try reader.uint32(), try reader.uint32())
        graceHours = try reader.uint16()
        (hopsMax, flags) = (try reader.uint8(), Flags(byte: try reader.uint8()))
        algorithm = try reader.uint8()
        publicKey = try reader.take(CurvePoint.compressedBytes)
        guard CurvePoint.isValid(publicKey) else { throw .pointNotOnCurve }
        nameTag = try reader.id()
        signature = try reader.take(SignatureCheck.signatureBytes)
    }

    package var body: [UInt8] {
        var writer = ByteWriter(capacity: Self.bytesCount)
        writer.put(ObjectType.certificate)
        writer.put(issuerKey)
        writer.put(wallet)
        writer.put(currency)
        for value in [
            ownLimit, outLimit, perTransfer, guarantee, counterMax, issuedAt, expiresAt,
        ] { writer.put(value) }
        writer.put(graceHours)
        for byte in [hopsMax, flags.byte, algorithm] { writer.put(byte) }
        writer.put(publicKey)
        writer.put(nameTag)
        return writer.bytes
    }

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
