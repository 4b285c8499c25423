package import Telemetry
import Values

/// Which route answers, and what to say when none does.
package struct Router: Sendable {
    /// Turns errors that are no refusals into problems, or returns nil for "our fault".
    package typealias Describe = @Sendable (any Error) -> Problem?

    package let routes: [Route]
    private let tree: RouteTree
    private let describe: Describe

    package init(
        _ routes: [Route], metrics: Metrics = .shared, describe: @escaping Describe = { _ in nil }
    ) {
        var tree = RouteTree()
        for route in routes { tree.insert(Endpoint(route, in: metrics)) }
        self.routes = routes
        self.tree = tree
        self.describe = describe
    }

    enum Resolution {
        case found(Endpoint, [Request.PathParameter])
        /// The address exists, the method does not; the value of `Allow`.
        case otherMethods(String)
        case nothing
    }

    func resolve(_ method: Method?, _ target: RequestTarget) -> Resolution {
        guard let match = tree.match(target.segments) else { return .nothing }
        let wanted = method == .head ? .get : method
        if let endpoint = match.endpoints.first(where: { $0.route.method == wanted }) {
            return .found(endpoint, endpoint.parameters(match.values))
        }
        return .otherMethods(Self.allow(match.endpoints.map(\.route.method)))
    }

    static func allow(_ methods: [Method]) -> String {
        let implied: [Method] = methods.contains(.get) ? [.head, .options] : [.options]
        let all = Set(methods + implied)
        return Method.allCases.filter(all.contains).map(\.rawValue).joined(separator: ", ")
    }

    /// The one ladder from errors to answers.
    func respond(_ endpoint: Endpoint, _ request: Request) async -> Response {
        do {
            return try await endpoint.route.handler(request)
        } catch {
            return endpoint.route.response(to: problem(for: error), requestID: request.id)
        }
    }

    private func problem(for error: any Error) -> Problem {
        if let problem = error as? Problem { return problem }
        if let refusal = error as? any Refusal { return Problem(refusal) }
        if let problem = describe(error) {
            Log.warning("http_unavailable", Self.fields(of: error))
            return problem
        }
        Log.error("http_internal_error", Self.fields(of: error))
        return .internalError
    }

    /// Only what an error calls its description; what it merely carries may be someone's data.
    private static func fields(of error: any Error) -> Log.Fields {
        let description = (error as? any CustomStringConvertible)?.description ?? ""
        return ["type": .text(String(reflecting: type(of: error))), "error": .text(description)]
    }
}
