/// What a handler answers.
package struct Response: Sendable {
    enum Body: Sendable {
        case none
        case bytes([UInt8])
        case file(ImmutableBytes)
        case events(EventStream)
        case produced(BodyStream)

        var stream: (any AnswerStream)? {
            switch self {
            case .none, .bytes, .file: nil
            case .events(let stream): stream
            case .produced(let stream): stream
            }
        }
    }

    typealias Header = (name: String, value: String)

    package let status: Int
    private(set) var headers: [Header]
    var body: Body
    /// Whether browsers will show this as a page, which then wants more security headers.
    var isPage = false
    /// The code of the problem that this is, for the log.
    var refusal: String?

    init(status: Int, headers: [Header] = [], body: Body = .none) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// Sets a header field, in place of an earlier one of that name.
    package mutating func set(_ name: String, _ value: String) {
        headers.removeAll { ASCII.equalsIgnoringCase($0.name, name) }
        headers.append((name, value))
    }

    package func setting(_ name: String, _ value: String) -> Response {
        var response = self
        response.set(name, value)
        return response
    }

    func header(_ name: String) -> String? {
        headers.first { ASCII.equalsIgnoringCase($0.name, name) }?.value
    }
}

extension Response {
    /// A JSON object; answers of the API are never stored by caches in between.
    ///
    /// - Parameter capacity: about how many bytes it will have.
    package static func json(
        _ status: Int = 200, headers: [(String, String)] = [], capacity: Int = 512,
        _ write: (inout JSONWriter) -> Void
    ) -> Response {
        var writer = JSONWriter(capacity: capacity)
        writer.object(write)
        return bytes(status, writer.bytes, as: "application/json", headers: headers)
    }

    package static func json(
        _ status: Int = 200, _ value: JSON, headers: [(String, String)] = []
    ) -> Response {
        bytes(status, value.encoded(), as: "application/json", headers: headers)
    }

    package static func empty(
        _ status: Int = 204, headers: [(String, String)] = []
    ) -> Response {
        Response(status: status, headers: uncached(headers))
    }

    package static func text(_ status: Int = 200, _ text: String) -> Response {
        bytes(status, Array(text.utf8), as: "text/plain; charset=utf-8")
    }

    package static func bytes(
        _ status: Int = 200, _ bytes: [UInt8], as mediaType: String,
        headers: [(String, String)] = []
    ) -> Response {
        let type: Header = ("Content-Type", mediaType)
        return Response(status: status, headers: [type] + uncached(headers), body: .bytes(bytes))
    }

    /// Keeps the connection open and sends what the stream is given, until either side ends it.
    package static func events(_ stream: EventStream) -> Response {
        let type: Header = ("Content-Type", "text/event-stream")
        return Response(status: 200, headers: [type] + uncached([]), body: .events(stream))
    }

    /// A body that is written while it is sent, so that its size costs no memory. What throws in
    /// `produce` breaks the connection off, so that nobody takes a part for the whole.
    package static func produced(
        as mediaType: String, headers: [(String, String)] = [],
        _ produce: @escaping @Sendable (BodyStream) async throws -> Void
    ) -> Response {
        let type: Header = ("Content-Type", mediaType)
        return Response(
            status: 200, headers: [type] + uncached(headers),
            body: .produced(BodyStream(produce)))
    }

    private static func uncached(_ headers: [(String, String)]) -> [Header] {
        let named = headers.map { (name: $0.0, value: $0.1) }
        let isDecided = named.contains { ASCII.equalsIgnoringCase($0.name, "Cache-Control") }
        return isDecided ? named : [("Cache-Control", "no-store")] + named
    }
}
