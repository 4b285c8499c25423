package import HTTP
internal import Synchronization
package import Values

/// What all simulated vendors share: the clock, the plan of faults, the post, and a record of every
/// conversation.
package final class SimulatedWorld: Sendable {
    /// A callback on its way.
    package struct Delivery: Sendable {
        package let dueAt: Timestamp
        package let vendor: String
        package let operation: String
        package let url: String
        package fileprivate(set) var headers: [(String, String)]
        package let body: [UInt8]
        fileprivate let sign: @Sendable (Timestamp) -> [(String, String)]
        fileprivate let number: Int
    }

    /// One thing that was said, for people.
    package struct Line: Sendable {
        package let at: Timestamp
        package let vendor: String
        package let operation: String
        /// `asked`, `answered`, `called_back`.
        package let what: String
        package let text: String
        package let faults: [Fault]
    }

    /// Lines that are kept; the oldest go first.
    static let linesMax = 5_000
    static let lineBytesMax = 4_096

    private struct State {
        var plan: FaultPlan
        var post: [Delivery] = []
        var deliveries = 0
        var lines: [Line] = []
        var receipts = 0
    }

    package let clock: Clock
    private let state: Mutex<State>

    package init(clock: Clock, plan: FaultPlan = FaultPlan()) {
        self.clock = clock
        state = Mutex(State(plan: plan))
    }

    package var now: Timestamp { clock.now }

    // MARK: Faults

    package var plan: FaultPlan {
        get { state.withLock { $0.plan } }
        set { state.withLock { $0.plan = newValue } }
    }

    package func faults(of operation: String) -> [FaultPlan.Rule] {
        state.withLock { $0.plan.next(operation) }
    }

    package func draw(below bound: Int64) -> Int64 {
        state.withLock { $0.plan.draw(below: bound) }
    }

    // MARK: The post

    /// - Parameter sign: fields of the head that depend on when it is sent.
    package func post(
        _ body: JSON, to url: String, after seconds: Int64, vendor: String, _ operation: String,
        headers: [(String, String)] = [("Content-Type", "application/json")],
        sign: @escaping @Sendable (Timestamp) -> [(String, String)] = { _ in [] }
    ) {
        let dueAt = now.adding(seconds: seconds)
        state.withLock { state in
            state.deliveries += 1
            state.post.append(
                Delivery(
                    dueAt: dueAt, vendor: vendor, operation: operation, url: url,
                    headers: headers, body: body.encoded(), sign: sign,
                    number: state.deliveries))
        }
    }

    /// Takes what is due out of the post, in the order in which it is due.
    package func takeDue() -> [Delivery] {
        let now = now
        return state.withLock { state in
            let due = state.post.filter { $0.dueAt <= now }
            state.post.removeAll { $0.dueAt <= now }
            return due.sorted { ($0.dueAt, $0.number) < ($1.dueAt, $1.number) }.map { delivery in
                var signed = delivery
                signed.headers += delivery.sign(now)
                return signed
            }
        }
    }

    package var nextDelivery: Timestamp? { state.withLock { $0.post.map(\.dueAt).min() } }

    // MARK: The record

    package func note(
        _ what: String, _ text: String, vendor: String, _ operation: String, _ faults: [Fault] = []
    ) {
        let text =
            text.utf8.count <= Self.lineBytesMax
            ? text : String(text.prefix(Self.lineBytesMax / 4)) + "…"
        let line = Line(
            at: now, vendor: vendor, operation: operation, what: what, text: text, faults: faults)
        state.withLock { state in
            state.lines.append(line)
            if state.lines.count > Self.linesMax { state.lines.removeFirst(Self.linesMax / 10) }
        }
    }

    package var lines: [Line] { state.withLock { $0.lines } }

    package func forgetLines() { state.withLock { $0.lines = [] } }

    /// A name that no other movement has.
    package func receipt(_ prefix: String) -> String {
        let number = state.withLock { state in
            state.receipts += 1
            return state.receipts
        }
        let digits = String(number, radix: 36).uppercased()
        return prefix + String(repeating: "0", count: max(0, 7 - digits.count)) + digits
    }
}
