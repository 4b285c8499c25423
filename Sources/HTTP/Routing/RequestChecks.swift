import Values

/// What must hold of a request before its handler sees it, in the order in which it is checked.
struct RequestChecks: Sendable {
    private let path: [Parameter]
    private let query: [Parameter]
    private let headers: [Parameter]
    private let body: Schema?
    private let takesFile: Bool

    init(parameters: [Parameter], body: Schema?, takesFile: Bool = false) {
        path = parameters.filter { $0.place == .path }
        query = parameters.filter { $0.place == .query }
        headers = parameters.filter { $0.place == .header }
        self.body = body
        self.takesFile = takesFile
    }

    /// The same request with its JSON read, or the problem that stands in the way.
    func apply(to request: Request) throws(Problem) -> Request {
        for parameter in path { try checkPath(parameter, of: request) }
        for parameter in query { try checkQuery(parameter, of: request) }
        for parameter in headers { try checkHeader(parameter, of: request) }
        if takesFile { try checkFile(of: request) }
        guard let body else { return request }
        var request = request
        request.json = try json(of: request, body)
        return request
    }

    /// An id that cannot exist names nothing: 404, as for one that merely does not.
    private func checkPath(_ parameter: Parameter, of request: Request) throws(Problem) {
        let text = request.parameter(parameter.name)
        do { try parameter.schema.check(parameter: text) } catch { throw Problem.notFound() }
    }

    private func checkQuery(_ parameter: Parameter, of request: Request) throws(Problem) {
        let values = request.head.target.query.filter { $0.name == parameter.name }
        guard values.count <= 1 else {
            throw problem(parameter, "must come only once")
        }
        try check(parameter, values.first?.value)
    }

    private func checkHeader(_ parameter: Parameter, of request: Request) throws(Problem) {
        let values = request.head.fields.values(parameter.name)
        guard values.count <= 1 else {
            throw problem(parameter, "must come only once")
        }
        try check(parameter, values.first)
    }

    private func check(_ parameter: Parameter, _ text: String?) throws(Problem) {
        guard let text, !text.isEmpty || !parameter.isRequired else {
            if parameter.isRequired { throw missing(parameter) }
            return
        }
        do { try parameter.schema.check(parameter: text) } catch {
            throw problem(parameter, error.reason)
        }
    }

    private func missing(_ parameter: Parameter) -> Problem {
        Problem(
            status: 400, code: parameter.codeWhenMissing,
            detail: "The \(parameter.place.rawValue) parameter \(parameter.name) is required.",
            facts: [Fact("parameter", parameter.name)])
    }

    private func problem(_ parameter: Parameter, _ reason: String) -> Problem {
        .invalidRequest(
            "The \(parameter.place.rawValue) parameter \(parameter.name) \(reason).",
            facts: [Fact("parameter", parameter.name), Fact("reason", reason)])
    }

    // MARK: Body

    private func checkFile(of request: Request) throws(Problem) {
        guard MediaType.isPlainFile(request) else { throw .unsupportedFileType }
        guard !request.body.isEmpty else {
            throw .invalidRequest(
                "A file is required.", facts: [Fact("field", ""), Fact("reason", "is required")])
        }
    }

    private func json(of request: Request, _ schema: Schema) throws(Problem) -> JSON {
        if request.body.isEmpty {
            guard schema.acceptsEmptyObject else {
                throw .invalidRequest(
                    "A JSON body is required.",
                    facts: [Fact("field", ""), Fact("reason", "is required")])
            }
            return [:]
        }
        guard MediaType.isPlainJSON(request) else { throw .unsupportedMediaType }
        let json = try parse(request.body)
        do { try schema.check(json) } catch { throw Problem(error) }
        return json
    }

    private func parse(_ body: [UInt8]) throws(Problem) -> JSON {
        do { return try JSON(parsing: body) } catch {
            throw .invalidRequest(
                "The body is no valid JSON (\(error.reason.rawValue) at byte \(error.offset)).",
                facts: [
                    Fact("reason", error.reason.rawValue), Fact("offset", Int64(error.offset)),
                ])
        }
    }
}
