import HTTP
import TestSupport
import Testing

/// The HTTP API of one server, called as any client would.
struct Api: Sendable {
    let url: String
    /// Runs for as long as somebody may call it.
    private let server: FlorinServer?

    init(url: String, of server: FlorinServer? = nil) {
        self.url = url
        self.server = server
    }

    /// Streams keep their connections, so there must be many.
    private static let http = {
        var limits = HTTPClient.Limits()
        limits.connectionsMax = 512
        limits.connectionsPerHostMax = 256
        return HTTPClient(limits: limits)
    }()

    /// A name for a command that nothing else has.
    static func newKey() -> String { String(UInt64.random(in: .min ... .max), radix: 36) }

    func reply(
        _ method: Method, _ path: String, _ body: JSON? = nil, token: String? = nil,
        key: String? = nil, headers: [(String, String)] = []
    ) async throws(OutboundError) -> Reply {
        var fields = headers
        if let token { fields.append(("Authorization", "Bearer " + token)) }
        if let key { fields.append(("Idempotency-Key", key)) }
        if body != nil { fields.append(("Content-Type", "application/json")) }
        let request = OutboundRequest(
            method, url + path, headers: fields, body: body?.encoded() ?? [])
        return Reply(try await Self.http.send(request))
    }

    /// Sends a file as it is.
    func send(
        _ file: [UInt8], as type: String = "application/octet-stream", _ method: Method,
        _ path: String, token: String
    ) async throws(OutboundError) -> Reply {
        let fields = [("Authorization", "Bearer " + token), ("Content-Type", type)]
        return Reply(
            try await Self.http.send(
                OutboundRequest(method, url + path, headers: fields, body: file)))
    }

    /// A form, as OAuth has it.
    func form(
        _ path: String, _ body: String, headers: [(String, String)] = [],
        type: String = "application/x-www-form-urlencoded"
    ) async throws(OutboundError) -> Reply {
        let request = OutboundRequest(
            .post, url + path, headers: headers + [("Content-Type", type)], body: Array(body.utf8))
        return Reply(try await Self.http.send(request))
    }

    /// Sends a text of another kind than JSON.
    func reply(
        _ method: Method, _ path: String, text: String, type: String
    ) async throws(OutboundError) -> Reply {
        let request = OutboundRequest(
            method, url + path, headers: [("Content-Type", type)], body: Array(text.utf8))
        return Reply(try await Self.http.send(request))
    }

    /// What the server answers with this status; anything else fails the test.
    func expect(
        _ status: Int, _ method: Method, _ path: String, _ body: JSON? = nil,
        token: String? = nil, key: String? = newKey(),
        at location: SourceLocation = #_sourceLocation
    ) async throws -> JSON {
        let reply = try await reply(method, path, body, token: token, key: key)
        try #require(reply.status == status, "\(reply.text)", sourceLocation: location)
        return reply.json
    }

    /// The facts of a refusal, after everything that every refusal must be.
    @discardableResult
    func refused(
        _ status: Int, _ code: String, _ method: Method, _ path: String, _ body: JSON? = nil,
        token: String? = nil, key: String? = newKey(),
        at location: SourceLocation = #_sourceLocation
    ) async throws -> JSON {
        let reply = try await reply(method, path, body, token: token, key: key)
        reply.expectProblem(status, code, at: location)
        return reply.json
    }
}

struct Reply: Sendable {
    let status: Int
    let json: JSON
    let text: String
    private let response: OutboundResponse

    init(_ response: OutboundResponse) {
        self.response = response
        status = response.status
        text = String(decoding: response.body, as: UTF8.self)
        do { json = try JSON(parsing: response.body) } catch { json = nil }
    }

    var code: String? { json["code"]?.string }
    var isReplay: Bool { header("Idempotent-Replayed") == "true" }

    func header(_ name: String) -> String? { response.header(name) }

    /// What the server had a browser keep.
    var cookiesSet: [String] {
        response.headers.filter { $0.name.lowercased() == "set-cookie" }.map(\.value)
    }

    /// RFC 9457, and what Florin adds to it.
    func expectProblem(
        _ status: Int, _ code: String, at location: SourceLocation = #_sourceLocation
    ) {
        #expect(self.status == status, "\(text)", sourceLocation: location)
        #expect(self.code == code, "\(text)", sourceLocation: location)
        #expect(header("Content-Type") == "application/problem+json", sourceLocation: location)
        #expect(json["type"]?.string == "/problems/" + code, sourceLocation: location)
        #expect(json["title"]?.string?.isEmpty == false, sourceLocation: location)
        #expect(json["status"]?.integer == Int64(status), sourceLocation: location)
        #expect(json["detail"]?.string?.isEmpty == false, sourceLocation: location)
        #expect(json["request_id"]?.string == header("X-Request-Id"), sourceLocation: location)
        #expect(
            header("Retry-After") == json["retry_after"]?.integer.map { String($0) },
            sourceLocation: location)
        if status == 401 {
            #expect(header("WWW-Authenticate") == "Bearer", sourceLocation: location)
        }
    }
}

extension JSON {
    /// `json[at: "balance", "available"]`.
    subscript(at path: String...) -> JSON? {
        path.reduce(self) { $0?[$1] }
    }

    var rows: [JSON] { self["data"]?.array ?? [] }
    var id: String { self["id"]?.string ?? "" }
}
