/// One address and method, told as data: the router, the checks and OpenAPI all read this.
package struct Route: Sendable {
    package typealias Handler = @Sendable (Request) async throws -> Response

    package let method: Method
    /// `/v1/transfers/{id}`: segments, some of them names in braces.
    package let path: String
    package let summary: String
    package let tag: String
    package let access: Access
    let parameters: [Parameter]
    let requestBody: Schema?
    /// A form that the handler reads itself, for protocols with errors of their own.
    let requestForm: Schema?
    /// Whether the body is a file, which the handler looks into: nothing is believed of what it is
    /// said to be.
    let takesFile: Bool
    let answer: Answer
    /// How such a protocol says no, instead of by problems.
    let dialect: Dialect?
    package let refusals: [Refused]
    /// Nil for the server's default.
    let bodyBytesMax: Int?
    /// How often it may be called.
    package let rateClass: RateClass
    /// Checks included: this is all that happens between the head and the answer.
    let handler: Handler

    init(
        _ description: Description, access: Access, handler: @escaping Handler
    ) {
        precondition(description.path.hasPrefix("/"), "a path starts with a slash")
        method = description.method
        path = description.path
        summary = description.summary
        tag = description.tag
        parameters = description.completeParameters
        requestBody = description.body
        requestForm = description.form
        takesFile = description.takesFile
        answer = description.answer
        dialect = description.dialect
        refusals = description.refusals
        bodyBytesMax = description.bodyBytesMax
        rateClass = description.rateClass ?? access.rateClass(description.method)
        self.access = access
        self.handler = handler
    }
}

extension Route {
    /// How a route says no whose callers speak another protocol: in that protocol's words, whoever
    /// refuses, the handler or what stands before it.
    package struct Dialect: Sendable {
        package typealias Word = @Sendable (Problem, _ requestID: String) -> Response

        let errors: [Answer]
        let word: Word

        /// - Parameters:
        ///   - errors: what is answered, by status; the last one where none has the status.
        package init(_ errors: [Answer], word: @escaping Word) {
            precondition(!errors.isEmpty, "a dialect has words")
            self.errors = errors
            self.word = word
        }
    }

    /// A "no" as the callers of this route read it.
    func response(to problem: Problem, requestID: String) -> Response {
        dialect?.word(problem, requestID) ?? problem.response(requestID: requestID)
    }
}

extension Route.Access {
    /// Where a route names no class.
    fileprivate func rateClass(_ method: Method) -> RateClass {
        ways.isEmpty ? .open : method == .get ? .read : .money
    }
}

extension Route {
    /// A route that anyone may call.
    package static func open(
        _ method: Method, _ path: String, summary: String, tag: String,
        parameters: [Parameter] = [], body: Schema? = nil, form: Schema? = nil,
        returns answer: Answer, dialect: Dialect? = nil, refusals: [Refused] = [],
        bodyBytesMax: Int? = nil, rate: RateClass? = nil, handler: @escaping Handler
    ) -> Route {
        let description = Description(
            method: method, path: path, summary: summary, tag: tag, parameters: parameters,
            body: body, form: form, answer: answer, dialect: dialect, refusals: refusals,
            bodyBytesMax: bodyBytesMax, rateClass: rate)
        let checks = description.checks
        return Route(description, access: .open) { request in
            try await handler(try checks.apply(to: request))
        }
    }

    /// Everything about a route but its handler.
    struct Description: Sendable {
        let method: Method
        let path: String
        let summary: String
        let tag: String
        let parameters: [Parameter]
        let body: Schema?
        var form: Schema?
        var takesFile = false
        let answer: Answer
        var dialect: Dialect?
        let refusals: [Refused]
        let bodyBytesMax: Int?
        /// Nil for what follows from access and method.
        let rateClass: RateClass?

        private var pathNames: [String] { RoutePath.names(in: path) }

        /// Path parameters that nobody described are short texts.
        var completeParameters: [Parameter] {
            let described = Set(parameters.filter { $0.place == .path }.map(\.name))
            let missing = pathNames.filter { !described.contains($0) }
            return missing.map { .path($0, .string(min: 1, max: 128)) } + parameters
        }

        var checks: RequestChecks {
            RequestChecks(parameters: completeParameters, body: body, takesFile: takesFile)
        }
    }
}

/// Makes routes that not everybody may call: who calls is settled before anything is read.
///
/// The context that `authenticate` returns reaches the handler as a parameter, so that a handler
/// which needs a session cannot be mounted without one. `access` says of each route what
/// `authenticate` checks.
package struct RouteBuilder<Context: Sendable>: Sendable {
    package typealias Authenticate = @Sendable (Request) async throws -> Context

    private let access: Route.Access
    private let refusals: [Refused]
    private let isReadOnly: Bool
    private let authenticate: Authenticate

    /// - Parameters:
    ///   - refusals: every "no" of `authenticate`.
    ///   - isReadOnly: whether nothing may be changed by who comes in here.
    package init(
        access: Route.Access, refusals: [Refused] = [], isReadOnly: Bool = false,
        authenticate: @escaping Authenticate
    ) {
        self.access = access
        self.refusals = refusals
        self.isReadOnly = isReadOnly
        self.authenticate = authenticate
    }

    /// - Parameter onlyAsks: whether nothing is changed, and the body asks for what must not stand
    ///   in an address: those are kept by proxies and browsers.
    package func route(
        _ method: Method, _ path: String, summary: String, tag: String,
        parameters: [Parameter] = [], body: Schema? = nil, takesFile: Bool = false,
        returns answer: Answer, refusals: [Refused] = [], bodyBytesMax: Int? = nil,
        rate: RateClass? = nil, onlyAsks: Bool = false,
        handler: @escaping @Sendable (Request, Context) async throws -> Response
    ) -> Route {
        precondition(
            !isReadOnly || method == .get || onlyAsks, "\(path) is for people who only look")
        let description = Route.Description(
            method: method, path: path, summary: summary, tag: tag, parameters: parameters,
            body: body, takesFile: takesFile, answer: answer, refusals: self.refusals + refusals,
            bodyBytesMax: bodyBytesMax, rateClass: rate)
        let checks = description.checks
        let authenticate = authenticate
        return Route(description, access: access) { request in
            let context = try await authenticate(request)
            return try await handler(try checks.apply(to: request), context)
        }
    }
}
