/// One item of CBOR (RFC 8949) in the canonical form of CTAP2, in which authenticators write.
///
/// There is exactly one spelling of every value, and what WebAuthn has no use for (tags, floating
/// point, indefinite lengths) is no value here.
package enum CBOR: Sendable, Equatable {
    case integer(Int64)
    case bytes([UInt8])
    case text(String)
    case array([CBOR])
    case map([Member])
    case bool(Bool)
    case null

    package struct Member: Sendable, Equatable {
        package let key: CBOR
        package let value: CBOR
    }

    /// Larger than any attestation that is accepted here.
    package static let bytesMax = 16 * 1024
    /// What CTAP2 section 6 allows a message to nest.
    package static let depthMax = 4
    /// Items in one text, nested ones included.
    package static let itemsMax = 256

    /// Reads bytes that are one item and nothing else.
    package init(parsing bytes: [UInt8]) throws(CBORError) {
        var reader = try CBORReader(bytes, from: 0)
        self = try reader.item()
        guard reader.position == bytes.count else { throw .trailingBytes }
    }

    /// Reads the item that begins at `start`, and tells where it ends.
    package static func first(
        in bytes: [UInt8], from start: Int
    ) throws(CBORError) -> (item: CBOR, end: Int) {
        var reader = try CBORReader(bytes, from: start)
        let item = try reader.item()
        return (item, reader.position)
    }
}

/// Why bytes are no canonical CBOR.
package enum CBORError: String, Error, CaseIterable {
    case tooLong = "too_long"
    case unexpectedEnd = "unexpected_end"
    case trailingBytes = "trailing_bytes"
    case tooDeep = "too_deep"
    case tooManyItems = "too_many_items"
    case indefiniteLength = "indefinite_length"
    case notShortest = "not_shortest"
    case integerTooLarge = "integer_too_large"
    case notUTF8 = "not_utf8"
    case keyNotAllowed = "key_not_allowed"
    case duplicateKey = "duplicate_key"
    case keysNotSorted = "keys_not_sorted"
    case typeNotAllowed = "type_not_allowed"
}

extension CBOR {
    package var integer: Int64? {
        guard case .integer(let value) = self else { return nil }
        return value
    }

    package var bytes: [UInt8]? {
        guard case .bytes(let value) = self else { return nil }
        return value
    }

    package var text: String? {
        guard case .text(let value) = self else { return nil }
        return value
    }

    package var members: [Member]? {
        guard case .map(let members) = self else { return nil }
        return members
    }

    /// The value of that key, or nil when this is no map or lacks it.
    package subscript(key: Int64) -> CBOR? { members?.first { $0.key == .integer(key) }?.value }
    package subscript(key: String) -> CBOR? { members?.first { $0.key == .text(key) }?.value }
}

/// Walks over bytes and never allots more than they can hold.
private struct CBORReader {
    private let bytes: [UInt8]
    private(set) var position: Int
    private var itemsLeft = CBOR.itemsMax

    private enum Major: UInt8 {
        case unsigned, negative, bytes, text, array, map, tag, simple
    }

    init(_ bytes: [UInt8], from start: Int) throws(CBORError) {
        guard bytes.count <= CBOR.bytesMax else { throw .tooLong }
        self.bytes = bytes
        position = start
    }

    mutating func item(depth: Int = 0) throws(CBORError) -> CBOR {
        guard itemsLeft > 0 else { throw .tooManyItems }
        itemsLeft -= 1
        let first = try byte()
        guard let major = Major(rawValue: first >> 5) else { throw .typeNotAllowed }
        let low = first & 0x1F
        switch major {
        case .unsigned: return .integer(try integer(low))
        // −1 − n, which fits whenever n does.
        case .negative: return .integer(-1 - (try integer(low)))
        case .bytes: return .bytes(Array(try take(length(low))))
        case .text: return .text(try text(length(low)))
        case .array: return .array(try array(length(low), depth: depth + 1))
        case .map: return .map(try map(length(low), depth: depth + 1))
        case .tag: throw .typeNotAllowed
        case .simple: return try simple(low)
        }
    }

    // MARK: Containers

    private mutating func array(_ count: Int, depth: Int) throws(CBORError) -> [CBOR] {
        guard depth <= CBOR.depthMax else { throw .tooDeep }
        var elements: [CBOR] = []
        for _ in 0..<count { elements.append(try item(depth: depth)) }
        return elements
    }

    private mutating func map(_ count: Int, depth: Int) throws(CBORError) -> [CBOR.Member] {
        guard depth <= CBOR.depthMax else { throw .tooDeep }
        var members: [CBOR.Member] = []
        var previous: ArraySlice<UInt8> = []
        for _ in 0..<count {
            let start = position
            let key = try item(depth: depth)
            guard key.integer != nil || key.text != nil else { throw .keyNotAllowed }
            let spelling = bytes[start..<position]
            try follow(previous, spelling)
            previous = spelling
            members.append(CBOR.Member(key: key, value: try item(depth: depth)))
        }
        return members
    }

    /// Keys of a lower type first, shorter ones before longer ones, then byte by byte.
    private func follow(
        _ previous: ArraySlice<UInt8>, _ next: ArraySlice<UInt8>
    ) throws(CBORError) {
        guard let before = previous.first, let after = next.first else { return }
        let (majorBefore, majorAfter) = (before >> 5, after >> 5)
        guard majorBefore == majorAfter else {
            if majorBefore > majorAfter { throw .keysNotSorted }
            return
        }
        guard previous.count == next.count else {
            if previous.count > next.count { throw .keysNotSorted }
            return
        }
        if previous == next { throw .duplicateKey }
        guard previous.lexicographicallyPrecedes(next) else { throw .keysNotSorted }
    }

    // MARK: Scalars

    private mutating func text(_ count: Int) throws(CBORError) -> String {
        let utf8 = Array(try take(count))
        do { _ = try UTF8Span(validating: utf8.span) } catch { throw .notUTF8 }
        return String(decoding: utf8, as: UTF8.self)
    }

    private func simple(_ low: UInt8) throws(CBORError) -> CBOR {
        switch low {
        case 20: return .bool(false)
        case 21: return .bool(true)
        case 22: return .null
        case 31: throw .indefiniteLength
        default: throw .typeNotAllowed
        }
    }

    private mutating func integer(_ low: UInt8) throws(CBORError) -> Int64 {
        guard let integer = Int64(exactly: try argument(low)) else { throw .integerTooLarge }
        return integer
    }

    /// Every element and every byte takes a byte, so no more than the rest can be meant.
    private mutating func length(_ low: UInt8) throws(CBORError) -> Int {
        let length = try argument(low)
        guard length <= UInt64(bytes.count - position) else { throw .unexpectedEnd }
        return Int(length)
    }

    private mutating func argument(_ low: UInt8) throws(CBORError) -> UInt64 {
        switch low {
        case 0..<24: return UInt64(low)
        case 24...27: return try argument(followingBytes: 1 << (low - 24))
        case 31: throw .indefiniteLength
        default: throw .typeNotAllowed
        }
    }

    private mutating func argument(followingBytes count: Int) throws(CBORError) -> UInt64 {
        var value: UInt64 = 0
        for byte in try take(count) { value = value << 8 | UInt64(byte) }
        // What half as many bytes could have said is misspelt; one byte begins at 24.
        let least: UInt64 = count == 1 ? 24 : 1 << (UInt64(count) * 4)
        guard value >= least else { throw .notShortest }
        return value
    }

    private mutating func take(_ count: Int) throws(CBORError) -> ArraySlice<UInt8> {
        guard count <= bytes.count - position else { throw .unexpectedEnd }
        defer { position += count }
        return bytes[position..<position + count]
    }

    private mutating func byte() throws(CBORError) -> UInt8 {
        guard position < bytes.count else { throw .unexpectedEnd }
        defer { position += 1 }
        return bytes[position]
    }
}
