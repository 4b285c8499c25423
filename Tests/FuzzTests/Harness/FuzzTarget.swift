/// A decoder that meets bytes of strangers, and what must hold of whatever they are.
struct FuzzTarget: Sendable {
    let name: String
    /// Longer inputs are not tried: they hold nothing that shorter ones cannot.
    let inputBytesMax: Int
    /// Throws what does not hold; a trap is a finding as well.
    let check: @Sendable ([UInt8]) throws -> Void

    init(
        _ name: String, bytesMax: Int = 512, _ check: @escaping @Sendable ([UInt8]) throws -> Void
    ) {
        self.name = name
        inputBytesMax = bytesMax
        self.check = check
    }

    static let all: [FuzzTarget] = texts + messages + tokens + passkeys + files + offline

    static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// A property that does not hold, in words.
struct Broken: Error, Equatable, CustomStringConvertible {
    let description: String
}

func hold(_ isSo: Bool, _ property: @autoclosure () -> String) throws {
    guard isSo else { throw Broken(description: property()) }
}

/// What the decoder made of the bytes; nil where it refused them, which it may always do.
func decoded<Value>(_ decode: () throws -> Value) throws(Broken) -> Value? {
    do { return try decode() } catch let broken as Broken { throw broken } catch { return nil }
}

extension [UInt8] {
    /// The input as text: libFuzzer makes bytes, and some decoders are handed a `String`.
    var text: String { String(decoding: self, as: UTF8.self) }

    /// Parts of one input, for who needs several.
    var lines: [[UInt8]] {
        split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).map { Array($0) }
    }

    /// The first bytes as a number, and the rest.
    func number(bytes count: Int) -> (UInt64, [UInt8]) {
        (prefix(count).reduce(0) { $0 << 8 | UInt64($1) }, Array(dropFirst(count)))
    }

    var isUTF8: Bool { String(validating: self, as: UTF8.self) != nil }
}
