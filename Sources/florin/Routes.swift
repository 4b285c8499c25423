internal import Channels
internal import HTTP
internal import Identity
internal import Jobs
internal import Ledger
internal import Notifications
internal import Offline
internal import Payments
internal import Postgres
internal import Rails
internal import Redis
internal import Telemetry
internal import Values

/// The mount list: the table of contents of the whole API.
struct Routes: Sendable {
    let application: Application

    /// Which part of the API one process serves.
    enum Part: String, Sendable, CaseIterable {
        case all
        /// The simple transfer API as three services.
        case users
        case transactions
        case reports
    }

    func routes(_ part: Part = .all) -> [Route] {
        let simple = SimpleRoutes(application.simple)
        let isSimple = application.configuration.simpleAccess != .off
        let chosen: [Route] =
            switch part {
            case .all:
                platform + (isSimple ? simple.users + simple.transactions + simple.reports : [])
            case .users: simple.users
            case .transactions: simple.transactions
            case .reports: simple.reports
            }
        let mounted = chosen + OperationRoutes(application: application).routes
        return mounted + [
            OpenAPI.route(
                describing: mounted, title: "Florin", version: Florin.version,
                description: "Digital wallets and instant payments.")
        ]
    }

    private var platform: [Route] {
        let payments = PaymentRoutes(application.payments)
        let books = BookRoutes(application.payments, application.commitments)
        let plans = PlanRoutes(application.identity)
        let acts = ActRoutes(application.identity, application.actCommitments)
        let always =
            IdentityRoutes(application.identity).routes
            + PasskeyRoutes(application.identity).routes
            + SecondFactorRoutes(application.identity).routes
            + MerchantKeyRoutes(application.identity).routes
            + OAuthRoutes(application.identity).routes
            + ProfileRoutes(application.identity).routes
            + ContactRoutes(application.identity).routes
            + PersonalDataRoutes(
                application.identity, application.export, application.erasures
            ).routes
            + payments.routes + books.routes + acts.routes + plans.routes
            + RoleRoutes(application.identity).routes
            + KycRoutes(application.identity).routes + StaffKycRoutes(application.identity).routes
            + StaffPeopleRoutes(application.identity).routes
            + CodeStopRoutes(application.identity).routes
            + RailRoutes(application.rails).routes
            + OfflineRoutes(application.offline).routes
        guard application.configuration.isSandbox else { return always }
        return always + plans.sandboxRoutes + payments.sandboxRoutes
            + OutboxRoutes(application.notifications).routes
            + ClockRoutes(application: application).routes
    }

    /// What the machines' faults look like to a client: try again, nothing was half done. Only when
    /// the database was lost in the very commit does nobody know, and then the answer says so.
    static func describe(_ error: any Error) -> Problem? {
        guard let error = error as? DatabaseError else { return nil }
        switch error {
        case .commitUnknown: return .outcomeUnknown(retryAfterSeconds: 1)
        case .overloaded, .connection, .closed:
            return .unavailable(retryAfterSeconds: 1)
        case .server(let server) where server.isOfTheMoment:
            return .unavailable(retryAfterSeconds: 1)
        case .server, .decoding, .configuration:
            return nil
        }
    }
}

/// Health, metrics: what operators and machines ask.
struct OperationRoutes: Sendable {
    let application: Application

    var routes: [Route] {
        [
            .open(
                .get, "/health", summary: "Whether the server answers.", tag: "operations",
                returns: .ok(Self.health), handler: live),
            .open(
                .get, "/health/live", summary: "Whether the process answers.", tag: "operations",
                returns: .ok(Self.health), handler: live),
            .open(
                .get, "/health/ready",
                summary: "Whether the database answers too, and whether money may leave wallets.",
                tag: "operations", returns: .ok(Self.readiness), handler: ready),
            .open(
                .get, "/metrics", summary: "Prometheus text.", tag: "operations",
                returns: .text("Metrics in the Prometheus text format 0.0.4."), handler: metrics),
        ]
    }

    private static let health = Schema.object(Self.always)

    private static let always: [Schema.Field] = [
        .required("status", .string()), .required("version", .string()),
        .required("sandbox", .boolean),
    ]

    private static let readiness = Schema.object(
        always + [
            .required("money_out", .enumeration(["open", "stopped"])),
            .optional("stopped_at", .timestamp), .optional("differences", .integer(min: 0)),
            .optional("redis", .enumeration(["answers", "away"])),
        ])

    private func live(_ request: Request) async throws -> Response { healthy("ok") }

    private func ready(_ request: Request) async throws -> Response {
        let stop = try await application.moneyOut.current()
        let redisAnswers = await application.redis?.answers()
        return healthy("ready") { body in
            // Without Redis requests are served all the same, so it changes no status.
            if let redisAnswers { body.field("redis", redisAnswers ? "answers" : "away") }
            body.field("money_out", stop == nil ? "open" : "stopped")
            guard let stop else { return }
            body.field("stopped_at", "\(stop.at)")
            // Anybody may ask, so how many and not which.
            body.field("differences", Int64(stop.findings.count))
        }
    }

    private func healthy(
        _ status: String, _ more: (inout JSONObjectWriter) -> Void = { _ in }
    ) -> Response {
        .json { body in
            body.field("status", status)
            body.field("version", Florin.version)
            body.field("sandbox", application.configuration.isSandbox)
            more(&body)
        }
    }

    private func metrics(_ request: Request) async throws -> Response {
        .text(200, Metrics.shared.text())
    }
}

/// The sandbox's clock: codes expire and holds end without waiting.
struct ClockRoutes: Sendable {
    let application: Application

    /// Ten years: no test needs more in one step.
    private static let secondsMax: Int64 = 315_360_000

    var routes: [Route] {
        [
            .open(
                .post, "/sandbox/clock", summary: "Move the sandbox's clock forward.",
                tag: "sandbox",
                body: .object(.required("advance_seconds", .integer(min: 0, max: Self.secondsMax))),
                returns: .ok(
                    .object(
                        .required("now", .timestamp), .required("offset_seconds", .integer()))),
                handler: advance)
        ]
    }

    private func advance(_ request: Request) async throws -> Response {
        let clock = application.clock
        guard let seconds = request.json["advance_seconds"]?.integer,
            clock.offsetSeconds <= Self.secondsMax
        else {
            throw Problem.invalidRequest("The sandbox's clock is ten years ahead already.")
        }
        clock.advance(seconds: seconds)
        application.worker.wake()
        application.rails.wake()
        return .json { body in
            body.field("now", "\(clock.now)")
            body.field("offset_seconds", clock.offsetSeconds)
        }
    }
}

enum Florin {
    static let version = "0.1.0"
}
