/// The text of a route's path, taken apart.
enum RoutePath {
    static func segments(of path: String) -> [Substring] {
        path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    }

    static func name(in segment: Substring) -> String? {
        segment.hasPrefix("{") && segment.hasSuffix("}")
            ? String(segment.dropFirst().dropLast()) : nil
    }

    static func names(in path: String) -> [String] {
        segments(of: path).compactMap(name)
    }
}

/// Finds the routes of an address, segment by segment; a literal is preferred to a parameter.
struct RouteTree: Sendable {
    private struct Node: Sendable {
        var literals: [(text: String, child: Int)] = []
        var parameter: Int?
        var endpoints: [Endpoint] = []
    }

    struct Match {
        let endpoints: [Endpoint]
        let values: [String]
    }

    private var nodes = [Node()]

    mutating func insert(_ endpoint: Endpoint) {
        var node = 0
        for segment in RoutePath.segments(of: endpoint.route.path) {
            node = child(of: node, segment)
        }
        precondition(
            !nodes[node].endpoints.contains { $0.route.method == endpoint.route.method },
            "\(endpoint.route.method.rawValue) \(endpoint.route.path) is mounted twice")
        nodes[node].endpoints.append(endpoint)
    }

    private mutating func child(of node: Int, _ segment: Substring) -> Int {
        let known =
            RoutePath.name(in: segment) == nil
            ? nodes[node].literals.first { $0.text == segment }?.child : nodes[node].parameter
        if let known { return known }
        nodes.append(Node())
        let child = nodes.count - 1
        if RoutePath.name(in: segment) == nil {
            nodes[node].literals.append((String(segment), child))
        } else {
            nodes[node].parameter = child
        }
        return child
    }

    func match(_ segments: [String]) -> Match? {
        match(segments[...], at: 0, values: [])
    }

    private func match(_ segments: ArraySlice<String>, at index: Int, values: [String]) -> Match? {
        let node = nodes[index]
        guard let segment = segments.first else {
            return node.endpoints.isEmpty ? nil : Match(endpoints: node.endpoints, values: values)
        }
        if let child = node.literals.first(where: { $0.text == segment })?.child,
            let found = match(segments.dropFirst(), at: child, values: values)
        {
            return found
        }
        guard let child = node.parameter, !segment.isEmpty else { return nil }
        return match(segments.dropFirst(), at: child, values: values + [segment])
    }
}
