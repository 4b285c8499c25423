internal import Dispatch
internal import Glibc
internal import Synchronization

/// SIGINT and SIGTERM, as one moment that a task can wait for. A second one ends the program at
/// once.
///
/// Unchecked, because Dispatch does not say that its sources are sendable: they are made in `init`
/// and only kept alive afterwards; everything that changes is in the mutex.
final class Ending: @unchecked Sendable {
    private enum State {
        case running
        case waitedFor(CheckedContinuation<Void, Never>)
        case ended
    }

    private let state = Mutex(State.running)
    private let sources: [any DispatchSourceSignal]

    init() {
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            return DispatchSource.makeSignalSource(signal: number)
        }
        for source in sources {
            source.setEventHandler { [weak self] in self?.end() }
            source.resume()
        }
        signal(SIGPIPE, SIG_IGN)
    }

    func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let hasEnded = state.withLock { state in
                    if case .ended = state { return true }
                    state = .waitedFor(continuation)
                    return false
                }
                if hasEnded { continuation.resume() }
            }
        } onCancel: {
            end(bySignal: false)
        }
    }

    private func end(bySignal: Bool = true) {
        let before = state.withLock { state in
            defer { state = .ended }
            return state
        }
        switch before {
        case .running: return
        case .waitedFor(let continuation): continuation.resume()
        case .ended: if bySignal { exit(130) }
        }
    }
}
