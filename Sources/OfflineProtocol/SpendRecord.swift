/// One movement of offline value, signed by who pays. The same record pays a person, deposits what
/// was received, and unlocks what was never spent: only the payee and the source differ.
package struct SpendRecord: SignedObject, Equatable, Sendable {
    package static let bytesCount = 150
    package static let tag = ObjectTag.record

    package var payer: WalletID
    /// `WalletID.issuer` for a deposit or an unlock.
    package var payee: WalletID
    /// 1, 2, 3 … for each wallet.
    package var counter: UInt32
    /// Minor units of the certificate's currency.
    package var amount: UInt32
    /// What was drawn from this source so far, this record included.
    package var sourceSpent: UInt32
    /// What this wallet has sent so far, this record included.
    package var sentTotal: UInt32
    /// The payer's clock.
    package var time: UInt32
    /// 1 for own value, otherwise one more than the source's.
    package var hop: UInt8
    /// The received record that is spent; `ObjectID.none` for the payer's own escrow.
    package var source: ObjectID
    package var request: ObjectID
    /// The payer's record before this one; for the first, its first certificate.
    package var previous: ObjectID
    package var signature: [UInt8] = unsigned

    package init(
        payer: WalletID, payee: WalletID, counter: UInt32, amount: UInt32, sourceSpent: UInt32,
        sentTotal: UInt32, time: UInt32, hop: UInt8, source: ObjectID, request: ObjectID,
        previous: ObjectID
    ) {
        self.payer = payer
        self.payee = payee
        self.counter = counter
        self.amount = amount
        self.sourceSpent = sourceSpent
        self.sentTotal = sentTotal
        self.time = time
        self.hop = hop
        self.source = source
        self.request = request
        self.previous = previous
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        guard bytes.count == Self.bytesCount else { throw .wrongLength }
        var reader = ByteReader(bytes)
        try reader.type(.record)
        (payer, payee) = (try reader.wallet(), try reader.wallet())
        counter = try reader.value()
        amount = try reader.value()
        (sourceSpent, sentTotal) = (try reader.value(), try reader.value())
        time = try reader.uint32()
        hop = try reader.uint8()
        guard counter > 0, hop > 0, payer != .issuer else { throw .valueOutOfRange }
        guard amount > 0 else { throw .amountMustBePositive }
        guard sourceSpent >= amount else { throw .sourceSpentBelowAmount }
        guard sentTotal >= sourceSpent else { throw .sentTotalBelowSourceSpent }
        (source, request, previous) = (try reader.id(), try reader.id(), try reader.id())
        signature = try reader.take(SignatureCheck.signatureBytes)
    }

    package var body: [UInt8] {
        var writer = ByteWriter(capacity: Self.bytesCount)
        writer.put(ObjectType.record)
        writer.put(payer)
        writer.put(payee)
        for value in [counter, amount, sourceSpent, sentTotal, time] { writer.put(value) }
        writer.put(hop)
        for id in [source, request, previous] { writer.put(id) }
        return writer.bytes
    }

    package var isOwn: Bool { source == .none }
}
