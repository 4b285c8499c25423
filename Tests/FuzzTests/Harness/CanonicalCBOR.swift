@testable import Cryptography

extension CBOR {
    /// The one spelling of CTAP2, written for comparison with what is read.
    var canonical: [UInt8] {
        switch self {
        case .integer(let value):
            value < 0
                ? Self.head(1, UInt64(bitPattern: -1 - value)) : Self.head(0, UInt64(value))
        case .bytes(let bytes): Self.head(2, UInt64(bytes.count)) + bytes
        case .text(let text): Self.head(3, UInt64(text.utf8.count)) + Array(text.utf8)
        case .array(let items): Self.head(4, UInt64(items.count)) + items.flatMap(\.canonical)
        case .map(let members):
            Self.head(5, UInt64(members.count))
                + members.flatMap { $0.key.canonical + $0.value.canonical }
        case .bool(let value): [value ? 0xF5 : 0xF4]
        case .null: [0xF6]
        }
    }

    private static func head(_ major: UInt8, _ argument: UInt64) -> [UInt8] {
        let count =
            argument < 24
            ? 0
            : argument < 1 << 8
                ? 1
                : argument < 1 << 16
                    ? 2
                    : argument < 1 << 32 ? 4 : 8
        let low: UInt8 = count == 0 ? UInt8(argument) : [1: 24, 2: 25, 4: 26, 8: 27][count] ?? 27
        let bytes = (0..<count).reversed().map { UInt8(truncatingIfNeeded: argument >> ($0 * 8)) }
        return [major << 5 | low] + bytes
    }

    /// No map has its keys in another order than that of their spellings.
    var isSorted: Bool {
        switch self {
        case .array(let items): items.allSatisfy(\.isSorted)
        case .map(let members):
            zip(members, members.dropFirst()).allSatisfy { Self.precedes($0.key, $1.key) }
                && members.allSatisfy { $0.key.isSorted && $0.value.isSorted }
        default: true
        }
    }

    private static func precedes(_ left: CBOR, _ right: CBOR) -> Bool {
        let (left, right) = (left.canonical, right.canonical)
        let (one, other) = (left[0] >> 5, right[0] >> 5)
        if one != other { return one < other }
        if left.count != right.count { return left.count < right.count }
        return left.lexicographicallyPrecedes(right)
    }
}
