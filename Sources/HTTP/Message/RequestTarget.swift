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
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            let origin = Self.originForm(text)
        else { return nil }
        let parts = origin.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        guard let segments = Self.segments(parts[0]),
            let query = parts.count > 1 ? Self.query(parts[1]) : []
        else { return nil }
        self.path = String(parts[0])
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
    private static func originForm(_ text: String) -> Substring? {
        if text.hasPrefix("/") { return text[...] }
        guard let scheme = ["http://", "https://"].first(where: text.hasPrefix) else { return nil }
        let rest = text.dropFirst(scheme.count)
        return rest.firstIndex(of: "/").map { rest[$0...] }
    }

    private static func segments(_ path: Substring) -> [String]? {
        var segments: [String] = []
        for part in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let segment = decode(part, plusIsSpace: false), segment != ".", segment != ".."
            else { return nil }
            segments.append(segment)
        }
        return segments
    }

    private static func query(_ text: Substring) -> [Parameter]? {
        var parameters: [Parameter] = []
        for pair in text.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parameters.count < queryParametersMax,
                let name = decode(parts[0], plusIsSpace: true),
                let value = parts.count > 1 ? decode(parts[1], plusIsSpace: true) : ""
            else { return nil }
            parameters.append(Parameter(name: name, value: value))
        }
        return parameters
    }

    /// Nil for a broken escape, for text that is not UTF-8, and for U+0000.
    private static func decode(_ text: Substring, plusIsSpace: Bool) -> String? {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") })
        else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
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
