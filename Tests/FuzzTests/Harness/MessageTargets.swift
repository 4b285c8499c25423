import Foundation

@testable import HTTP
@testable import Values

/// What comes by HTTP: JSON, forms, targets, header fields, streams of events.
extension FuzzTarget {
    static let messages = [
        FuzzTarget("json", json), FuzzTarget("schema", schema), FuzzTarget("form", form),
        FuzzTarget("request-target", target), FuzzTarget("media-type", mediaType),
        FuzzTarget("header-fields", fields), FuzzTarget("forwarded", bytesMax: 256, forwarded),
        FuzzTarget("event-stream", events), FuzzTarget("cookies", bytesMax: 256, cookies),
    ]

    // MARK: JSON

    private static func json(_ input: [UInt8]) throws {
        let own: JSON
        do throws(JSONError) { own = try JSON(parsing: input) } catch {
            return try refusedElsewhere(input, error)
        }
        let written = own.encoded()
        try hold(try JSON(parsing: written) == own, "what was written is read as itself")
        try hold(try JSON(parsing: written).encoded() == written, "there is one shortest text")
        guard let other = try foundationJSON(input) else {
            return try hold(own.hasNumberBeyondDouble, "Foundation refuses what was read here")
        }
        try hold(own.isSame(as: other), "Foundation reads something else: \(own) and \(other)")
    }

    /// What is refused here is no JSON elsewhere either, but for what is refused here on purpose.
    private static func refusedElsewhere(_ input: [UInt8], _ error: JSONError) throws {
        let ownRules: Set<JSONError.Reason> = [
            .duplicateName, .tooDeep, .numberTooLong, .loneSurrogate,
        ]
        // Foundation guesses UTF-16 and UTF-32 from zeros and byte order marks; they are no JSON
        // of RFC 8259.
        guard input.isUTF8, !input.contains(0), !ownRules.contains(error.reason),
            !input.starts(with: [0xEF, 0xBB, 0xBF]), !endsListWithComma(input)
        else { return }
        try hold(try foundationJSON(input) == nil, "Foundation reads what is \(error.reason) here")
    }

    /// `[1,]`, which Foundation forgives.
    private static func endsListWithComma(_ input: [UInt8]) -> Bool {
        let dense = input.filter { ![0x20, 0x0A, 0x0D, 0x09].contains($0) }
        return zip(dense, dense.dropFirst()).contains { first, second in
            first == UInt8(ascii: ",")
                && (second == UInt8(ascii: "]") || second == UInt8(ascii: "}"))
        }
    }

    private static func schema(_ input: [UInt8]) throws {
        guard let value = try decoded({ try JSON(parsing: input) }) else { return }
        guard try decoded({ try everySchema.check(value) }) != nil else { return }
        try hold(value["name"]?.string?.contains("\0") != true, "no text holds U+0000")
        if let name = value["name"]?.string {
            try hold((1...8).contains(name.unicodeScalars.count), "lengths are of scalars")
        }
        if let list = value["list"]?.array { try hold(list.count <= 3, "lists are bounded") }
        let known: Set = ["name", "amount", "id", "at", "list", "kind", "rest", "rate", "is_on"]
        let names = value.object?.members.map(\.name) ?? []
        try hold(known.isSuperset(of: names), "no member goes by unread")
        try hold(value["amount"]?.integer != nil, "what is required is there")
    }

    private static let everySchema = Schema.object([
        .required("amount", .integer(min: 1, max: 1_000_000)),
        .optional("name", .string(min: 1, max: 8)), .optional("id", .uuid),
        .optional("at", .nullable(.timestamp)), .optional("kind", .enumeration(["a", "b"])),
        .optional("list", .array(.object(.required("x", .boolean)), max: 3)),
        .optional("rest", .named("Rest", .any)), .optional("rate", .number),
        .optional("is_on", .boolean),
    ])

    // MARK: Forms and targets

    private static func form(_ input: [UInt8]) throws {
        guard let fields = FormText.fields(in: input) else { return }
        try hold(!input.contains(0), "a form has no NUL")
        let repaired = fields.contains { ($0.key + $0.value).contains("\u{FFFD}") }
        let text = input.text.uppercased()
        try hold(
            !repaired || text.contains("%EF") || text.contains("%BD") || input.isUTF8,
            "nothing is repaired in silence")
        let written = fields.map { escaped($0.key) + "=" + escaped($0.value) }
        let again = FormText.fields(in: Array(written.joined(separator: "&").utf8))
        try hold(again == fields, "the written form is read as itself")
        for value in fields.values {
            try hold(!value.utf8.contains(0), "no value holds NUL")
            try hold(FormText.value(escaped(value)) == value, "a value alone is read alike")
        }
    }

    private static func target(_ input: [UInt8]) throws {
        guard let target = RequestTarget(input.text) else { return }
        for segment in target.segments {
            try hold(segment != "." && segment != "..", "no segment climbs")
            try hold(!segment.utf8.contains(0), "no segment holds NUL")
        }
        var text = "/" + target.segments.map(escaped).joined(separator: "/")
        if !target.query.isEmpty {
            let pairs = target.query.map { escaped($0.name) + "=" + escaped($0.value) }
            text += "?" + pairs.joined(separator: "&")
        }
        let again = RequestTarget(text)
        try hold(again?.segments == target.segments, "the written path is read as itself")
        try hold(
            again?.query.map(\.name) == target.query.map(\.name)
                && again?.query.map(\.value) == target.query.map(\.value),
            "the written query is read as itself")
        try hold(target.query.count <= RequestTarget.queryParametersMax, "queries are bounded")
    }

    /// Every byte as `%XX`.
    private static func escaped(_ text: String) -> String {
        text.utf8.reduce(into: "") { $0 += "%" + ($1 < 16 ? "0" : "") + String($1, radix: 16) }
    }

    // MARK: Header fields

    private static func mediaType(_ input: [UInt8]) throws {
        let text = input.text
        let accepted = MediaType.accepts(text, "application/json")
        try hold(
            accepted == MediaType.accepts(text.asciiUppercased, "application/json"),
            "case says nothing")
        if MediaType.isPlain(text, "application/json") {
            let start = Array(text.utf8.drop { $0 == 0x20 || $0 == 0x09 }.prefix(16)).text
            try hold(start.asciiUppercased == "APPLICATION/JSON", "the type is that type")
        }
        _ = EntityTags.match(text, "\"a\"")
    }

    /// One field to a line, as they come in a head.
    private static func fields(_ input: [UInt8]) throws {
        let fields = headerFields(input)
        let request = request(fields)
        for name in ["Authorization", "content-type", "X-REQUEST-ID"] {
            try hold(fields.values(name).count == fields.count(of: name), "both count alike")
            try hold(fields.values(name).first == fields[name], "the first is the first")
        }
        if let token = request.bearerToken {
            try hold(token.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a token is visible")
        }
        if let name = fields["x-request-id"], RequestID.isSane(name) {
            try hold(name.utf8.count <= RequestID.charactersMax, "names are short")
            try hold(!name.contains(where: { $0.isNewline }), "names are one line")
        }
        if MediaType.isPlainJSON(request) {
            try hold(fields.count(of: "content-type") == 1, "a body has one type")
        }
        if let key = fields["idempotency-key"].flatMap({ IdempotencyKey($0) }) {
            try hold(key.text.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "a key is visible")
        }
    }

    private static func headerFields(_ input: [UInt8]) -> HeaderFields {
        var fields = HeaderFields()
        for line in input.lines {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            fields.append(name: line[..<colon], value: line[(colon + 1)...])
        }
        return fields
    }

    /// The first line is the peer's address, the second the trusted networks, and the rest fields.
    private static func forwarded(_ input: [UInt8]) throws {
        let lines = input.lines
        guard lines.count > 2, let address = NetworkAddress(lines[0].text),
            let trusted = NetworkRanges(lines[1].text.split(separator: ",").map { String($0) })
        else { return }
        var fields = HeaderFields()
        for line in lines[2...] { fields.append(name: "X-Forwarded-For".utf8, value: line) }
        let peer = Client(address)
        let client = peer.behind(trusted, fields)
        if client != peer {
            try hold(trusted.contains(address), "nobody speaks for others without being trusted")
        }
        try hold(NetworkAddress(client.text) == client.address, "the text is that of the address")
        // A stranger in front writes whatever they like, and stays who they are.
        guard let stranger = NetworkAddress("203.0.113.9"), !trusted.contains(stranger) else {
            return
        }
        fields.append(name: "x-forwarded-for".utf8, value: " 203.0.113.9".utf8)
        let behind = peer.behind(trusted, fields)
        try hold(
            behind.address == (trusted.contains(address) ? stranger : address),
            "the nearest hop that is not trusted is who asks")
    }

    /// Fields by lines, as a browser sends them. A session's cookie that comes twice is none.
    private static func cookies(_ input: [UInt8]) throws {
        let name = "__Host-florin_session"
        var fields = HeaderFields()
        for line in input.lines { fields.append(name: "Cookie".utf8, value: line) }
        guard let value = request(fields).cookie(name) else { return }
        try hold(!value.isEmpty, "nothing is no value")
        try hold(!value.utf8.contains(UInt8(ascii: ";")), "a value ends with its pair")
        fields.append(name: "cookie".utf8, value: "other=1; x\(name)=2; \(name)x=3".utf8)
        try hold(request(fields).cookie(name) == value, "other cookies are other cookies")
        fields.append(name: "COOKIE".utf8, value: "a=b;\(name)=planted".utf8)
        try hold(request(fields).cookie(name) == nil, "a planted one opens nothing")
    }

    private static func request(_ fields: HeaderFields) -> Request {
        Request(
            head: RequestHead(
                method: .get, target: .asterisk, fields: fields, id: "1",
                client: Client(.unspecified)))
    }

    // MARK: Streams

    /// However the bytes are cut, the events are the same.
    private static func events(_ input: [UInt8]) throws {
        var whole = ServerSentEvents()
        var single = ServerSentEvents()
        let atOnce = try decoded { try whole.feed(input) }
        let oneByOne = try decoded { try input.flatMap { try single.feed([$0]) } }
        try hold(
            atOnce == oneByOne, "\(String(describing: atOnce)) or \(String(describing: oneByOne))")
        try hold(
            whole.reconnectMilliseconds == single.reconnectMilliseconds, "the wait is the same")
    }
}

// MARK: The independent reader

/// Nil for what Foundation calls no JSON.
private func foundationJSON(_ bytes: [UInt8]) throws -> Any? {
    try decoded {
        try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
    }
}

extension JSON {
    /// Foundation keeps numbers as binary ones, and refuses those that no such number comes near.
    fileprivate var hasNumberBeyondDouble: Bool {
        switch self {
        case .decimal: true
        case .array(let elements): elements.contains { $0.hasNumberBeyondDouble }
        case .object(let object): object.members.contains { $0.value.hasNumberBeyondDouble }
        default: false
        }
    }

    fileprivate func isSame(as other: Any) -> Bool {
        switch self {
        case .null: return other is NSNull
        case .bool(let value): return (other as? Bool) == value
        case .integer(let value): return (other as? NSNumber)?.int64Value == value
        case .decimal: return other is NSNumber
        case .string(let value):
            return (other as? String).map { $0.utf8.elementsEqual(value.utf8) } ?? false
        case .array(let elements):
            guard let others = other as? [Any], others.count == elements.count else { return false }
            return zip(elements, others).allSatisfy { $0.isSame(as: $1) }
        case .object(let object):
            guard let others = other as? [String: Any], others.count == object.members.count
            else { return false }
            return object.members.allSatisfy { member in
                others[member.name].map { member.value.isSame(as: $0) } ?? false
            }
        }
    }
}

extension String {
    fileprivate var asciiUppercased: String {
        String(decoding: utf8.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 }, as: UTF8.self)
    }
}
