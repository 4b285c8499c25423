internal import Cryptography
package import HTTP
internal import Synchronization
package import Values

/// PayPal's API as far as money goes in and out by it, and the page where a payer approves.
package final class PayPalSimulator: SimulatedVendor {
    package let name = "paypal"

    static let webhookSeconds: Int64 = 2
    static let payoutSeconds: Int64 = 3
    static let tokenSeconds: Int64 = 32_400
    /// An order that nobody has approved ends.
    static let orderSeconds: Int64 = 3 * 3_600
    static let lateSeconds: Int64 = 90
    static let takenBackSeconds: Int64 = 7_200
    /// For how long a request's id is remembered.
    static let keySeconds: Int64 = 6 * 3_600
    /// Who has this address has no account.
    static let strangersAddress = "nobody@example.com"

    let state = Mutex(PayPalBooks())
    let webhookURL: String
    let webhookID: String
    /// What payers do whom nobody answers for one by one; nil: they wait for `answer`.
    let habit: @Sendable (SimulatedWorld) -> PromptAnswer?

    package init(
        webhookURL: String, webhookID: String,
        habit: @escaping @Sendable (SimulatedWorld) -> PromptAnswer? = { _ in nil }
    ) {
        self.webhookURL = webhookURL
        self.webhookID = webhookID
        self.habit = habit
    }

    package var books: [BookEntry] { state.withLock { $0.entries } }
    package var nextDue: Timestamp? { state.withLock { $0.nextDue } }

    package var prompts: [SimulatedPrompt] {
        state.withLock { state in
            state.orders.values.filter { $0.status == "PAYER_ACTION_REQUIRED" }
                .sorted { $0.id < $1.id }
                .map { order in
                    SimulatedPrompt(
                        id: order.id, phone: "PayPal", amount: order.minorUnits,
                        currency: order.currency,
                        text: "Pay \(order.currency) \(order.value)?",
                        at: order.endsAt.adding(seconds: -Self.orderSeconds))
                }
        }
    }

    // MARK: Requests

    struct Call: Sendable {
        let request: SimulatedRequest
        /// What stands in the place of `*`.
        let id: String
        let faults: [FaultPlan.Rule]

        /// Where a person's browser finds the pages.
        var pages: String {
            "http://\(request.header("Host") ?? "simulated")/paypal" + PayPalSimulator.pagePath
        }
    }

    struct Operation: Sendable {
        let name: String
        let method: Method
        /// With `*` where an id stands.
        let path: String
        let act: @Sendable (PayPalSimulator, Call, SimulatedWorld) -> SimulatedReply
    }

    static let operations: [Operation] = [
        Operation(name: "token", method: .post, path: "/v1/oauth2/token") { $0.token($1, in: $2) },
        Operation(name: "order_create", method: .post, path: "/v2/checkout/orders") {
            $0.open($1, in: $2)
        },
        Operation(name: "order_get", method: .get, path: "/v2/checkout/orders/*") {
            simulator, call, _ in simulator.order(call)
        },
        Operation(name: "order_capture", method: .post, path: "/v2/checkout/orders/*/capture") {
            $0.capture($1, in: $2)
        },
        Operation(name: "payout_create", method: .post, path: "/v1/payments/payouts") {
            $0.payOut($1, in: $2)
        },
        Operation(name: "payout_get", method: .get, path: "/v1/payments/payouts/*") {
            simulator, call, _ in simulator.payout(call)
        },
        Operation(
            name: "payout_cancel", method: .post, path: "/v1/payments/payouts-item/*/cancel"
        ) { simulator, call, _ in simulator.cancel(call) },
        Operation(
            name: "webhook_verify", method: .post,
            path: "/v1/notifications/verify-webhook-signature"
        ) { simulator, call, _ in simulator.verify(call) },
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
        let parts = request.path.split(separator: "/")
        let operation = Self.operations.first { operation in
            let ours = operation.path.split(separator: "/")
            return operation.method == request.method && ours.count == parts.count
                && zip(ours, parts).allSatisfy { $0 == "*" || $0 == $1 }
        }
        guard let operation else { return nil }
        let faults = world.faults(of: operation.name)
        world.note(
            "asked", "\(request.method.rawValue) \(request.path) \(request.json.text)",
            vendor: name, operation.name, faults.map(\.fault))
        let index = operation.path.split(separator: "/").firstIndex(of: "*")
        let call = Call(request: request, id: index.map { String(parts[$0]) } ?? "", faults: faults)
        let reply = SimulatedReply.suffering(faults, broken: .paypalBroken) {
            answer(call, operation, in: world)
        }
        let manner = reply.manner == .whole ? "" : " (\(reply.manner))"
        let isSecret = operation.name == "token"
        world.note(
            "answered",
            "\(reply.status)\(manner) "
                + (isSecret ? "•••" : String(decoding: reply.body, as: UTF8.self)),
            vendor: name, operation.name)
        return reply
    }

    private func answer(
        _ call: Call, _ operation: Operation, in world: SimulatedWorld
    ) -> SimulatedReply {
        guard operation.name != "token" else { return operation.act(self, call, world) }
        let token = (call.request.header("Authorization") ?? "").split(separator: " ").last ?? ""
        guard let endsAt = state.withLock({ $0.tokens[String(token)] }), world.now < endsAt else {
            return .paypal(401, "AUTHENTICATION_FAILURE", "Authentication failed.")
        }
        guard let key = call.request.header("PayPal-Request-Id") else {
            return operation.act(self, call, world)
        }
        let name = call.request.path + " " + key
        if let kept = state.withLock({ $0.kept[name] }), world.now < kept.endsAt {
            var reply = SimulatedReply(kept.status, .null)
            reply.body = kept.body
            return reply
        }
        let reply = operation.act(self, call, world)
        if reply.status < 300 {
            state.withLock { state in
                state.kept[name] = PayPalBooks.Kept(
                    status: reply.status, body: reply.body,
                    endsAt: world.now.adding(seconds: Self.keySeconds))
            }
        }
        return reply
    }

    private func token(_ call: Call, in world: SimulatedWorld) -> SimulatedReply {
        let scheme = call.request.header("Authorization")?.prefix { $0 != " " }
        guard scheme == "Basic", call.request.form["grant_type"] == "client_credentials" else {
            return .paypal(401, "invalid_client", "Client Authentication failed")
        }
        let token = state.withLock { state -> String in
            let token = Hex.encode(Hash.sha256(state.name("TOKEN") + "\(world.now)"))
            state.tokens = state.tokens.filter { world.now < $0.value }
            state.tokens[token] = world.now.adding(seconds: Self.tokenSeconds)
            return token
        }
        return SimulatedReply(
            200,
            [
                "access_token": .string(token), "token_type": "Bearer",
                "expires_in": .integer(Self.tokenSeconds),
            ])
    }
}

extension SimulatedReply {
    static let paypalBroken = paypal(
        500, "INTERNAL_SERVER_ERROR", "An internal server error has occurred.")

    /// As PayPal says no.
    static func paypal(
        _ status: Int, _ name: String, _ message: String, issue: String? = nil, link: String? = nil
    ) -> SimulatedReply {
        var object = JSONObject([
            ("name", .string(name)), ("message", .string(message)), ("debug_id", "simulated"),
        ])
        if let issue { object.append("details", [["issue": .string(issue)]]) }
        if let link { object.append("links", [["href": .string(link), "rel": "self"]]) }
        return SimulatedReply(status, .object(object))
    }
}
