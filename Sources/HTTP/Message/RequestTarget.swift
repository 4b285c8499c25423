/// The target of a request line, taken apart (RFC 9112 §3.2) and percent-decoded.
struct RequestTarget: Sendable {
    struct Parameter: Sendable {
        let name: String
        let value: String
    }

    /// As it came, without query.
    let path: String
    /// Decoded; a slash inside a segment was written `%2F` and separates nothing.
    let segments: [String]
    let query: [Parameter]

    static let queryParametersMax = 64

    /// Nil when the target is no origin-form or absolute-form, or decodes to something unprintable.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.allSatisfy({ (0x21...0x7E).contains($0) }),
            let origin = Self.originForm(bytes)
        else { return nil }
        let mark = origin.firstIndex(of: UInt8(ascii: "?"))
        let path = origin[..<(mark ?? origin.endIndex)]
        guard let segments = Self.segments(path),
            let query = mark.map({
                Self.parameters(origin[($0 + 1)...], countMax: Self.queryParametersMax)
            }) ?? []
        else { return nil }
        self.path = String(decoding: path, as: UTF8.self)
        self.segments = segments
        self.query = query
    }

    /// `OPTIONS *` asks about the server as a whole (RFC 9112 §3.2.4).
    static let asterisk = RequestTarget(path: "*", segments: [], query: [])

    private init(path: String, segments: [String], query: [Parameter]) {
        self.path = path
        self.segments = segments
        self.query = query
    }

    /// Proxies may send `http://host/path`; servers must understand it (RFC 9112 §3.2.2).
    private static func originForm(_ bytes: [UInt8]) -> ArraySlice<UInt8>? {
        if bytes.first == UInt8(ascii: "/") { return bytes[...] }
        let schemes = ["http://", "https://"]
        guard let scheme = schemes.first(where: { bytes.starts(with: $0.utf8) }) else { return nil }
        let rest = bytes.dropFirst(scheme.utf8.count)
        return rest.firstIndex(of: UInt8(ascii: "/")).map { rest[$0...] }
    }

    private static func segments(_ path: ArraySlice<UInt8>) -> [String]? {
        var segments: [String] = []
        var rest = path.dropFirst()
        while true {
            let end = rest.firstIndex(of: UInt8(ascii: "/")) ?? rest.endIndex
            guard let segment = decode(rest[..<end], plusIsSpace: false), segment != ".",
                segment != ".."
            else { return nil }
            segments.append(segment)
            if end == rest.endIndex { return segments }
            rest = rest[(end + 1)...]
        }
    }

    /// `a=b&c=d`, as queries and forms have it.
    static func parameters(_ text: ArraySlice<UInt8>, countMax: Int) -> [Parameter]? {
        var parameters: [Parameter] = []
        for pair in text.split(separator: UInt8(ascii: "&")) {
            let middle = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            guard parameters.count < countMax,
                let name = decode(pair[..<middle], plusIsSpace: true),
                let value = decode(pair[middle...].dropFirst(), plusIsSpace: true)
            else { return nil }
            parameters.append(Parameter(name: name, value: value))
        }
        return parameters
    }

    /// Nil for a broken escape, for text that is not UTF-8, and for U+0000.
    static func decode(_ text: ArraySlice<UInt8>, plusIsSpace: Bool) -> String? {
        let isCoded = text.contains { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }
        guard !text.contains(0) else { return nil }
        guard isCoded else { return String(validating: text, as: UTF8.self) }
        var bytes: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(ASCII.hexValue),
                    let low = rest.popFirst().flatMap(ASCII.hexValue), high | low > 0
                else { return nil }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where plusIsSpace: bytes.append(0x20)
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
