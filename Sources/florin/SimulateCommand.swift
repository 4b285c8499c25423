internal import FoundationEssentials
internal import HTTP
internal import Simulators
internal import Telemetry
internal import Values

/// `florin simulate`: the vendors of a sandbox, which speak the real wire formats and misbehave on
/// demand.
enum SimulateCommand {
    private static let portDefault: Int64 = 8090
    private static let florinDefault = "http://127.0.0.1:8080"
    private static let planBytesMax = 64 * 1024

    static func run(_ words: [String]) async throws -> Int32 {
        let arguments = try Arguments(
            words, .init(options: ["port", "seed", "plan", "phones", "florin"], flags: []))
        let port = try arguments.integer("port", in: 0...65_535) ?? portDefault
        let world = SimulatedWorld(clock: Clock(), plan: try plan(arguments))
        let server = try SimulatorServer(
            port: Int(port), world: world,
            vendors: try vendors(arguments))
        let ending = Ending()
        announce(server.port)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await ending.wait()
                server.drain()
            }
            try await server.run()
            group.cancelAll()
        }
        return 0
    }

    /// Those that sign what they send are told where Florin is; the others hear it with each call.
    private static func vendors(_ arguments: Arguments) throws -> [any SimulatedVendor] {
        let florin = arguments.option("florin") ?? florinDefault
        guard ["http://", "https://"].contains(where: florin.hasPrefix), !florin.hasSuffix("/")
        else {
            throw Arguments.Misunderstood(reason: "--florin wants a URL such as \(florinDefault)")
        }
        let habit = try habit(arguments)
        return [
            DarajaSimulator(habit: habit),
            StripeSimulator(
                webhookURL: florin + "/v1/callbacks/stripe",
                webhookSecret: RailSettings.stripeWebhookSecret, habit: habit),
            PayPalSimulator(
                webhookURL: florin + "/v1/callbacks/paypal",
                webhookID: RailSettings.payPalWebhookID, habit: habit),
        ]
    }

    private static func plan(_ arguments: Arguments) throws -> FaultPlan {
        if let file = arguments.option("plan") {
            guard arguments.option("seed") == nil else {
                throw Arguments.Misunderstood(reason: "--plan names its own seed")
            }
            guard let data = FileManager.default.contents(atPath: file),
                data.count <= planBytesMax
            else {
                throw Arguments.Misunderstood(reason: "--plan wants a JSON file of up to 64 KiB")
            }
            do { return try FaultPlan(JSON(parsing: [UInt8](data))) } catch {
                throw Arguments.Misunderstood(reason: "--plan: \(error)")
            }
        }
        let seed = try arguments.integer("seed", in: 0...Int64.max)
        return seed.map { .random(seed: UInt64($0)) } ?? FaultPlan()
    }

    /// What telephones do that nobody answers by hand.
    private static func habit(
        _ arguments: Arguments
    ) throws -> @Sendable (SimulatedWorld) -> PromptAnswer? {
        guard let text = arguments.option("phones"), text != "manual" else { return { _ in nil } }
        if text == "random" {
            return { world in
                let answers = PromptAnswer.allCases
                return answers[Int(world.draw(below: Int64(answers.count)))]
            }
        }
        guard let answer = PromptAnswer(rawValue: text) else {
            let names = PromptAnswer.allCases.map(\.rawValue).joined(separator: ", ")
            throw Arguments.Misunderstood(reason: "--phones wants manual, random, or \(names)")
        }
        return { _ in answer }
    }

    private static func announce(_ port: Int) {
        Program.say("Give these to `florin serve`:")
        for (name, value) in RailSettings.simulated(at: "http://127.0.0.1:\(port)") {
            Program.say("  \(name)=\(value)")
        }
        Program.say("ready http://127.0.0.1:\(port)")
    }
}
