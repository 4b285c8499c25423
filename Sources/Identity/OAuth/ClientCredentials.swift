internal import Cryptography
internal import HTTP

/// Who a program says it is, at the token endpoint: a key's id and its text.
struct ClientCredentials: Sendable {
    let client: String
    let secret: String
    /// Whether they came in the header, which decides how a refusal challenges.
    let isInHeader: Bool

    /// RFC 6749 §2.3.1: in the header, or in the form, and never in both.
    init(_ request: Request, form: [String: String]) throws(OAuthError) {
        let named = form["client_id"], secret = form["client_secret"]
        guard let header = request.header("authorization") else {
            guard let named, let secret else { throw .clientInvalid(isInHeader: false) }
            (client, self.secret, isInHeader) = (named, secret, false)
            return
        }
        guard secret == nil else { throw .requestInvalid("client_secret came twice.") }
        guard let (client, secret) = Self.basic(header) else {
            throw .clientInvalid(isInHeader: true)
        }
        guard named == nil || named == client else {
            throw .requestInvalid("client_id came twice, and not as the same.")
        }
        (self.client, self.secret, isInHeader) = (client, secret, true)
    }

    private static let scheme = "basic "

    /// RFC 7617, and inside of it both halves as forms spell them.
    private static func basic(_ header: String) -> (client: String, secret: String)? {
        guard header.prefix(scheme.count).lowercased() == scheme,
            let bytes = Base64.decode(header.dropFirst(scheme.count)),
            let colon = bytes.firstIndex(of: UInt8(ascii: ":")),
            let client = String(validating: bytes[..<colon], as: UTF8.self),
            let secret = String(validating: bytes[(colon + 1)...], as: UTF8.self),
            let clientText = FormText.value(client), let secretText = FormText.value(secret)
        else { return nil }
        return (clientText, secretText)
    }
}

/// Every refusal of the token endpoint, in the words of RFC 6749 §5.2 and in the order of checking.
enum OAuthError: Error {
    case requestInvalid(String)
    case clientInvalid(isInHeader: Bool)
    case grantTypeUnsupported
    case scopeInvalid

    var code: String {
        switch self {
        case .requestInvalid: "invalid_request"
        case .clientInvalid: "invalid_client"
        case .grantTypeUnsupported: "unsupported_grant_type"
        case .scopeInvalid: "invalid_scope"
        }
    }

    private var detail: String {
        switch self {
        case .requestInvalid(let reason): reason
        case .clientInvalid:
            "No such client, a wrong secret, or an address from which it may not be used."
        case .grantTypeUnsupported: "Only client_credentials is given."
        case .scopeInvalid: "The client was not given this scope, or there is none of that name."
        }
    }

    var response: Response {
        var (status, headers) = (400, [("Pragma", "no-cache")])
        if case .clientInvalid(let isInHeader) = self {
            status = 401
            if isInHeader { headers.append(("WWW-Authenticate", #"Basic realm="florin""#)) }
        }
        return .json(status, headers: headers) { body in
            body.field("error", code)
            body.field("error_description", detail)
        }
    }
}
