import HTTP
import Simulators
import TestSupport
import Testing
import Values

/// Simulated vendors on a port of their own, as `florin simulate` runs them, and the settings of a
/// server that talks to them.
final class Vendors: Sendable {
    let world: SimulatedWorld
    let daraja: DarajaSimulator
    let stripe: StripeSimulator
    private let server: SimulatorServer
    private let florinPort: Int

    init(
        plan: FaultPlan = FaultPlan(),
        habit: @escaping @Sendable (SimulatedWorld) -> PromptAnswer? = { _ in nil }
    ) throws {
        world = SimulatedWorld(clock: Clock(), plan: plan)
        florinPort = FreePort.next()
        daraja = DarajaSimulator(habit: habit)
        stripe = StripeSimulator(
            webhookURL: "http://127.0.0.1:\(florinPort)/v1/callbacks/stripe",
            webhookSecret: "whsec_hidden-secret", takenBackSeconds: 5, habit: habit)
        server = try SimulatorServer(port: 0, world: world, vendors: [daraja, stripe])
        // Ends with the object.
        Task { [server] in try await server.run() }
    }

    deinit { server.drain() }

    var url: String { "http://127.0.0.1:\(server.port)" }

    /// The callbacks have to find the server, so its port is chosen before it starts.
    var settings: [String: String] {
        [
            "PORT": "\(florinPort)", "FLORIN_PUBLIC_URL": "http://127.0.0.1:\(florinPort)",
            "FLORIN_DARAJA_URL": url + "/daraja", "FLORIN_DARAJA_CONSUMER_KEY": "simulated",
            "FLORIN_DARAJA_CONSUMER_SECRET": "hidden-consumer-secret",
            "FLORIN_DARAJA_SHORT_CODE": "174379", "FLORIN_DARAJA_PASSKEY": "hidden-passkey",
            "FLORIN_DARAJA_PAYOUT_SHORT_CODE": "600000", "FLORIN_DARAJA_INITIATOR": "florin",
            "FLORIN_DARAJA_SECURITY_CREDENTIAL": "hidden-credential",
            "FLORIN_STRIPE_URL": url + "/stripe", "FLORIN_STRIPE_SECRET_KEY": "sk_hidden-key",
            "FLORIN_STRIPE_WEBHOOK_SECRET": "whsec_rolled,whsec_hidden-secret",
            "FLORIN_STRIPE_CURRENCIES": "USD",
        ]
    }

    func answer(_ person: Person, _ answer: PromptAnswer) throws {
        let prompt = try #require(
            daraja.prompts.first { $0.phone == person.phone.dropFirst() })
        #expect(daraja.answer(prompt.id, answer, in: world))
    }
}

extension Person {
    func topUp(byRail amount: Int64) async throws -> JSON {
        try await post("/v1/topups", Self.crossing(amount))
    }

    func payOut(_ amount: Int64) async throws -> JSON {
        try await post("/v1/payouts", Self.crossing(amount))
    }

    private static func crossing(_ amount: Int64) -> JSON {
        ["rail": "mpesa", "amount": .integer(amount), "currency": "KES"]
    }

    /// What became of a payment once its state is one of these.
    func payment(_ id: String, when states: Set<String>) async throws -> JSON {
        while true {
            let payment = try await get("/v1/payments/\(id)")
            if states.contains(payment["status"]?.string ?? "") { return payment }
            try await Task.yieldUnlessCancelled()
        }
    }
}

/// A port that nobody listens on at the moment.
private enum FreePort {
    static func next() -> Int {
        let server = ScriptedServer { _ in }
        defer { server.stop() }
        return Int(server.url.split(separator: ":").last ?? "") ?? 0
    }
}
