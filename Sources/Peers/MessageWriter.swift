/// Lays a message out: numbers in network order, texts after their length.
package struct MessageWriter {
    package private(set) var bytes: [UInt8] = []

    package init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    @inline(__always)
    package mutating func put(_ number: some FixedWidthInteger & BitwiseCopyable) {
        unsafe withUnsafeBytes(of: number.bigEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    package mutating func put(_ flag: Bool) { bytes.append(flag ? 1 : 0) }

    package mutating func put(_ text: String) {
        put(UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }
}

/// Takes a message apart in the order in which it was laid out.
package struct MessageReader {
    private let bytes: [UInt8]
    private var place = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package var isAtEnd: Bool { place == bytes.count }

    @inline(__always)
    package mutating func next<Number: FixedWidthInteger & BitwiseCopyable>(
        _ type: Number.Type = Number.self
    ) throws(MessageError) -> Number {
        let size = MemoryLayout<Number>.size
        guard bytes.count - place >= size else { throw MessageError() }
        defer { place += size }
        return unsafe bytes.withUnsafeBytes {
            unsafe Number(bigEndian: $0.loadUnaligned(fromByteOffset: place, as: Number.self))
        }
    }

    package mutating func flag() throws(MessageError) -> Bool {
        let byte: UInt8 = try next()
        guard byte <= 1 else { throw MessageError() }
        return byte == 1
    }

    package mutating func text() throws(MessageError) -> String {
        let count = Int(try next(UInt32.self))
        guard bytes.count - place >= count,
            let text = String(validating: bytes[place..<place + count], as: UTF8.self)
        else { throw MessageError() }
        place += count
        return text
    }

    /// How many of something follow. Each takes a byte at least, so no count can ask for more
    /// memory than was sent.
    package mutating func count() throws(MessageError) -> Int {
        let count = Int(try next(UInt32.self))
        guard count <= bytes.count - place else { throw MessageError() }
        return count
    }
}

/// The message does not say what its reader expects.
package struct MessageError: Error {
    package init() {}
}
