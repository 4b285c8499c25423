/// What a page asks of the protocol: bytes in, bytes out, so that the same questions can be asked
/// of the program for browsers and of the server's, and the answers compared.
package enum ProtocolCall: UInt8, CaseIterable, Sendable {
    /// SHA-256.
    case digest = 1
    /// Decodes an object by its first byte and encodes it again.
    case recode = 2
    /// The sixteen bytes by which objects name each other.
    case identify = 3
    /// What its signature is over.
    case message = 4
    /// `04 ‖ x ‖ y` of a compressed point, as WebCrypto imports keys.
    case decompress = 5
    case encodeBase45 = 6
    case decodeBase45 = 7
    /// Two records: the number of the predicate by which they conflict, or 0.
    case conflict = 8
    /// The six digits of an id that both people compare.
    case code = 9
    /// A salt of sixteen bytes and a name: the tag in a certificate.
    case nameTag = 10
    /// The text of a QR code that holds a whole object.
    case text = 11
    /// The texts of the frames of a larger one, each as a field.
    case frames = 12
    /// Scanned texts, each as a field: the object, nothing while it is not whole, then how many
    /// frames have come and how many it takes.
    case assemble = 13

    /// The first byte of an answer: 0 before what was asked for, 1 before the fault's name.
    package static let good: UInt8 = 0
    package static let refused: UInt8 = 1

    package func answer(_ input: [UInt8]) -> [UInt8] {
        do throws(DecodingFault) {
            return [Self.good] + (try result(input))
        } catch {
            return [Self.refused] + error.name.octets
        }
    }

    private func result(_ input: [UInt8]) throws(DecodingFault) -> [UInt8] {
        switch self {
        case .digest: return SHA256.digest(input).bytes
        case .recode: return try WireObject(decoding: input).encoded
        case .identify:
            guard let message = try WireObject(decoding: input).message else { throw .unknownType }
            return SHA256.digest(message).id.bytes
        case .message:
            guard let message = try WireObject(decoding: input).message else { throw .unknownType }
            return message
        case .decompress:
            guard let point = CurvePoint.uncompressed(input) else { throw .pointNotOnCurve }
            return point
        case .encodeBase45: return Base45.encode(input)
        case .decodeBase45: return try Base45.decode(input)
        case .conflict:
            var reader = ByteReader(input)
            let first = try SpendRecord(decoding: try reader.take(SpendRecord.bytesCount))
            let second = try SpendRecord(decoding: try reader.take(SpendRecord.bytesCount))
            try reader.end()
            return [Conflict(first, second)?.rawValue ?? 0]
        case .code:
            var reader = ByteReader(input)
            let id = try reader.id()
            try reader.end()
            return id.code
        case .nameTag:
            var reader = ByteReader(input)
            let salt = try reader.id()
            let name = try reader.take(reader.remaining)
            return Certificate.nameTag(salt: salt, name: name).bytes
        case .text: return CodeText.whole(input)
        case .frames:
            guard (1...CodeText.objectBytesMax).contains(input.count) else { throw .wrongLength }
            var writer = ByteWriter(capacity: 2 * input.count)
            for text in CodeText.frames(of: input) { writer.put(field: text) }
            return writer.bytes
        case .assemble: return try Self.assembled(input)
        }
    }

    private static func assembled(_ texts: [UInt8]) throws(DecodingFault) -> [UInt8] {
        var (reader, assembler) = (ByteReader(texts), FrameAssembler())
        var object: [UInt8]?
        while object == nil, reader.remaining > 0 {
            switch try CodeText.decode(try reader.field()) {
            case .object(let whole): object = whole
            case .frame(let frame): object = assembler.add(frame)
            }
        }
        var writer = ByteWriter(capacity: 512)
        writer.put(field: object ?? [])
        writer.put(assembler.framesSeen)
        writer.put(assembler.framesNeeded)
        return writer.bytes
    }
}

/// Any object of OFP1, told by its first byte.
private struct WireObject {
    let encoded: [UInt8]
    /// Nil for what nobody signs as a whole.
    let message: [UInt8]?

    init(decoding bytes: [UInt8]) throws(DecodingFault) {
        switch ObjectType(rawValue: bytes.first ?? 0) {
        case .certificate: self.init(try Certificate(decoding: bytes))
        case .record: self.init(try SpendRecord(decoding: bytes))
        case .request: self.init(try OfflineRequest(decoding: bytes))
        case .acknowledgement: self.init(try Acknowledgement(decoding: bytes))
        case .decline: self.init(try Decline(decoding: bytes))
        case .receipt: self.init(try OfflineReceipt(decoding: bytes))
        case .revocations: self.init(try RevocationList(decoding: bytes))
        case .issuerKeys: self.init(try IssuerKeyList(decoding: bytes))
        case .payment: self.init(try OfflinePayment(decoding: bytes).encoded, message: nil)
        case .fraudProof: self.init(try FraudProof(decoding: bytes).encoded, message: nil)
        case nil: self.init(try Enrolment(decoding: bytes))
        }
    }

    private init(_ object: some SignedObject) {
        self.init(object.encoded, message: object.message)
    }

    private init(_ encoded: [UInt8], message: [UInt8]?) {
        self.encoded = encoded
        self.message = message
    }
}
