/// Header fields as they came, copied once into one run of bytes.
///
/// Names are found by comparing bytes: a request has a dozen fields and a handler asks for two.
struct HeaderFields: Sendable {
    private struct Slot {
        let name: Range<Int>
        let value: Range<Int>
    }

    private var bytes: [UInt8] = []
    private var slots: [Slot] = []

    /// What a request of a browser or a program takes; more is given more.
    private static let bytesExpected = 1024
    private static let fieldsExpected = 16

    init() {
        bytes.reserveCapacity(Self.bytesExpected)
        slots.reserveCapacity(Self.fieldsExpected)
    }

    init(_ fields: [(String, String)]) {
        for (name, value) in fields { append(name: name.utf8, value: value.utf8) }
    }

    mutating func append(
        name: some Sequence<UInt8>, value: some Sequence<UInt8>
    ) {
        let start = bytes.count
        bytes.append(contentsOf: name)
        let middle = bytes.count
        bytes.append(contentsOf: value)
        slots.append(Slot(name: start..<middle, value: middle..<bytes.count))
    }

    /// The first value under that name, in any case.
    subscript(name: String) -> String? {
        bytes(name).map { String(decoding: $0, as: UTF8.self) }
    }

    /// The same as it came, for who needs no text.
    func bytes(_ name: String) -> ArraySlice<UInt8>? {
        for slot in slots where matches(slot.name, name) { return bytes[slot.value] }
        return nil
    }

    func count(of name: String) -> Int { slots.count { matches($0.name, name) } }

    func values(_ name: String) -> [String] {
        slots.filter { matches($0.name, name) }.map {
            String(decoding: bytes[$0.value], as: UTF8.self)
        }
    }

    private func matches(_ range: Range<Int>, _ name: String) -> Bool {
        guard range.count == name.utf8.count else { return false }
        var position = range.lowerBound
        for byte in name.utf8 {
            guard ASCII.lowercased(bytes[position]) == ASCII.lowercased(byte) else { return false }
            position += 1
        }
        return true
    }
}
