/// How callers prove who they are, as the API's description tells it.
package struct SecurityScheme: Sendable {
    package let name: String
    let document: JSON

    /// `Authorization: Bearer …` (RFC 6750).
    package static func bearer(
        _ name: String, format: String, _ description: String
    ) -> SecurityScheme {
        SecurityScheme(
            name: name,
            document: [
                "type": "http", "scheme": "bearer", "bearerFormat": .string(format),
                "description": .string(description),
            ])
    }

    /// A bearer token that a program got for its own credentials (RFC 6749 §4.4).
    package static func clientCredentials(
        _ name: String, tokenPath: String, scopes: [(name: String, meaning: String)],
        _ description: String
    ) -> SecurityScheme {
        let scopes = JSONObject(scopes.map { ($0.name, .string($0.meaning)) })
        return SecurityScheme(
            name: name,
            document: [
                "type": "oauth2", "description": .string(description),
                "flows": [
                    "clientCredentials": [
                        "tokenUrl": .string(tokenPath), "scopes": .object(scopes),
                    ]
                ],
            ])
    }
}

extension Route {
    /// Who may call, told as data: the handler receives the proof, and readers, programs and tests
    /// read this.
    package struct Access: Sendable {
        /// One way in: how the caller is known, and all that must be held besides.
        package struct Way: Sendable {
            package let scheme: SecurityScheme
            /// Roles, scopes and such, in the words of who checks them.
            package let needs: [String]

            package init(_ scheme: SecurityScheme, needs: [String] = []) {
                self.scheme = scheme
                self.needs = needs
            }
        }

        /// Any one of them is enough; none at all is a door that stands open.
        package let ways: [Way]

        package static let open = Access(ways: [])

        package static func any(of ways: [Way]) -> Access {
            precondition(!ways.isEmpty, "nobody could ever call")
            return Access(ways: ways)
        }
    }
}

extension Route.Access: CustomStringConvertible {
    /// `session(verified) | api_key(transfers:write)`
    package var description: String {
        ways.isEmpty ? "open" : ways.map(\.text).joined(separator: " | ")
    }

    /// OpenAPI's form: alternatives, each of them a scheme with what it must grant.
    var document: JSON {
        .array(
            ways.map { way in
                .object(
                    JSONObject([(way.scheme.name, .array(way.needs.map(JSON.string)))]))
            })
    }
}

extension Route.Access.Way {
    fileprivate var text: String {
        needs.isEmpty ? scheme.name : "\(scheme.name)(\(needs.joined(separator: ", ")))"
    }
}
