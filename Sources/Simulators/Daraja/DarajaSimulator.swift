internal import Cryptography
package import HTTP
internal import Synchronization
package import Values

/// Safaricom's Daraja and the telephones behind it, as the documentation and those who use it
/// describe them.
package final class DarajaSimulator: SimulatedVendor {
    package let name = "daraja"

    /// A prompt ends by itself.
    static let promptSeconds: Int64 = 60
    /// From the answer on the telephone, or the order, to the callback.
    static let callbackSeconds: Int64 = 2
    static let payoutSeconds: Int64 = 3
    static let tokenSeconds: Int64 = 3_599
    /// How much later somebody approves what has ended by itself.
    static let lateSeconds: Int64 = 90
    /// How long after a payment that is to be taken back it is.
    static let reversalSeconds: Int64 = 7_200

    let state = Mutex(DarajaBooks())
    /// What people do who are not asked one by one; nil: they wait for `answer`.
    let habit: @Sendable (SimulatedWorld) -> PromptAnswer?

    package init(habit: @escaping @Sendable (SimulatedWorld) -> PromptAnswer? = { _ in nil }) {
        self.habit = habit
    }

    // MARK: What it has

    package var books: [BookEntry] { state.withLock { $0.entries } }
    package var nextDue: Timestamp? { state.withLock { $0.nextDue } }

    package var prompts: [SimulatedPrompt] {
        state.withLock { state in
            state.pushes.values.filter { $0.result == nil }.map { push in
                SimulatedPrompt(
                    id: push.checkout, phone: push.phone, amount: push.shillings * 100,
                    currency: "KES", text: "Pay KSh \(push.shillings) to \(push.reference)?",
                    at: push.endsAt.adding(seconds: -Self.promptSeconds))
            }.sorted { ($0.at, $0.id) < ($1.at, $1.id) }
        }
    }

    // MARK: Requests

    package var paths: [(method: Method, path: String)] {
        Self.operations.map { ($0.value.method, $0.key) }.sorted { $0.1 < $1.1 }
    }

    package func handle(
        _ request: SimulatedRequest, in world: SimulatedWorld
    ) -> SimulatedReply? {
        guard let operation = Self.operations[request.path] else { return nil }
        tick(in: world)
        let faults = world.faults(of: operation.name)
        world.note(
            "asked", Self.readable(request), vendor: name, operation.name, faults.map(\.fault))
        let reply = reply(to: request, operation, faults, in: world)
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
        let kinds = Set(faults.map(\.fault))
        if kinds.contains(.silenceBeforeActing) { return .silent }
        if kinds.contains(.errorBeforeActing) { return .broken }
        if let refusal = refusal(of: request, operation, world) { return refusal }
        var reply = operation.act(self)(request, faults, world)
        if kinds.contains(.silenceAfterActing) { reply.manner = .silence }
        if kinds.contains(.errorAfterActing) { reply = .broken }
        if kinds.contains(.halfAnswer) { reply.manner = .half }
        if let delay = faults.first(where: { $0.fault == .delay }) { reply.seconds = delay.seconds }
        return reply
    }

    struct Operation: Sendable {
        typealias Act =
            @Sendable (SimulatedRequest, [FaultPlan.Rule], SimulatedWorld) -> SimulatedReply

        let name: String
        let method: Method
        let act: @Sendable (DarajaSimulator) -> Act
    }

    private static let operations: [String: Operation] = [
        "/oauth/v1/generate": Operation(name: "token", method: .get) { $0.token },
        "/mpesa/stkpush/v1/processrequest": Operation(name: "stk_push", method: .post) { $0.push },
        "/mpesa/stkpushquery/v1/query": Operation(name: "stk_query", method: .post) {
            $0.queryPush
        },
        "/mpesa/b2c/v1/paymentrequest": Operation(name: "b2c", method: .post) { $0.payOut },
        "/mpesa/b2c/v3/paymentrequest": Operation(name: "b2c", method: .post) { $0.payOut },
        "/mpesa/transactionstatus/v1/query": Operation(name: "status_query", method: .post) {
            $0.queryStatus
        },
        "/mpesa/reversal/v1/request": Operation(name: "reversal", method: .post) { $0.reverse },
        "/mpesa/accountbalance/v1/query": Operation(name: "balance", method: .post) {
            $0.balance
        },
    ]

    /// What the gateway in front of everything says no to.
    private func refusal(
        of request: SimulatedRequest, _ operation: Operation, _ world: SimulatedWorld
    ) -> SimulatedReply? {
        guard request.method == operation.method else {
            return .fault(405, "405.000.01", "Method Not Allowed")
        }
        guard operation.name != "token" else { return nil }
        let token = (request.header("Authorization") ?? "").drop { $0 != " " }.dropFirst()
        let endsAt = state.withLock { $0.tokens[String(token)] }
        guard let endsAt, world.now < endsAt else {
            return .fault(401, "404.001.03", "Invalid Access Token")
        }
        guard request.json.object != nil else {
            return .fault(400, "400.002.02", "Bad Request - Invalid Body")
        }
        return nil
    }

    private func token(
        _ request: SimulatedRequest, _ faults: [FaultPlan.Rule], _ world: SimulatedWorld
    ) -> SimulatedReply {
        let scheme = request.header("Authorization")?.prefix { $0 != " " }
        guard scheme == "Basic", request.query == ["grant_type": "client_credentials"] else {
            return .fault(400, "400.008.01", "Invalid Authentication passed")
        }
        let token = state.withLock { state -> String in
            let token = Hex.encode(Hash.sha256(state.name("token") + "\(world.now)"))
            state.tokens = state.tokens.filter { world.now < $0.value }
            state.tokens[token] = world.now.adding(seconds: Self.tokenSeconds)
            return token
        }
        // A string of seconds, as Safaricom has it.
        return SimulatedReply(
            200, ["access_token": .string(token), "expires_in": .string("\(Self.tokenSeconds)")])
    }

    /// Without what proves who somebody is.
    private static func readable(_ request: SimulatedRequest) -> String {
        let body = request.json.object.map { object in
            JSON.object(
                JSONObject(
                    object.members.map { name, value in
                        let isSecret = ["Password", "SecurityCredential"].contains(name)
                        return (name, isSecret ? .string("•••") : value)
                    })
            ).text
        }
        return "\(request.method.rawValue) \(request.path) " + (body ?? "")
    }
}

extension SimulatedReply {
    static var silent: SimulatedReply {
        var reply = SimulatedReply(200, [:])
        reply.manner = .silence
        return reply
    }

    static let broken = fault(503, "503.001.01", "Service is currently unavailable")

    /// As Daraja says no.
    static func fault(_ status: Int, _ code: String, _ message: String) -> SimulatedReply {
        SimulatedReply(
            status,
            [
                "requestId": "simulated", "errorCode": .string(code),
                "errorMessage": .string(message),
            ])
    }

    static func taken(_ members: (String, String)...) -> SimulatedReply {
        var object = JSONObject(members.map { ($0.0, JSON.string($0.1)) })
        object.append("ResponseCode", "0")
        object.append("ResponseDescription", "Accept the service request successfully.")
        return SimulatedReply(200, .object(object))
    }
}

extension JSON {
    /// A string or a number: Daraja's own examples use both for the same.
    var scalar: String? { string ?? decimal }
    var shillings: Int64? { integer ?? string.flatMap { Int64($0) } }
}
