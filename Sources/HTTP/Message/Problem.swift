package import Values

/// A "no" on the wire: `application/problem+json` (RFC 9457) with the facts as further members.
package struct Problem: Error, Sendable, Equatable {
    package let status: Int
    /// The stable name that programs switch on; also the last part of the problem's `type`.
    package let code: String
    /// The same for every occurrence of this code.
    package let title: String
    /// What happened this time and what to do next.
    package let detail: String
    package let facts: [Fact]
    /// Header fields that belong to the status, such as `Allow` to 405.
    var headers: [Header] = []

    struct Header: Sendable, Equatable {
        let name: String
        let value: String
    }

    package init(
        status: Int, code: String, title: String? = nil, detail: String, facts: [Fact] = []
    ) {
        self.status = status
        self.code = code
        self.title = title ?? Problem.title(of: code)
        self.detail = detail
        self.facts = facts
    }

    package init(_ refusal: any Refusal) {
        self.init(
            status: refusal.status, code: refusal.code, detail: refusal.detail,
            facts: refusal.facts)
    }

    /// `insufficient_funds` reads as "Insufficient funds".
    private static func title(of code: String) -> String {
        let words = code.split(separator: "_").joined(separator: " ")
        return words.prefix(1).uppercased() + words.dropFirst()
    }

    /// The same with what RFC 9110 §11.6.1 and RFC 6750 §3 let a program read of it.
    package func challenging(_ challenge: String) -> Problem {
        with(Self.challenge, challenge)
    }

    func with(_ name: String, _ value: String) -> Problem {
        var problem = self
        problem.headers.append(Header(name: name, value: value))
        return problem
    }
}

// MARK: The answer

extension Problem {
    static let mediaType = "application/problem+json"
    private static let challenge = "WWW-Authenticate"
    /// The fact that also becomes the header field `Retry-After`, in seconds.
    static let retryAfter = "retry_after"

    package func response(requestID: String) -> Response {
        response(requestID: requestID, as: Self.mediaType) { _ in }
    }

    /// The same with the members of another protocol before it, for callers who read those.
    package func response(
        requestID: String, as mediaType: String, after members: (inout JSONWriter) -> Void
    ) -> Response {
        var writer = JSONWriter()
        writer.object {
            members(&$0)
            $0.field("type", "/problems/" + code)
            $0.field("title", title)
            $0.field("status", status)
            $0.field("code", code)
            $0.field("detail", detail)
            $0.field("request_id", requestID)
            for fact in facts { $0.field(fact) }
        }
        var response = Response.bytes(status, writer.bytes, as: mediaType)
        response.refusal = code
        for header in headers { response.set(header.name, header.value) }
        if let seconds = retryAfterSeconds { response.set("Retry-After", String(seconds)) }
        if status == 401, response.header(Self.challenge) == nil {
            response.set(Self.challenge, "Bearer")
        }
        return response
    }

    private var retryAfterSeconds: Int64? {
        for fact in facts where fact.name == Self.retryAfter {
            if case .integer(let seconds) = fact.value { return seconds }
        }
        return nil
    }
}

// MARK: What any route may say

extension Problem {
    package static func invalidRequest(
        _ detail: String, facts: [Fact] = []
    ) -> Problem {
        Problem(status: 400, code: "invalid_request", detail: detail, facts: facts)
    }

    init(_ violation: Violation) {
        let field = violation.field.isEmpty ? "The body" : violation.field
        self = .invalidRequest(
            "\(field) \(violation.reason).",
            facts: [Fact("field", violation.field), Fact("reason", violation.reason)])
    }

    package static func unauthenticated(
        _ detail: String = "Log in and send the access token as Authorization: Bearer."
    ) -> Problem {
        Problem(status: 401, code: "unauthenticated", detail: detail)
    }

    package static func forbidden(_ detail: String) -> Problem {
        Problem(status: 403, code: "forbidden", detail: detail)
    }

    package static func notFound(
        _ detail: String = "There is nothing at this address."
    ) -> Problem {
        Problem(status: 404, code: "not_found", detail: detail)
    }

    static func methodNotAllowed(allow: String) -> Problem {
        Problem(
            status: 405, code: "method_not_allowed", detail: "This address answers \(allow)."
        ).with("Allow", allow)
    }

    static func notAcceptable(_ mediaType: String) -> Problem {
        Problem(
            status: 406, code: "not_acceptable",
            detail: "This address answers \(mediaType), which Accept excludes.")
    }

    static func contentTooLarge(bytesMax: Int) -> Problem {
        Problem(
            status: 413, code: "content_too_large",
            detail: "The body may have at most \(bytesMax) bytes.",
            facts: [Fact("bytes_max", Int64(bytesMax))])
    }

    static let unsupportedMediaType = Problem(
        status: 415, code: "unsupported_media_type",
        detail: "Send the body as application/json in UTF-8, without content coding.")

    static let unsupportedFileType = Problem(
        status: 415, code: "unsupported_media_type",
        detail: "Send the file as application/octet-stream, without content coding.")

    static func rateLimited(_ scope: RateScope, retryAfterSeconds: Int64) -> Problem {
        Problem(
            status: 429, code: "rate_limited",
            detail: "Too many requests; try again in \(retryAfterSeconds) seconds.",
            facts: [Fact("scope", scope.rawValue), Fact(retryAfter, retryAfterSeconds)])
    }

    static let headTooLarge = Problem(
        status: 431, code: "request_header_fields_too_large",
        detail: "The request line and header fields are too long together.")

    static let internalError = Problem(
        status: 500, code: "internal_error",
        detail: "Something broke here. The request id leads to the reason in our log.")

    static let transferCodingNotImplemented = Problem(
        status: 501, code: "transfer_coding_not_implemented",
        detail: "The only transfer coding understood here is chunked.")

    package static func unavailable(retryAfterSeconds: Int64) -> Problem {
        Problem(
            status: 503, code: "unavailable",
            detail: "This cannot be done at the moment. Try again soon, with the same key.",
            facts: [Fact(retryAfter, retryAfterSeconds)])
    }

    package static func outcomeUnknown(retryAfterSeconds: Int64) -> Problem {
        Problem(
            status: 503, code: "outcome_unknown",
            detail: "The connection was lost at the end: this was done, or it was not. "
                + "Ask again with the same key, which tells, and does it once at most.",
            facts: [Fact(retryAfter, retryAfterSeconds)])
    }
}
