package import HTTP
internal import Synchronization
package import Values

/// Stripe's API as far as money goes in and out by it, the Checkout page, and the payer's bank.
package final class StripeSimulator: SimulatedVendor {
    package let name = "stripe"

    /// From what happened to the webhook.
    static let webhookSeconds: Int64 = 2
    /// How long a means of payment takes that is not paid at once.
    static let lateSeconds: Int64 = 90
    /// For how long a key is remembered.
    static let keySeconds: Int64 = 86_400
    static let pageMax: Int64 = 100

    let state = Mutex(StripeBooks())
    /// Where the operator has asked for webhooks.
    let webhookURL: String
    let webhookSecret: String
    /// How long after it was paid it is taken back.
    let takenBackSeconds: Int64
    /// What payers do whom nobody answers for one by one; nil: they wait for `answer`.
    let habit: @Sendable (SimulatedWorld) -> PromptAnswer?

    package init(
        webhookURL: String, webhookSecret: String, takenBackSeconds: Int64 = 7_200,
        habit: @escaping @Sendable (SimulatedWorld) -> PromptAnswer? = { _ in nil }
    ) {
        self.webhookURL = webhookURL
        self.webhookSecret = webhookSecret
        self.takenBackSeconds = takenBackSeconds
        self.habit = habit
    }

    // MARK: What it has

    package var books: [BookEntry] { state.withLock { $0.entries } }
    package var nextDue: Timestamp? { state.withLock { $0.nextDue } }

    package var prompts: [SimulatedPrompt] {
        state.withLock { state in
            state.sessions.values.filter { $0.status == "open" }.sorted { $0.number < $1.number }
                .map { session in
                    SimulatedPrompt(
                        id: session.id, phone: "Checkout", amount: session.amount,
                        currency: session.currency.uppercased(),
                        text: "Pay \(session.readableAmount)?", at: session.createdAt)
                }
        }
    }

    // MARK: Requests

    struct Operation: Sendable {
        typealias Act =
            @Sendable (StripeSimulator, Call, SimulatedWorld) -> SimulatedReply

        let name: String
        let method: Method
        /// With `*` where an id stands.
        let path: String
        let act: Act

        init(_ name: String, _ method: Method, _ path: String, _ act: @escaping Act) {
            self.name = name
            self.method = method
            self.path = path
            self.act = act
        }

        func matches(_ request: SimulatedRequest) -> Bool {
            let (ours, theirs) = (path.split(separator: "/"), request.path.split(separator: "/"))
            return request.method == method && ours.count == theirs.count
                && zip(ours, theirs).allSatisfy { $0 == "*" || $0 == $1 }
        }
    }

    /// One call as an operation sees it.
    struct Call: Sendable {
        let request: SimulatedRequest
        /// What stands in the place of `*`.
        let id: String
        let faults: [FaultPlan.Rule]

        var fields: [String: String] { request.method == .get ? request.query : request.form }

        /// Where a person's browser finds the Checkout pages.
        var pages: String {
            "http://\(request.header("Host") ?? "simulated")/stripe" + StripeSimulator.pagePath
        }

        var isExpanded: Bool {
            request.query.contains {
                $0.key.hasPrefix("expand[") && $0.value.hasPrefix("payment_intent")
            }
        }
    }

    static let operations: [Operation] = [
        Operation("checkout_create", .post, "/v1/checkout/sessions") { $0.open($1, in: $2) },
        Operation("checkout_list", .get, "/v1/checkout/sessions") { simulator, call, _ in
            simulator.listSessions(call)
        },
        Operation("checkout_get", .get, "/v1/checkout/sessions/*") { simulator, call, _ in
            simulator.session(call)
        },
        Operation("refund_create", .post, "/v1/refunds") { $0.refund($1, in: $2) },
        Operation("dispute_list", .get, "/v1/disputes") { simulator, call, _ in
            simulator.listDisputes(call)
        },
        Operation("transfer_create", .post, "/v1/transfers") { $0.transfer($1, in: $2) },
        Operation("transfer_list", .get, "/v1/transfers") { simulator, call, _ in
            simulator.listTransfers(call)
        },
        Operation("transfer_get", .get, "/v1/transfers/*") { simulator, call, _ in
            simulator.transfer(call)
        },
        Operation("transfer_reverse", .post, "/v1/transfers/*/reversals") {
            $0.reverse($1, in: $2)
        },
    ]

    package var paths: [(method: Method, path: String)] {
        Self.operations.map { operation in
            (
                operation.method,
                operation.path.split(separator: "/").map { $0 == "*" ? "/{id}" : "/\($0)" }
                    .joined()
            )
        } + [(.get, Self.pagePath + "{id}"), (.post, Self.pagePath + "{id}")]
    }

    package func handle(
        _ request: SimulatedRequest, in world: SimulatedWorld
    ) -> SimulatedReply? {
        tick(in: world)
        if request.path.hasPrefix(Self.pagePath) { return page(request, in: world) }
        guard let operation = Self.operations.first(where: { $0.matches(request) }) else {
            return nil
        }
        let faults = world.faults(of: operation.name)
        let said = request.method == .get ? "" : String(decoding: request.body, as: UTF8.self)
        world.note(
            "asked", "\(request.method.rawValue) \(request.path) " + said, vendor: name,
            operation.name, faults.map(\.fault))
        let reply = SimulatedReply.suffering(faults, broken: .stripeBroken) {
            self.reply(to: request, operation, faults, in: world)
        }
        let manner = reply.manner == .whole ? "" : " (\(reply.manner))"
        world.note(
            "answered", "\(reply.status)\(manner) " + String(decoding: reply.body, as: UTF8.self),
            vendor: name, operation.name)
        return reply
    }

    private func reply(
        to request: SimulatedRequest, _ operation: Operation, _ faults: [FaultPlan.Rule],
        in world: SimulatedWorld
    ) -> SimulatedReply {
        guard request.header("Authorization")?.split(separator: " ").count == 2 else {
            return .stripe(401, "invalid_request_error", nil, "You did not provide an API key.")
        }
        let index = operation.path.split(separator: "/").firstIndex(of: "*")
        let call = Call(
            request: request,
            id: index.map { String(request.path.split(separator: "/")[$0]) } ?? "",
            faults: faults)
        guard operation.method == .post, let name = request.header("Idempotency-Key") else {
            return operation.act(self, call, world)
        }
        return once(name, call, operation, world)
    }

    /// What begins under a key ends once; a refusal before it began is not kept.
    private func once(
        _ name: String, _ call: Call, _ operation: Operation, _ world: SimulatedWorld
    ) -> SimulatedReply {
        let said = call.request.path + " " + String(decoding: call.request.body, as: UTF8.self)
        let kept = state.withLock { $0.kept[name] }
        if let kept, world.now < kept.endsAt {
            guard kept.request == said else {
                return .stripe(
                    400, "idempotency_error", nil,
                    "Keys for idempotent requests can only be used with the same parameters they "
                        + "were first used with.")
            }
            var reply = SimulatedReply(kept.status, .null)
            reply.body = kept.body
            return reply
        }
        let reply = operation.act(self, call, world)
        guard reply.status == 200 else { return reply }
        // An error of the server's own is kept like any answer.
        let isBroken = call.faults.contains { $0.fault == .errorAfterActing }
        let answer = isBroken ? SimulatedReply.stripeBroken : reply
        state.withLock { state in
            state.kept[name] = StripeBooks.Kept(
                request: said, status: answer.status, body: answer.body,
                endsAt: world.now.adding(seconds: Self.keySeconds))
        }
        return reply
    }
}

extension SimulatedReply {
    static let stripeBroken = stripe(
        500, "api_error", nil, "An unknown error occurred on the simulated server.")

    /// As Stripe says no.
    static func stripe(
        _ status: Int, _ type: String, _ code: String?, _ message: String
    ) -> SimulatedReply {
        var error = JSONObject([("type", .string(type)), ("message", .string(message))])
        if let code { error.append("code", .string(code)) }
        return SimulatedReply(status, ["error": .object(error)])
    }
}
