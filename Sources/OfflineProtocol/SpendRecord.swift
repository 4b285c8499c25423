/// One movement of offline value, signed by who pays. The same record pays a person, deposits what
/// was received, and unlocks what was never spent: only the payee and the source differ.
package struct SpendRecord: SignedObject, Equatable, Sendable {
    package static let bytesCount = 150
    private static let bodyBytes = 86
    package static let tag = ObjectTag.record

    /// The record as it travels, from which its fields are read: one array is quicker to copy than
    /// a dozen fields, and needs a third of the code in a browser.
    package private(set) var encoded: [UInt8]

    package var payer: WalletID {
        get { WalletID(encoded.number(at: 1)) }
        set { encoded.put(newValue.number, at: 1) }
    }

    /// `WalletID.issuer` for a deposit or an unlock.
    package var payee: WalletID {
        get { WalletID(encoded.number(at: 9)) }
        set { encoded.put(newValue.number, at: 9) }
    }

    /// 1, 2, 3 … for each wallet.
    package var counter: UInt32 {
        get { encoded.number(at: 17) }
        set { encoded.put(newValue, at: 17) }
    }

    /// Minor units of the certificate's currency.
    package var amount: UInt32 {
        get { encoded.number(at: 21) }
        set { encoded.put(newValue, at: 21) }
    }

    /// What was drawn from this source so far, this record included.
    package var sourceSpent: UInt32 {
        get { encoded.number(at: 25) }
        set { encoded.put(newValue, at: 25) }
    }

    /// What this wallet has sent so far, this record included.
    package var sentTotal: UInt32 {
        get { encoded.number(at: 29) }
        set { encoded.put(newValue, at: 29) }
    }

    /// The payer's clock.
    package var time: UInt32 {
        get { encoded.number(at: 33) }
        set { encoded.put(newValue, at: 33) }
    }

    /// 1 for own value, otherwise one more than the source's.
    package var hop: UInt8 {
        get { encoded[37] }
        set { encoded[37] = newValue }
    }

    /// The received record that is spent; `ObjectID.none` for the payer's own escrow.
    package var source: ObjectID {
        get { encoded.id(at: 38) }
        set { encoded.put(newValue, at: 38) }
    }

    package var request: ObjectID {
        get { encoded.id(at: 54) }
        set { encoded.put(newValue, at: 54) }
    }

    /// The payer's record before this one; for the first, its first certificate.
    package var previous: ObjectID {
        get { encoded.id(at: 70) }
        set { encoded.put(newValue, at: 70) }
    }

    package var signature: [UInt8] {
        get { Array(encoded[Self.bodyBytes...]) }
        set { encoded.replaceSubrange(Self.bodyBytes..., with: newValue) }
    }

    package init(
        payer: WalletID, payee: WalletID, counter: UInt32, amount: UInt32, sourceSpent: UInt32,
        sentTotal: UInt32, time: UInt32, hop: UInt8, source: ObjectID, request: ObjectID,
        previous: ObjectID
    ) {
        var writer = ByteWriter(capacity: Self.bytesCount)
        writer.put(ObjectType.record)
        writer.put(payer)
        writer.put(payee)
        for value in [counter, amount, sourceSpent, sentTotal, time] { writer.put(value) }
        writer.put(hop)
        for id in [source, request, previous] { writer.put(id) }
        writer.put(unsigned)
        encoded = writer.bytes
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        guard bytes.count == Self.bytesCount else { throw .wrongLength }
        guard bytes[0] == ObjectType.record.rawValue else { throw .unknownType }
        encoded = bytes
        for value in [counter, amount, sourceSpent, sentTotal] where value > .valueMax {
            throw .valueOutOfRange
        }
        guard counter > 0, hop > 0, payer != .issuer else { throw .valueOutOfRange }
        guard amount > 0 else { throw .amountMustBePositive }
        guard sourceSpent >= amount else { throw .sourceSpentBelowAmount }
        guard sentTotal >= sourceSpent else { throw .sentTotalBelowSourceSpent }
    }

    package var body: [UInt8] { Array(encoded[..<Self.bodyBytes]) }

    package var isOwn: Bool { source == .none }
}
