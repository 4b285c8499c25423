import HTTP
import Synchronization
import TestSupport
import Testing

/// People who pay each other at random, and go on whatever happens to the server.
struct Crowd: Sendable {
    /// What one of them means to pay. Sent until the server says yes or no, always under one key.
    struct Intent: Sendable {
        let payer: Int
        let payee: Int
        let amount: Int64
        let key = Api.newKey()
        /// Names the payment in the histories.
        let note = Api.newKey()
    }

    enum Outcome: Sendable {
        case posted(id: String, wasReplay: Bool)
        case refused
    }

    typealias Settled = (intent: Intent, outcome: Outcome)

    static let money: Int64 = 2000
    private static let amounts: ClosedRange<Int64> = 1...500

    let people: [Person]
    let gate = Gate()

    init(_ api: Api, count: Int) async throws {
        people = try await together(count) { _ in try await Person.signUp(api, money: Self.money) }
    }

    /// One client: pays until the gate says that it is over.
    func payUntilOver() async throws -> [Settled] {
        var settled: [Settled] = []
        while await !gate.isOver {
            let intent = makeIntent()
            let outcome = try await settle(intent)
            settled.append((intent, outcome))
            await gate.settle()
        }
        return settled
    }

    private func makeIntent() -> Intent {
        let payer = people.indices.randomElement() ?? 0
        let distance = Int.random(in: 1..<people.count)
        return Intent(
            payer: payer, payee: (payer + distance) % people.count,
            amount: Int64.random(in: Self.amounts))
    }

    private func settle(_ intent: Intent) async throws -> Outcome {
        let payer = people[intent.payer]
        let body = JSON.send(
            intent.amount, to: people[intent.payee].username, note: intent.note)
        while true {
            await gate.waitUntilUp()
            let reply: Reply
            do throws(OutboundError) {
                reply = try await payer.api.reply(
                    .post, "/v1/transfers", body, token: payer.token, key: intent.key)
            } catch {
                // Nobody knows what became of it: ask again, with the same key.
                continue
            }
            switch (reply.status, reply.code) {
            case (201, _): return .posted(id: reply.json.id, wasReplay: reply.isReplay)
            case (409, "insufficient_funds"): return .refused
            case (503, _): await Task.yield()
            default: throw Unexpected(status: reply.status, text: reply.text)
            }
        }
    }

    struct Unexpected: Error {
        let status: Int
        let text: String
    }
}

/// Whether the server is there, and how far the crowd has come.
actor Gate {
    private(set) var isOver = false
    private(set) var isUp = true
    private var settled = 0
    private var waitingForUp: [CheckedContinuation<Void, Never>] = []
    private var waitingForSettled: [(count: Int, resume: CheckedContinuation<Void, Never>)] = []

    func close() { isUp = false }
    func end() { isOver = true }

    func open() {
        isUp = true
        for continuation in waitingForUp { continuation.resume() }
        waitingForUp = []
    }

    func waitUntilUp() async {
        guard !isUp else { return }
        await withCheckedContinuation { waitingForUp.append($0) }
    }

    func settle() {
        settled += 1
        for waiting in waitingForSettled where waiting.count <= settled { waiting.resume.resume() }
        waitingForSettled.removeAll { $0.count <= settled }
    }

    /// Returns when the crowd has settled so many more.
    func waitForMore(_ count: Int) async {
        guard count > 0 else { return }
        await withCheckedContinuation { waitingForSettled.append((settled + count, $0)) }
    }
}
