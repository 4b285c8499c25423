// What is said about payments: received, declined, cheated with, revoked, settled, enrolled.

/// A payee's word that these records arrived, or will never be claimed.
package struct Acknowledgement: SignedObject, Equatable, Sendable {
    package static let recordsMax = 64
    package static let tag = ObjectTag.acknowledgement

    package var payee: WalletID
    package var time: UInt32
    package var records: [ObjectID]
    package var signature: [UInt8] = unsigned

    package init(payee: WalletID, time: UInt32, records: [ObjectID]) {
        self.payee = payee
        self.time = time
        self.records = records
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        let parts = try PayeeStatement(decoding: bytes, .acknowledgement)
        (payee, time, records) = (parts.payee, parts.time, parts.records)
        signature = parts.signature
    }

    package var body: [UInt8] { PayeeStatement.body(.acknowledgement, payee, time, records) }
}

/// The payee gives a record up, so that its money goes back to the payer at once.
package struct Decline: SignedObject, Equatable, Sendable {
    package static let tag = ObjectTag.decline

    package var payee: WalletID
    package var time: UInt32
    package var records: [ObjectID]
    package var signature: [UInt8] = unsigned

    package init(payee: WalletID, time: UInt32, records: [ObjectID]) {
        self.payee = payee
        self.time = time
        self.records = records
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        let parts = try PayeeStatement(decoding: bytes, .decline)
        (payee, time, records) = (parts.payee, parts.time, parts.records)
        signature = parts.signature
    }

    package var body: [UInt8] { PayeeStatement.body(.decline, payee, time, records) }
}

/// The layout that acknowledgement and decline share.
private struct PayeeStatement {
    let payee: WalletID
    let time: UInt32
    let records: [ObjectID]
    let signature: [UInt8]

    init(decoding bytes: [UInt8], _ type: ObjectType) throws(DecodingFault) {
        var reader = ByteReader(bytes)
        try reader.type(type)
        (payee, time) = (try reader.wallet(), try reader.uint32())
        let count = Int(try reader.uint8())
        guard (1...Acknowledgement.recordsMax).contains(count), payee != .issuer
        else { throw .valueOutOfRange }
        var records: [ObjectID] = []
        for _ in 0..<count { records.append(try reader.id()) }
        self.records = records
        signature = try reader.take(SignatureCheck.signatureBytes)
        try reader.end()
    }

    static func body(
        _ type: ObjectType, _ payee: WalletID, _ time: UInt32, _ records: [ObjectID]
    ) -> [UInt8] {
        var writer = ByteWriter(capacity: 14 + 16 * records.count)
        writer.put(type)
        writer.put(payee)
        writer.put(time)
        writer.put(UInt8(records.count))
        for record in records { writer.put(record) }
        return writer.bytes
    }
}

/// Two records of one wallet that no honest wallet signs both of. Whoever has the issuer's key can
/// check it: a revocation that needs no issuer.
package struct FraudProof: Equatable, Sendable {
    package static let bytesCount = 460

    package let conflict: Conflict
    package let certificate: Certificate
    package let first: SpendRecord
    package let second: SpendRecord

    /// Nil unless the two records conflict and the certificate is of who signed them.
    package init?(certificate: Certificate, _ one: SpendRecord, _ other: SpendRecord) {
        let (first, second) = Conflict.ordered(one, other)
        guard let conflict = Conflict(first, second), certificate.wallet == first.payer
        else { return nil }
        self.conflict = conflict
        self.certificate = certificate
        self.first = first
        self.second = second
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        guard bytes.count == Self.bytesCount else { throw .wrongLength }
        var reader = ByteReader(bytes)
        try reader.type(.fraudProof)
        let kind = try reader.uint8()
        let certificate = try Certificate(decoding: try reader.take(Certificate.bytesCount))
        let first = try SpendRecord(decoding: try reader.take(SpendRecord.bytesCount))
        let second = try SpendRecord(decoding: try reader.take(SpendRecord.bytesCount))
        guard let proof = FraudProof(certificate: certificate, first, second),
            proof.first == first, proof.second == second, proof.conflict.rawValue == kind
        else { throw .chainInvalid }
        self = proof
    }

    package var encoded: [UInt8] {
        [ObjectType.fraudProof.rawValue, conflict.rawValue] + certificate.encoded + first.encoded
            + second.encoded
    }

    /// Whether the issuer certified the wallet and the wallet signed both records.
    package func holds(issuerKey: [UInt8], _ verify: Verify) -> Bool {
        verify(certificate.check(by: issuerKey))
            && verify(first.check(by: certificate.publicKey))
            && verify(second.check(by: certificate.publicKey))
    }
}

/// The wallets whose records nobody should accept any more.
package struct RevocationList: SignedObject, Equatable, Sendable {
    package static let tag = ObjectTag.revocations

    package var issuerKey: UInt8
    package var issuedAt: UInt32
    package var nextUpdate: UInt32
    /// In ascending order, each once.
    package var wallets: [WalletID]
    package var signature: [UInt8] = unsigned

    package init(issuerKey: UInt8, issuedAt: UInt32, nextUpdate: UInt32, wallets: [WalletID]) {
        self.issuerKey = issuerKey
        self.issuedAt = issuedAt
        self.nextUpdate = nextUpdate
        self.wallets = wallets
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        var reader = ByteReader(bytes)
        try reader.type(.revocations)
        issuerKey = try reader.uint8()
        (issuedAt, nextUpdate) = (try reader.uint32(), try reader.uint32())
        let count = Int(try reader.uint16())
        guard reader.remaining == 8 * count + SignatureCheck.signatureBytes
        else { throw .wrongLength }
        var wallets: [WalletID] = []
        for _ in 0..<count {
            let wallet = try reader.wallet()
            guard wallet > wallets.last ?? .issuer else { throw .notSorted }
            wallets.append(wallet)
        }
        self.wallets = wallets
        signature = try reader.take(SignatureCheck.signatureBytes)
    }

    package var body: [UInt8] {
        var writer = ByteWriter(capacity: 12 + 8 * wallets.count)
        writer.put(ObjectType.revocations)
        writer.put(issuerKey)
        writer.put(issuedAt)
        writer.put(nextUpdate)
        writer.put(UInt16(wallets.count))
        for wallet in wallets { writer.put(wallet) }
        return writer.bytes
    }

    package func contains(_ wallet: WalletID) -> Bool {
        var (low, high) = (0, wallets.count)
        while low < high {
            let middle = (low + high) / 2
            if wallets[middle] < wallet { low = middle + 1 } else { high = middle }
        }
        return low < wallets.count && wallets[low] == wallet
    }
}

/// The issuer's word on what became of a record.
package struct OfflineReceipt: SignedObject, Equatable, Sendable {
    package static let bytesCount = 99
    package static let tag = ObjectTag.receipt

    package enum Status: UInt8, Sendable {
        case settled = 1
        /// Paid in full with the help of the guarantee.
        case guaranteed = 2
        /// Paid in part; the rest is a claim on who overspent.
        case short = 3
        case declined = 4
        case refunded = 5
    }

    package var issuerKey: UInt8
    package var record: ObjectID
    package var status: Status
    /// Minor units that were paid.
    package var covered: UInt32
    package var logIndex: UInt64
    package var time: UInt32
    package var signature: [UInt8] = unsigned

    package init(
        issuerKey: UInt8, record: ObjectID, status: Status, covered: UInt32, logIndex: UInt64,
        time: UInt32
    ) {
        self.issuerKey = issuerKey
        self.record = record
        self.status = status
        self.covered = covered
        self.logIndex = logIndex
        self.time = time
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        guard bytes.count == Self.bytesCount else { throw .wrongLength }
        var reader = ByteReader(bytes)
        try reader.type(.receipt)
        issuerKey = try reader.uint8()
        record = try reader.id()
        guard let status = Status(rawValue: try reader.uint8()) else { throw .valueOutOfRange }
        self.status = status
        covered = try reader.value()
        (logIndex, time) = (try reader.uint64(), try reader.uint32())
        signature = try reader.take(SignatureCheck.signatureBytes)
    }

    package var body: [UInt8] {
        var writer = ByteWriter(capacity: Self.bytesCount)
        writer.put(ObjectType.receipt)
        writer.put(issuerKey)
        writer.put(record)
        writer.put(status.rawValue)
        writer.put(covered)
        writer.put(logIndex)
        writer.put(time)
        return writer.bytes
    }
}

/// A device's request for a wallet, signed with the wallet's own key. It is kept for ever: it shows
/// that the key is the person's and not one that the operator made.
package struct Enrolment: SignedObject, Equatable, Sendable {
    package static let bytesCount = 117
    package static let tag = ObjectTag.enrolment

    package var publicKey: [UInt8]
    /// The sixteen bytes of the person's id.
    package var account: ObjectID
    package var time: UInt32
    package var signature: [UInt8] = unsigned

    package init(publicKey: [UInt8], account: ObjectID, time: UInt32) {
        precondition(publicKey.count == CurvePoint.compressedBytes)
        self.publicKey = publicKey
        self.account = account
        self.time = time
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        guard bytes.count == Self.bytesCount else { throw .wrongLength }
        var reader = ByteReader(bytes)
        publicKey = try reader.take(CurvePoint.compressedBytes)
        guard CurvePoint.isValid(publicKey) else { throw .pointNotOnCurve }
        account = try reader.id()
        time = try reader.uint32()
        signature = try reader.take(SignatureCheck.signatureBytes)
    }

    /// Without a type byte, as the protocol lays it down; a key begins with 2 or 3, which is no
    /// object's type.
    package var body: [UInt8] {
        var writer = ByteWriter(capacity: Self.bytesCount)
        writer.put(publicKey)
        writer.put(account)
        writer.put(time)
        return writer.bytes
    }
}
