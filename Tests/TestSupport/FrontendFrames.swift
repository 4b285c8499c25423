/// What a client of PostgreSQL sends, cut into messages ("Message Formats" in its manual): a first
/// one that has no type; then a type, a length that counts itself, and the rest.
struct FrontendFrames {
    private static let lengthBytes = 4
    private static let statementTypes: Set<UInt8> = [UInt8(ascii: "E"), UInt8(ascii: "Q")]

    private var type: UInt8?
    private var head: [UInt8] = []
    private var bytesLeft = 0
    private var isFirst = true

    /// How many statements begin in these bytes, which follow those before.
    mutating func statements(in bytes: some Sequence<UInt8>) -> Int {
        var count = 0
        for byte in bytes {
            if bytesLeft > 0 {
                bytesLeft -= 1
            } else if type == nil, !isFirst {
                type = byte
            } else {
                head.append(byte)
                guard head.count == Self.lengthBytes else { continue }
                bytesLeft = head.reduce(0) { $0 << 8 | Int($1) } - Self.lengthBytes
                if let type, Self.statementTypes.contains(type) { count += 1 }
                (type, head, isFirst) = (nil, [], false)
            }
        }
        return count
    }
}
