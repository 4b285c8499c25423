/// What a request says about media types, in the two places where we listen.
enum MediaType {
    /// Whether the body is `application/json`, in UTF-8 if a charset is named, not compressed.
    static func isPlainJSON(_ request: Request) -> Bool {
        let fields = request.head.fields
        guard let type = fields.bytes("content-type"), fields.count(of: "content-type") == 1
        else { return false }
        // What nearly everyone sends needs no taking apart.
        if type.elementsEqual(plainJSON), fields.bytes("content-encoding") == nil { return true }
        let coding = request.header("content-encoding") ?? "identity"
        return ASCII.equalsIgnoringCase(coding, "identity")
            && isPlain(String(decoding: type, as: UTF8.self), "application/json")
    }

    static let file = "application/octet-stream"

    /// Whether the body is declared as bytes and nothing more, not compressed.
    static func isPlainFile(_ request: Request) -> Bool {
        let types = request.head.fields.values("content-type")
        return types.count == 1 && ASCII.equalsIgnoringCase(ASCII.trimmed(types[0]), file)
            && ASCII.equalsIgnoringCase(
                request.header("content-encoding") ?? "identity", "identity")
    }

    /// Whether a content type is this media type, in UTF-8 if a charset is named.
    static func isPlain(_ type: String, _ mediaType: String) -> Bool {
        let parts = type.split(separator: ";", omittingEmptySubsequences: false)
            .map { ASCII.trimmed($0) }
        return ASCII.equalsIgnoringCase(parts[0], mediaType)
            && parts.dropFirst().allSatisfy(isHarmlessParameter)
    }

    private static let plainJSON = Array("application/json".utf8)

    private static func isHarmlessParameter(_ parameter: String) -> Bool {
        let parts = parameter.split(separator: "=", maxSplits: 1).map { ASCII.trimmed($0) }
        guard parts.count == 2, ASCII.equalsIgnoringCase(parts[0], "charset") else { return true }
        return ASCII.equalsIgnoringCase(parts[1].filter { $0 != "\"" }, "utf-8")
    }

    /// Whether an `Accept` field allows `mediaType`: the most specific range decides
    /// (RFC 9110 §12.5.1), and none at all allows everything.
    static func accepts(_ accept: String?, _ mediaType: String) -> Bool {
        guard let accept else { return true }
        let wanted = mediaType.prefix { $0 != ";" }
        let family = wanted.prefix { $0 != "/" } + "/*"
        var best: (rank: Int, isAllowed: Bool) = (0, accept.isEmpty)
        for range in accept.split(separator: ",") {
            let parts = range.split(separator: ";").map { ASCII.trimmed($0) }
            guard let name = parts.first else { continue }
            let rank = rank(of: name, wanted: wanted, family: family)
            guard rank > best.rank else { continue }
            best = (rank, !parts.dropFirst().contains(where: isZeroQuality))
        }
        return best.isAllowed
    }

    private static func rank(of name: String, wanted: Substring, family: Substring) -> Int {
        if ASCII.equalsIgnoringCase(name, String(wanted)) { return 3 }
        if ASCII.equalsIgnoringCase(name, String(family)) { return 2 }
        return name == "*/*" ? 1 : 0
    }

    /// `q=0`, `q=0.0` and so on: "not acceptable".
    static func isZeroQuality(_ parameter: String) -> Bool {
        guard let quality = parameter.split(separator: "=", maxSplits: 1).last,
            parameter.utf8.first.map(ASCII.lowercased) == UInt8(ascii: "q"),
            parameter.utf8.dropFirst().first == UInt8(ascii: "=")
        else { return false }
        return quality.allSatisfy { $0 == "0" || $0 == "." }
    }
}
