/// What names a wallet key: eight random bytes chosen by the server, unique for ever.
package struct WalletID: Hashable, Comparable, Sendable {
    package let number: UInt64

    package init(_ number: UInt64) { self.number = number }

    /// The operator: who receives deposits and unlocked money. No wallet has this id.
    package static let issuer = WalletID(0)

    package static func < (left: WalletID, right: WalletID) -> Bool {
        left.number < right.number
    }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 8)
        writer.put(self)
        return writer.bytes
    }
}

/// SHA-256 of an object's tag and body.
///
/// The signature is left out on purpose: ECDSA is randomised and malleable, so two signatures on
/// one body are the same object, not two.
package struct Digest: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    init(words: InlineArray<8, UInt32>) {
        func pair(_ index: Int) -> UInt64 { UInt64(words[index]) << 32 | UInt64(words[index + 1]) }
        self.words = (pair(0), pair(2), pair(4), pair(6))
    }

    /// The first half, by which objects name each other.
    package var id: ObjectID { ObjectID(words.0, words.1) }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 32)
        for word in [words.0, words.1, words.2, words.3] { writer.put(word) }
        return writer.bytes
    }

    package static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
    }
}

/// The first 16 bytes of an object's digest.
package struct ObjectID: Hashable, Comparable, Sendable {
    package let high: UInt64
    package let low: UInt64

    package init(_ high: UInt64, _ low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Sixteen zero bytes: the payer's own escrow, where a record names its source.
    package static let none = ObjectID(0, 0)

    package static func < (left: ObjectID, right: ObjectID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    package var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 16)
        writer.put(self)
        return writer.bytes
    }

    /// Six digits that both people see and compare: a check of delivery, not of security.
    package var code: [UInt8] {
        var hash = SHA256()
        hash.update(ObjectTag.code.bytes)
        hash.update(bytes)
        var number = hash.finish().id.high
        var digits = [UInt8](repeating: 0, count: 6)
        for index in digits.indices.reversed() {
            digits[index] = UInt8(ascii: "0") + UInt8(number % 10)
            number /= 10
        }
        return digits
    }
}

/// Separates the purposes of signatures: what is signed as one kind of object is none of another.
package enum ObjectTag {
    case certificate, record, request, acknowledgement, decline, enrolment, revocations, receipt
    case issuerKeys, code

    var bytes: [UInt8] {
        let name =
            switch self {
            case .certificate: "OFP1/CERT"
            case .record: "OFP1/XFER"
            case .request: "OFP1/REQ"
            case .acknowledgement: "OFP1/ACK"
            case .decline: "OFP1/DECL"
            case .enrolment: "OFP1/CSR"
            case .revocations: "OFP1/CRL"
            case .receipt: "OFP1/RCPT"
            case .issuerKeys: "OFP1/KEYS"
            case .code: "OFP1/CODE"
            }
        return name.octets + [0]
    }
}
