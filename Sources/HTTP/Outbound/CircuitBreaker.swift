package import Values

/// Keeps away from a server that has failed several times in a row: nobody waits for what will
/// fail, and a server that is on its knees is not asked for more.
package struct CircuitBreaker: Sendable {
    package struct Rules: Sendable {
        /// Failures in a row that open the circuit.
        package var failuresMax = 5
        /// How long it stays open before one request may try.
        package var restSeconds: Int64 = 15

        package init() {}
    }

    package enum State: Sendable, Equatable {
        case closed(failures: Int)
        case open(until: Timestamp)
        /// One request is under way to see whether the server is back.
        case probing(since: Timestamp)
    }

    package let rules: Rules
    package private(set) var state = State.closed(failures: 0)

    package init(_ rules: Rules = Rules()) { self.rules = rules }

    /// Whether a request may leave now. A probe that never came back is not waited for for ever.
    package mutating func admits(at now: Timestamp) -> Bool {
        switch state {
        case .closed: return true
        case .open(let end) where now < end: return false
        case .probing(let begin) where now < begin.adding(seconds: rules.restSeconds): return false
        case .open, .probing:
            state = .probing(since: now)
            return true
        }
    }

    /// Whether a request would be admitted, without counting it as the one that tries.
    package func mayAdmit(at now: Timestamp) -> Bool {
        var copy = self
        return copy.admits(at: now)
    }

    package mutating func succeeded() { state = .closed(failures: 0) }

    package mutating func failed(at now: Timestamp) {
        switch state {
        case .closed(let failures) where failures + 1 < rules.failuresMax:
            state = .closed(failures: failures + 1)
        case .closed, .probing: state = .open(until: now.adding(seconds: rules.restSeconds))
        // What left before the circuit opened says nothing new.
        case .open: break
        }
    }
}
