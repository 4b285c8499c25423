package import HTTP

/// OAuth 2 for the programs of merchants: client credentials (RFC 6749 §4.4), bearer tokens
/// (RFC 6750), and what describes both (RFC 8414).
package struct OAuthRoutes: Sendable {
    private let identity: Identity

    static let tokenPath = "/oauth/token"
    private static let grantType = "client_credentials"

    package init(_ identity: Identity) {
        self.identity = identity
    }

    package var routes: [Route] {
        [
            .open(
                .post, Self.tokenPath,
                summary: "A token for a program: a key's id and text are its client_id and secret.",
                tag: "keys", form: OAuthWire.form, returns: OAuthWire.token,
                dialect: .oauth, rate: .authentication, handler: give),
            .open(
                .get, "/.well-known/oauth-authorization-server",
                summary: "What programs need to know to get tokens (RFC 8414).", tag: "keys",
                returns: .ok(OAuthWire.metadata), handler: describe),
        ]
    }

    private func give(_ request: Request) async throws -> Response {
        do {
            let token = try await token(request)
            return .json(headers: [("Pragma", "no-cache")]) { body in
                body.field("access_token", token.text)
                body.field("token_type", "Bearer")
                body.field("expires_in", token.seconds)
                body.field("scope", token.scopes.map(\.rawValue).joined(separator: " "))
            }
        } catch let error as OAuthError {
            return error.response
        }
    }

    private func token(_ request: Request) async throws -> ClientToken {
        guard let form = FormText.fields(of: request) else {
            throw OAuthError.requestInvalid(
                "Send a form, application/x-www-form-urlencoded, with each field once.")
        }
        let credentials = try ClientCredentials(request, form: form)
        guard let type = form["grant_type"], !type.isEmpty else {
            throw OAuthError.requestInvalid("grant_type is required.")
        }
        guard type == Self.grantType else { throw OAuthError.grantTypeUnsupported }
        return try await identity.clientToken(credentials, scope: form["scope"], with: request)
    }

    private func describe(_ request: Request) async throws -> Response {
        .json { body in
            body.field("issuer", identity.oauthIssuer)
            body.field("token_endpoint", identity.oauthIssuer + Self.tokenPath)
            body.field("jwks_uri", identity.oauthIssuer + SessionRoutes.keySetPath)
            body.field("grant_types_supported", [Self.grantType])
            body.field("response_types_supported", [])
            body.field("scopes_supported", Scope.allCases.map(\.rawValue))
            body.field(
                "token_endpoint_auth_methods_supported",
                ["client_secret_basic", "client_secret_post"])
        }
    }
}

extension Route.Dialect {
    /// RFC 6749 §5.2 for what refuses before the endpoint is asked: how often, how much, and what
    /// breaks. Beside its two members stand those of the problem that programs of ours read.
    fileprivate static let oauth = Route.Dialect(OAuthWire.errors) { problem, requestID in
        var response = problem.response(requestID: requestID, as: "application/json") { body in
            body.field("error", OAuthWire.code(of: problem.status))
            body.field("error_description", problem.detail)
        }
        response.set("Pragma", "no-cache")
        return response
    }
}

// MARK: Wire

private enum OAuthWire {
    static let form = Schema.object(
        .required("grant_type", .enumeration(["client_credentials"])),
        .optional(
            "scope", .string(),
            "Names with spaces between them; left out: all that the key has."),
        .optional("client_id", .uuid, "The key's id, unless the header Authorization has it."),
        .optional("client_secret", .string(), "The key's text, unless the header has it."))

    static let token = Answer(
        status: 200,
        schema: .object(
            .required("access_token", .string()), .required("token_type", .enumeration(["Bearer"])),
            .required("expires_in", .integer(min: 1)), .required("scope", .string())),
        description: "A token for ten minutes.")

    static let errors = [
        error(401, "No such client (RFC 6749 §5.2)."),
        error(400, "Not to be answered (RFC 6749 §5.2)."),
    ]

    private static func error(_ status: Int, _ description: String) -> Answer {
        Answer(
            status: status,
            schema: .object(
                [.required("error", .string()), .optional("error_description", .string())],
                additional: true), description: description)
    }

    /// The nearest of the few words that the standard has.
    static func code(of status: Int) -> String {
        switch status {
        case 429, 503: "temporarily_unavailable"
        case 500...: "server_error"
        default: "invalid_request"
        }
    }

    private static let names = Schema.array(.string())

    static let metadata = Schema.object(
        .required("issuer", .string()), .required("token_endpoint", .string()),
        .required("jwks_uri", .string(), "The keys that the tokens are signed with."),
        .required("grant_types_supported", names), .required("response_types_supported", names),
        .required("scopes_supported", names),
        .required("token_endpoint_auth_methods_supported", names))
}
