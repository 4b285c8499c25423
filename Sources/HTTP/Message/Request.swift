package import Values

/// What a client asked, checked against its route and safe to pass along.
package struct Request: Sendable {
    let head: RequestHead
    package let body: [UInt8]
    /// The body, already valid under the route's schema; `{}` where an optional body was left out.
    package internal(set) var json: JSON = .null
    var pathParameters: [PathParameter] = []
    /// Nil where nothing limits the rate.
    var allowance: Allowance?

    struct PathParameter: Sendable {
        let name: String
        let value: String
    }

    init(head: RequestHead, body: [UInt8] = []) {
        self.head = head
        self.body = body
    }
}

extension Request {
    package var method: Method {
        guard let method = head.method else { preconditionFailure("no route has such a method") }
        return method
    }
    /// The path without the query, as it stood in the request line.
    package var path: String { head.target.path }
    /// Names this request in logs, problems and `X-Request-Id`.
    package var id: String { head.id }
    /// The client's address; behind a trusted proxy, the address that the proxy reports.
    package var remoteAddress: String { head.remoteAddress }
    package var address: NetworkAddress { head.address }

    /// The first value of that header field, in any case.
    package func header(_ name: String) -> String? { head.fields[name] }

    /// The value of that query parameter; declared parameters come at most once.
    package func query(_ name: String) -> String? {
        head.target.query.first { $0.name == name }?.value
    }

    /// Every parameter of the query, the first of each name.
    package var queryValues: [String: String] {
        Dictionary(head.target.query.map { ($0.name, $0.value) }) { first, _ in first }
    }

    package func queryInteger(_ name: String) -> Int64? { query(name).flatMap { Int64($0) } }

    /// The text in the place of `{name}` in the route's path.
    package func parameter(_ name: String) -> String {
        guard let parameter = pathParameters.first(where: { $0.name == name }) else {
            preconditionFailure("the route's path has no {\(name)}")
        }
        return parameter.value
    }

    /// The token of `Authorization: Bearer …` (RFC 6750 §2.1), if it has the form of one.
    ///
    /// Of two such fields a proxy may have read the other one, so there must be one.
    package var bearerToken: String? {
        guard let value = head.fields.bytes("authorization"), value.count > Self.scheme.count,
            head.fields.count(of: "authorization") == 1,
            zip(value, Self.scheme).allSatisfy({ ASCII.lowercased($0) == $1 })
        else { return nil }
        let token = value.dropFirst(Self.scheme.count)
        return token.allSatisfy({ (0x21...0x7E).contains($0) })
            ? String(decoding: token, as: UTF8.self) : nil
    }

    private static let scheme = Array("bearer ".utf8)
}

/// The part of a request that never changes; shared, so that passing a request on is cheap.
final class RequestHead: Sendable {
    /// Nil for methods that no route can have.
    let method: Method?
    let target: RequestTarget
    let fields: HeaderFields
    let id: String
    let remoteAddress: String
    let address: NetworkAddress

    init(
        method: Method?, target: RequestTarget, fields: HeaderFields, id: String,
        client: Client
    ) {
        self.method = method
        self.target = target
        self.fields = fields
        self.id = id
        remoteAddress = client.text
        address = client.address
    }
}
