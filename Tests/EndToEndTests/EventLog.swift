import Dispatch
import FlorinClient
import Synchronization
import Testing

/// What a person's live stream has told, in order; a test waits for what must come.
final class EventLog: Sendable {
    private struct State: Sendable {
        var events: [LiveEvent] = []
        var isOver = false
        var waiting: [@Sendable () -> Void] = []
    }

    struct Missed: Error, CustomStringConvertible {
        let heard: [LiveEvent]
        var description: String { "what must be told was not, but \(heard)" }
    }

    private final class Flag: Sendable {
        let isUp = Atomic(false)
    }

    static let secondsMax = 20

    private let state = Mutex(State())
    private let task = Mutex<Task<Void, Never>?>(nil)

    init(_ client: WalletClient, after lastID: String? = nil) {
        let following = Task { [weak self] in
            do {
                for try await event in client.events(after: lastID) {
                    guard let self else { return }
                    self.change { $0.events.append(event) }
                }
            } catch is CancellationError {
                // The test has heard enough.
            } catch { Issue.record(error) }
            self?.change { $0.isOver = true }
        }
        task.withLock { $0 = following }
    }

    deinit { close() }

    func close() { task.withLock { $0?.cancel() } }

    var events: [LiveEvent] { state.withLock { $0.events } }

    var entries: [Entry] {
        events.compactMap { if case .entry(_, let entry) = $0 { entry } else { nil } }
    }

    /// Returns once some event, past or future, is the one.
    func wait(for isIt: @escaping @Sendable (LiveEvent) -> Bool) async throws {
        try await wait { events in events.contains(where: isIt) }
    }

    func wait(until isMet: @escaping @Sendable ([LiveEvent]) -> Bool) async throws {
        let isLate = Flag()
        let deadline = DispatchTime.now() + .seconds(Self.secondsMax)
        DispatchQueue.global().asyncAfter(deadline: deadline) { [weak self] in
            isLate.isUp.store(true, ordering: .relaxed)
            self?.change { _ in }
        }
        while true {
            let changed = await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    let isLate = isLate.isUp.load(ordering: .relaxed)
                    if isMet(state.events) || state.isOver || isLate { return true }
                    state.waiting.append { continuation.resume(returning: true) }
                    return false
                }
                if isDone { continuation.resume(returning: false) }
            }
            if !changed { break }
        }
        guard isMet(events) else { throw Missed(heard: events) }
    }

    private func change(_ body: (inout State) -> Void) {
        let waiting = state.withLock { state in
            body(&state)
            defer { state.waiting = [] }
            return state.waiting
        }
        for resume in waiting { resume() }
    }
}
