import Synchronization

/// Writes down what clients ask and hear, with moments that are counted: one event is over before
/// another begins exactly if its last moment is before the other's first.
package final class HistoryRecorder: Sendable {
    private let moments = Atomic(0)
    private let recorded = Mutex<[HistoryEvent]>([])

    package init() {}

    package var events: [HistoryEvent] { recorded.withLock { $0 } }

    @discardableResult
    package func record(
        client: Int, name: String, _ call: HistoryEvent.Call,
        _ ask: () async throws -> HistoryEvent.Answer
    ) async rethrows -> HistoryEvent.Answer {
        let invoked = next()
        let answer = try await ask()
        let event = HistoryEvent(
            client: client, name: name, call: call, invoked: invoked, completed: next(),
            answer: answer)
        recorded.withLock { $0.append(event) }
        return answer
    }

    private func next() -> Int { moments.add(1, ordering: .sequentiallyConsistent).newValue }
}
