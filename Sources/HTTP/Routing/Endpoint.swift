import Telemetry

/// A mounted route with what is counted about it.
final class Endpoint: Sendable {
    let route: Route
    let parameterNames: [String]
    let measures: Measures

    init(_ route: Route, in metrics: Metrics) {
        self.route = route
        parameterNames = RoutePath.names(in: route.path)
        measures = Measures(method: route.method.rawValue, route: route.path, in: metrics)
    }

    func parameters(_ values: [String]) -> [Request.PathParameter] {
        zip(parameterNames, values).map { Request.PathParameter(name: $0, value: $1) }
    }
}

/// Requests and their time under one label; handles are made once and kept.
struct Measures: Sendable {
    private let byStatusClass: [Counter]
    private let duration: Histogram

    init(method: String, route: String, in metrics: Metrics) {
        byStatusClass = (1...5).map {
            metrics.counter(
                "http_requests_total", help: "Answered requests.",
                labels: [("method", method), ("route", route), ("status", "\($0)xx")])
        }
        duration = metrics.histogram(
            "http_request_duration_seconds", help: "From the head to the whole answer.",
            labels: [("method", method), ("route", route)])
    }

    func observe(status: Int, microseconds: Int64) {
        byStatusClass[min(max(status / 100, 1), 5) - 1].increment()
        duration.observe(microseconds: microseconds)
    }
}
