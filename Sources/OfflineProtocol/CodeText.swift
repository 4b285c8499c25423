/// The text of a QR code: `OF:` and a whole object, or `OM:` and one frame of a larger one.
package enum CodeText {
    /// Larger than any object that is shown to a person.
    package static let objectBytesMax = 5_000

    private static let wholePrefix: [UInt8] = [0x4F, 0x46, 0x3A]
    private static let framePrefix: [UInt8] = [0x4F, 0x4D, 0x3A]

    package static func whole(_ object: [UInt8]) -> [UInt8] { wholePrefix + Base45.encode(object) }

    /// What one scanned code holds.
    package enum Content: Equatable {
        case object([UInt8])
        case frame(Frame)
    }

    package static func decode(_ text: [UInt8]) throws(DecodingFault) -> Content {
        guard text.count <= 3 + (objectBytesMax * 3 + 1) / 2 else { throw .wrongLength }
        let (prefix, rest) = (Array(text.prefix(3)), text.dropFirst(3))
        if prefix == wholePrefix { return .object(try Base45.decode(rest)) }
        guard prefix == framePrefix else { throw .unknownType }
        return .frame(try Frame(decoding: try Base45.decode(rest)))
    }

    /// The object in as many frames as it needs, and one more that makes up for any one of them.
    package static func frames(of object: [UInt8]) -> [[UInt8]] {
        precondition((1...objectBytesMax).contains(object.count))
        return Frame.all(of: object).map { framePrefix + Base45.encode($0.encoded) }
    }
}

/// A piece of an object, or the exclusive or of all its pieces.
package struct Frame: Equatable {
    package static let fragmentBytesMax = 300

    /// The first two bytes of the object's SHA-256.
    package let message: UInt16
    /// Pieces without the parity.
    package let count: UInt8
    /// From 0; `count` itself is the parity.
    package let index: UInt8
    package let totalBytes: UInt16
    package let fragment: [UInt8]

    static func all(of object: [UInt8]) -> [Frame] {
        let count = (object.count + fragmentBytesMax - 1) / fragmentBytesMax
        let message = Self.message(of: object)
        let length = pieceBytes(object.count, count)
        var parity = [UInt8](repeating: 0, count: length)
        var frames: [Frame] = []
        for index in 0..<count {
            let piece = Array(object[(index * length)..<min(object.count, (index + 1) * length)])
            for (place, byte) in piece.enumerated() { parity[place] ^= byte }
            frames.append(Frame(message, count, index, object.count, piece))
        }
        return frames + [Frame(message, count, count, object.count, parity)]
    }

    private init(
        _ message: UInt16, _ count: Int, _ index: Int, _ totalBytes: Int, _ fragment: [UInt8]
    ) {
        self.message = message
        self.count = UInt8(count)
        self.index = UInt8(index)
        self.totalBytes = UInt16(totalBytes)
        self.fragment = fragment
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        var reader = ByteReader(bytes)
        message = try reader.uint16()
        (count, index) = (try reader.uint8(), try reader.uint8())
        totalBytes = try reader.uint16()
        let (total, pieces) = (Int(totalBytes), Int(count))
        guard (1...CodeText.objectBytesMax).contains(total),
            pieces == (total + Self.fragmentBytesMax - 1) / Self.fragmentBytesMax, index <= count
        else { throw .valueOutOfRange }
        fragment = try reader.take(reader.remaining)
        let length = Self.pieceBytes(total, pieces)
        let expected =
            index == count ? length : min(length, total - Int(index) * length)
        guard fragment.count == expected else { throw .wrongLength }
    }

    var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 6 + fragment.count)
        writer.put(message)
        writer.put(count)
        writer.put(index)
        writer.put(totalBytes)
        writer.put(fragment)
        return writer.bytes
    }

    static func message(of object: [UInt8]) -> UInt16 {
        UInt16(truncatingIfNeeded: SHA256.digest(object).id.high >> 48)
    }

    /// All pieces are as long as the first but the last, which may be shorter.
    static func pieceBytes(_ total: Int, _ count: Int) -> Int { (total + count - 1) / count }
}

/// Puts an object together from frames that come in any order, again and again, and perhaps of two
/// objects in turn.
package struct FrameAssembler {
    private var pieces: [[UInt8]?] = []
    private var parity: [UInt8]?
    private var latest: Frame?

    package init() {}

    package var framesNeeded: UInt8 { latest?.count ?? 0 }

    package var framesSeen: UInt8 {
        UInt8(pieces.count { $0 != nil }) + (parity == nil ? 0 : 1)
    }

    /// The whole object once any `count` of its `count + 1` frames have come. A frame of another
    /// object begins anew: the camera looks at another screen now.
    package mutating func add(_ frame: Frame) -> [UInt8]? {
        if let latest, !belongsTogether(latest, frame) { self = FrameAssembler() }
        if pieces.isEmpty { pieces = [[UInt8]?](repeating: nil, count: Int(frame.count)) }
        latest = frame
        if frame.index == frame.count {
            parity = frame.fragment
        } else {
            pieces[Int(frame.index)] = frame.fragment
        }
        return assembled(frame)
    }

    private func belongsTogether(_ one: Frame, _ other: Frame) -> Bool {
        one.message == other.message && one.count == other.count
            && one.totalBytes == other.totalBytes
    }

    private func assembled(_ frame: Frame) -> [UInt8]? {
        var known = pieces
        let missing = known.indices.filter { known[$0] == nil }
        if missing.count == 1, var rest = parity {
            for case let piece? in known {
                for (place, byte) in piece.enumerated() { rest[place] ^= byte }
            }
            known[missing[0]] = rest
        } else if !missing.isEmpty {
            return nil
        }
        var object: [UInt8] = []
        for case let piece? in known { object += piece }
        object = Array(object.prefix(Int(frame.totalBytes)))
        // Frames of two objects may be mixed where the first bytes of their hashes agree.
        return Frame.message(of: object) == frame.message ? object : nil
    }
}
