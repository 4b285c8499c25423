internal import Glibc
internal import Synchronization

/// How far a long audit is, on standard error: one line that changes where a person looks on, and
/// now and then a new line where a file is written.
final class AuditProgress: Sendable {
    /// Between two changes of the line that a person sees.
    private static let terminalPause = Duration.milliseconds(250)
    /// Between two lines of a file. A short audit writes none.
    private static let filePause = Duration.seconds(10)

    private struct State {
        let start = ContinuousClock.now
        var told = ContinuousClock.now
        var isOpen = false
    }

    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let state = Mutex(State())

    func tell(_ lines: Int64, of total: Int64) {
        let now = ContinuousClock.now
        let pause = isTerminal ? Self.terminalPause : Self.filePause
        let since = state.withLock { state -> Duration? in
            guard now - state.told >= pause else { return nil }
            state.told = now
            state.isOpen = isTerminal
            return now - state.start
        }
        guard let since else { return }
        let milliseconds =
            since.components.seconds * 1000
            + since.components.attoseconds / 1_000_000_000_000_000
        let rate = lines * 1000 / max(1, milliseconds)
        let percent = lines * 100 / max(1, total, lines)
        let text = "audited \(lines) of \(max(total, lines)) lines, \(percent) %, \(rate) a second"
        if isTerminal { Program.complainBriefly(text) } else { Program.complain(text) }
    }

    /// Leaves the line that changed as it is and goes to the next.
    func end() {
        if state.withLock({ $0.isOpen }) { Program.complain("") }
    }
}
