import Telemetry

/// Everything about a request that needs no socket: which answer, or which handler, and for whom.
final class Service: Sendable {
    let router: Router
    let staticFiles: StaticFiles?
    let configuration: ServerConfiguration
    let staticMeasures: Measures
    let otherMeasures: Measures

    init(
        router: Router, staticFiles: StaticFiles?, configuration: ServerConfiguration,
        metrics: Metrics
    ) {
        self.router = router
        self.staticFiles = staticFiles
        self.configuration = configuration
        staticMeasures = Measures(method: "GET", route: "static", in: metrics)
        otherMeasures = Measures(method: "other", route: "none", in: metrics)
    }

    enum Plan {
        /// Decided by the head alone.
        case answer(Response, Measures)
        case call(Endpoint, [Request.PathParameter])
    }

    /// The plan, and what the request is counted against from now on.
    func plan(for head: RequestHead) -> (plan: Plan, allowance: Allowance?) {
        let plan = planUnlimited(head)
        guard let limiter = configuration.limiter else { return (plan, nil) }
        let allowance = Allowance(limiter, plan.rateClass)
        do throws(Problem) {
            try allowance.admit(.address(head.address))
            return (plan, allowance)
        } catch {
            let response = plan.response(to: error, requestID: head.id)
            return (.answer(response, plan.measures), allowance)
        }
    }

    private func planUnlimited(_ head: RequestHead) -> Plan {
        if let preflight = crossOriginPreflight(head) { return .answer(preflight, otherMeasures) }
        if head.target.path == "*" {
            return .answer(Self.allowing(Method.allCases), otherMeasures)
        }
        switch router.resolve(head.method, head.target) {
        case .found(let endpoint, let parameters): return plan(endpoint, parameters, head)
        case .otherMethods(let allow): return .answer(methodAnswer(head, allow), otherMeasures)
        case .nothing: return planWithoutRoute(head)
        }
    }

    private func plan(
        _ endpoint: Endpoint, _ parameters: [Request.PathParameter], _ head: RequestHead
    ) -> Plan {
        let mediaType = endpoint.route.answer.mediaType
        guard MediaType.accepts(head.fields["accept"], mediaType) else {
            let response = endpoint.route.response(
                to: .notAcceptable(mediaType), requestID: head.id)
            return .answer(response, endpoint.measures)
        }
        return .call(endpoint, parameters)
    }

    private func planWithoutRoute(_ head: RequestHead) -> Plan {
        guard let response = staticFiles?.response(to: head) else {
            return .answer(problem(.notFound(), head), otherMeasures)
        }
        guard head.method == .get || head.method == .head else {
            return .answer(methodAnswer(head, Router.allow([.get])), staticMeasures)
        }
        return .answer(response, staticMeasures)
    }

    private func methodAnswer(_ head: RequestHead, _ allow: String) -> Response {
        head.method == .options
            ? .empty(204, headers: [("Allow", allow)])
            : problem(.methodNotAllowed(allow: allow), head)
    }

    private static func allowing(_ methods: [Method]) -> Response {
        .empty(204, headers: [("Allow", Router.allow(methods))])
    }

    private func problem(_ problem: Problem, _ head: RequestHead) -> Response {
        problem.response(requestID: head.id)
    }
}

extension Service.Plan {
    fileprivate var rateClass: RateClass {
        if case .call(let endpoint, _) = self { endpoint.route.rateClass } else { .open }
    }

    fileprivate var measures: Measures {
        switch self {
        case .answer(_, let measures): measures
        case .call(let endpoint, _): endpoint.measures
        }
    }

    /// What is said instead, in the words of the route that would have been called.
    func response(to problem: Problem, requestID: String) -> Response {
        switch self {
        case .answer: problem.response(requestID: requestID)
        case .call(let endpoint, _): endpoint.route.response(to: problem, requestID: requestID)
        }
    }
}

// MARK: Cross-origin requests

/// The CORS protocol (WHATWG Fetch §3.2), for configured origins only.
///
/// Credentials are never allowed: access is by bearer token, which no browser sends by itself.
extension Service {
    static let preflightSeconds = 600
    private static let headersAllowed =
        "Accept, Authorization, Content-Type, Idempotency-Key, Last-Event-ID, X-Request-Id"
    static let headersExposed =
        "Allow, ETag, Idempotent-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, "
        + "WWW-Authenticate, X-Request-Id"

    func allowedOrigin(_ head: RequestHead) -> String? {
        guard !configuration.originsAllowed.isEmpty, let origin = head.fields["origin"],
            configuration.originsAllowed.contains(origin)
        else { return nil }
        return origin
    }

    private func crossOriginPreflight(_ head: RequestHead) -> Response? {
        guard head.method == .options, allowedOrigin(head) != nil,
            let wanted = head.fields["access-control-request-method"],
            let method = Method(rawValue: wanted)
        else { return nil }
        switch router.resolve(method, head.target) {
        case .found: return preflightAnswer(method.rawValue)
        case .otherMethods(let allow): return preflightAnswer(allow)
        case .nothing: return nil
        }
    }

    private func preflightAnswer(_ methods: String) -> Response {
        .empty(
            204,
            headers: [
                ("Access-Control-Allow-Methods", methods),
                ("Access-Control-Allow-Headers", Self.headersAllowed),
                ("Access-Control-Max-Age", String(Self.preflightSeconds)),
            ])
    }
}
