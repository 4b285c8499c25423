internal import Synchronization
package import Values

/// The line to one vendor: so many requests at once, the others in a bounded queue, and none at
/// all while the vendor is down.
///
/// Who waits, in the queue or for the answer, holds no thread.
package final class OutboundLine: Sendable {
    package struct Rules: Sendable {
        /// What the vendor lets us do at once.
        package var atOnceMax = 64
        package var waitingMax = 10_000
        package var breaker = CircuitBreaker.Rules()
        /// Which answers say that the vendor is down. Some say no with a status of 500.
        package var isDown: @Sendable (OutboundResponse) -> Bool = { $0.status >= 500 }

        package init() {}
    }

    private struct State {
        var breaker: CircuitBreaker
        var underWay = 0
        var waiting: [Waiter] = []
        var nextNumber = 0
    }

    private struct Waiter {
        let number: Int
        let resume: CheckedContinuation<Bool, Never>
    }

    private let client: HTTPClient
    private let rules: Rules
    private let clock: Clock
    private let state: Mutex<State>

    package init(client: HTTPClient, rules: Rules = Rules(), clock: Clock) {
        self.client = client
        self.rules = rules
        self.clock = clock
        state = Mutex(State(breaker: CircuitBreaker(rules.breaker)))
    }

    /// Whether the vendor is believed to answer.
    package var isUp: Bool { state.withLock { $0.breaker.mayAdmit(at: clock.now) } }

    /// Sends when it is the request's turn.
    package func send(
        _ request: OutboundRequest
    ) async throws(OutboundError) -> OutboundResponse {
        try await takeTurn()
        defer { endTurn() }
        // Asked after the turn has come: the vendor may have gone down meanwhile.
        guard state.withLock({ $0.breaker.admits(at: clock.now) }) else { throw .circuitOpen }
        do throws(OutboundError) {
            let response = try await client.send(request)
            note(isFailure: rules.isDown(response))
            return response
        } catch {
            note(isFailure: error.blamesServer)
            throw error
        }
    }

    private func note(isFailure: Bool) {
        state.withLock { state in
            if isFailure { state.breaker.failed(at: clock.now) } else { state.breaker.succeeded() }
        }
    }

    // MARK: Turns

    private func takeTurn() async throws(OutboundError) {
        let number = state.withLock { state -> Int? in
            guard state.underWay >= rules.atOnceMax else {
                state.underWay += 1
                return nil
            }
            state.nextNumber += 1
            return state.nextNumber
        }
        guard let number else { return }
        let isOurs = await withTaskCancellationHandler {
            await withCheckedContinuation { wait(number, $0) }
        } onCancel: {
            leave(number)
        }
        guard isOurs else { throw Task.isCancelled ? .cancelled(.notSent) : .queueFull }
    }

    private func wait(_ number: Int, _ continuation: CheckedContinuation<Bool, Never>) {
        let answer = state.withLock { state -> Bool? in
            if Task.isCancelled || state.waiting.count >= rules.waitingMax { return false }
            // A turn may have ended between the look and now.
            if state.underWay < rules.atOnceMax {
                state.underWay += 1
                return true
            }
            state.waiting.append(Waiter(number: number, resume: continuation))
            return nil
        }
        if let answer { continuation.resume(returning: answer) }
    }

    private func leave(_ number: Int) {
        let waiter = state.withLock { state -> Waiter? in
            guard let index = state.waiting.firstIndex(where: { $0.number == number }) else {
                return nil
            }
            return state.waiting.remove(at: index)
        }
        waiter?.resume.resume(returning: false)
    }

    /// Hands the turn to who has waited longest.
    private func endTurn() {
        let next = state.withLock { state -> Waiter? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.underWay -= 1
            return nil
        }
        next?.resume.resume(returning: true)
    }
}

extension OutboundError {
    /// Whether it tells something about the server, and not about us.
    fileprivate var blamesServer: Bool {
        switch self {
        case .unreachable, .untrusted, .timedOut, .broken: true
        case .invalidRequest, .cancelled, .closed, .circuitOpen, .queueFull, .responseTooLarge:
            false
        }
    }
}
