internal import HTTP
internal import Telemetry
internal import Values

/// The simulated vendors on a port of their own, with a page for people.
package final class SimulatorServer: Sendable {
    /// How often it is looked what has become due.
    private static let lookMilliseconds = 100
    /// What a caller that is told nothing waits at most before the connection is closed.
    private static let silenceSeconds = 90

    package let world: SimulatedWorld
    package let vendors: [any SimulatedVendor]
    private let server: Server
    private let client = HTTPClient(connectionsMax: 256)

    package var port: Int { server.port }

    package init(
        host: String = "127.0.0.1", port: Int, world: SimulatedWorld,
        vendors: [any SimulatedVendor]
    ) throws {
        self.world = world
        self.vendors = vendors
        var configuration = ServerConfiguration()
        configuration.host = host
        configuration.port = port
        configuration.contentSecurityPolicy =
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
            + "frame-ancestors 'none'; base-uri 'none'"
        server = try Server(
            configuration: configuration,
            router: Router(
                SimulatorRoutes(world: world, vendors: vendors).routes
                    + vendors.flatMap { Self.routes(of: $0, world) },
                metrics: Metrics()),
            metrics: Metrics())
    }

    /// Answers and calls back, until drained or cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await self.deliver() }
            try await server.run()
            group.cancelAll()
        }
        client.close()
    }

    package func drain() { server.drain() }

    // MARK: Vendors' routes

    private static func routes(
        of vendor: any SimulatedVendor, _ world: SimulatedWorld
    ) -> [Route] {
        vendor.paths.map { method, path in
            .open(
                method, "/\(vendor.name)\(path)", summary: "As \(vendor.name) has it.",
                tag: vendor.name, returns: .ok(.any), rate: .open
            ) { request in try await answer(request, of: vendor, world) }
        }
    }

    private static func answer(
        _ request: Request, of vendor: any SimulatedVendor, _ world: SimulatedWorld
    ) async throws -> Response {
        let asked = SimulatedRequest(
            request.method, path: String(request.path.dropFirst(vendor.name.count + 1)),
            query: request.queryValues, body: request.body, header: { request.header($0) })
        guard let reply = vendor.handle(asked, in: world) else { throw Problem.notFound() }
        // These are seconds of the world outside: whoever waits does so on a real clock.
        if reply.seconds > 0 { try await Task.sleep(for: .seconds(reply.seconds)) }
        switch reply.manner {
        case .whole: return .bytes(reply.status, reply.body, as: reply.type)
        case .half:
            return .produced(as: "application/json") { stream in
                try await stream.write(Array(reply.body.prefix(reply.body.count / 2)))
                throw BrokenOff()
            }
        case .silence:
            try await Task.sleep(for: .seconds(silenceSeconds))
            return .produced(as: "application/json") { _ in throw BrokenOff() }
        }
    }

    private struct BrokenOff: Error {}

    // MARK: The post

    private func deliver() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                for vendor in vendors { vendor.tick(in: world) }
                for delivery in world.takeDue() {
                    group.addTask { await self.deliver(delivery) }
                }
                do { try await Task.sleep(for: .milliseconds(Self.lookMilliseconds)) } catch {
                    return
                }
            }
        }
    }

    private func deliver(_ delivery: SimulatedWorld.Delivery) async {
        let request = OutboundRequest(
            .post, delivery.url, headers: delivery.headers, body: delivery.body)
        let outcome: String
        do throws(OutboundError) {
            outcome = "\(try await client.send(request).status)"
        } catch { outcome = "\(error)" }
        world.note(
            "called_back", outcome + " " + String(decoding: delivery.body, as: UTF8.self),
            vendor: delivery.vendor, delivery.operation)
    }
}
