import Dispatch
package import Glibc
import Synchronization

/// A program that a test has started, with everything it says.
///
/// Its output is read by threads of its own, so that its pipes never fill.
package final class RunningProgram: Sendable {
    package enum Ending: Sendable, Equatable {
        case exited(Int32)
        case signalled(Int32)
    }

    package struct Line: Sendable {
        package let text: String
        package let isComplaint: Bool
    }

    /// What a test waited for did not happen in time, or the program ended before it.
    package struct Missed: Error, CustomStringConvertible {
        package let description: String
    }

    fileprivate struct Waiter: Sendable {
        let number: Int
        let isMet: @Sendable (State) -> Bool
        let resume: @Sendable (Bool) -> Void
    }

    fileprivate struct State: Sendable {
        var lines: [Line] = []
        /// All that a terminal showed, as far as nobody has answered it.
        var unanswered = ""
        var openPipes = 2
        var ending: Ending?
        private var waiters: [Waiter] = []
        private var waitersMade = 0

        var isOver: Bool { ending != nil && openPipes == 0 }
    }

    package static let secondsMax = 60

    /// One at a time, so that no program inherits the pipes of another, which would not end with
    /// it.
    private static let spawning = Mutex(())

    package let pid: pid_t
    private let state = Mutex(State())
    /// Where a person's keyboard would be; only for programs at a terminal.
    private let keyboard: Int32?

    /// - Parameter environment: all of it; nothing is inherited.
    package init(_ program: String, _ arguments: [String], environment: [String: String]) {
        let (output, complaints, pid) = Self.spawning.withLock { _ in
            let (output, complaints) = (Pipe(), Pipe())
            let pid = Self.spawn(
                [program] + arguments, environment,
                [(output.writing, STDOUT_FILENO), (complaints.writing, STDERR_FILENO)])
            close(output.writing)
            close(complaints.writing)
            return (output, complaints, pid)
        }
        self.pid = pid
        keyboard = nil
        read(output.reading, isComplaint: false)
        read(complaints.reading, isComplaint: true)
        DispatchQueue(label: "program.ending").async { self.reap() }
    }

    /// Runs the program at a terminal, where it can ask: both of its outputs are the screen.
    package init(
        atTerminal program: String, _ arguments: [String], environment: [String: String]
    ) {
        let (keyboard, pid) = Self.spawning.withLock { _ in
            let (keyboard, screen) = Self.openTerminal()
            let pid = Self.spawn(
                [program] + arguments, environment,
                [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO].map { (screen, $0) })
            close(screen)
            return (keyboard, pid)
        }
        self.pid = pid
        self.keyboard = keyboard
        state.withLock { $0.openPipes = 1 }
        read(keyboard, isComplaint: false)
        DispatchQueue(label: "program.ending").async { self.reap() }
    }

    /// Waits until the program asks this, and types the answer.
    package func answer(_ question: String, _ answer: String) async throws(Missed) {
        try await wait(for: "the question “\(question)”") {
            $0.unanswered.contains(question) || $0.isOver
        }
        let isAsked = state.withLock { state in
            guard let asked = state.unanswered.firstRange(of: question) else { return false }
            state.unanswered.removeSubrange(..<asked.upperBound)
            // Under the lock that the screen is closed under, so that the number is still its own.
            guard let keyboard, state.openPipes > 0 else { return false }
            let line = Array((answer + "\n").utf8)
            return unsafe write(keyboard, line, line.count) == line.count
        }
        guard isAsked else { throw missed("the question “\(question)”") }
    }

    /// What it said so far on standard output.
    package var output: String { text(isComplaint: false) }
    /// What it said so far on standard error.
    package var complaints: String { text(isComplaint: true) }

    package func send(_ signal: Int32) {
        // Under the lock that the ending is noted under, so that the number is still this
        // program's.
        state.withLock { if $0.ending == nil { _ = kill(pid, signal) } }
    }

    /// The first line that begins so, said before or after this call.
    @discardableResult
    package func line(
        startingWith start: String, isComplaint: Bool = false
    ) async throws(Missed) -> String {
        try await line("“\(start)…”") { $0.isComplaint == isComplaint && $0.text.hasPrefix(start) }
    }

    /// The first line of its output that holds these words, said before or after this call.
    @discardableResult
    package func line(
        containing words: String
    ) async throws(Missed) -> String {
        try await line("“…\(words)…”") { !$0.isComplaint && $0.text.contains(words) }
    }

    /// The first line of its log that holds these words, said before or after this call.
    @discardableResult
    package func logLine(containing words: String) async throws(Missed) -> String {
        try await line("“…\(words)…”") { $0.isComplaint && $0.text.contains(words) }
    }

    private func line(
        _ name: String, _ isWanted: @escaping @Sendable (Line) -> Bool
    ) async throws(Missed) -> String {
        let find = { @Sendable (state: State) -> String? in state.lines.first(where: isWanted)?.text
        }
        try await wait(for: "the line " + name) { find($0) != nil || $0.isOver }
        guard let line = state.withLock({ find($0) }) else { throw missed("the line " + name) }
        return line
    }

    /// How it ended, once it has and all it said was read.
    @discardableResult
    package func ended() async throws(Missed) -> Ending {
        try await wait(for: "the end") { $0.isOver }
        guard let ending = state.withLock({ $0.ending }) else { throw missed("the end") }
        return ending
    }

    private func text(isComplaint: Bool) -> String {
        state.withLock { state in
            state.lines.filter { $0.isComplaint == isComplaint }.map { $0.text + "\n" }.joined()
        }
    }

    private func missed(_ what: String) -> Missed {
        Missed(description: "\(what) did not come\n\(output)\(complaints)")
    }
}

// MARK: Waiting

extension RunningProgram.State {
    fileprivate mutating func add(
        _ isMet: @escaping @Sendable (Self) -> Bool, _ resume: @escaping @Sendable (Bool) -> Void
    ) -> Int? {
        guard !isMet(self) else { return nil }
        waitersMade += 1
        waiters.append(
            RunningProgram.Waiter(number: waitersMade, isMet: isMet, resume: resume))
        return waitersMade
    }

    /// Those whose condition now holds; they leave.
    fileprivate mutating func met() -> [RunningProgram.Waiter] {
        let met = waiters.filter { $0.isMet(self) }
        waiters.removeAll { waiter in met.contains { $0.number == waiter.number } }
        return met
    }

    fileprivate mutating func remove(_ number: Int) -> RunningProgram.Waiter? {
        guard let index = waiters.firstIndex(where: { $0.number == number }) else { return nil }
        return waiters.remove(at: index)
    }
}

extension RunningProgram {
    private func wait(
        for what: String, _ isMet: @escaping @Sendable (State) -> Bool
    ) async throws(Missed) {
        let isMet = await withCheckedContinuation { continuation in
            let number = state.withLock { $0.add(isMet) { continuation.resume(returning: $0) } }
            guard let number else { return continuation.resume(returning: true) }
            let deadline = DispatchTime.now() + .seconds(Self.secondsMax)
            DispatchQueue.global().asyncAfter(deadline: deadline) { [weak self] in
                self?.state.withLock { $0.remove(number) }?.resume(false)
            }
        }
        guard isMet else { throw missed(what) }
    }

    private func change(_ body: (inout State) -> Void) {
        let met = state.withLock { state in
            body(&state)
            return state.met()
        }
        for waiter in met { waiter.resume(true) }
    }
}

// MARK: The process

private struct Pipe {
    let reading: Int32
    let writing: Int32

    init() {
        var ends: [Int32] = [0, 0]
        precondition(unsafe pipe(&ends) == 0, "no pipe")
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
    }
}

extension RunningProgram {
    // asm-generic/ioctls.h; Swift does not see the functions of POSIX that hide them.
    private static let terminalNumber: UInt = 0x8004_5430
    private static let terminalLock: UInt = 0x4004_5431

    /// The person's end of a new terminal, and the program's.
    private static func openTerminal() -> (keyboard: Int32, screen: Int32) {
        let keyboard = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (lock, number): (Int32, Int32) = (0, 0)
        let isOpen =
            unsafe keyboard >= 0 && ioctl(keyboard, terminalLock, &lock) == 0
            && ioctl(keyboard, terminalNumber, &number) == 0
        precondition(isOpen, "no terminal")
        let screen = unsafe open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        precondition(screen >= 0, "no terminal")
        return (keyboard, screen)
    }

    /// - Parameter files: ours, and as which the program has them.
    private static func spawn(
        _ arguments: [String], _ environment: [String: String],
        _ files: [(own: Int32, its: Int32)]
    ) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        for file in files {
            unsafe posix_spawn_file_actions_adddup2(&actions, file.own, file.its)
        }
        // Threads of the test runner block signals; a program starts as from a shell.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        let words = unsafe strings(arguments)
        let settings = unsafe strings(environment.map { "\($0.key)=\($0.value)" })
        var pid: pid_t = 0
        let status = unsafe posix_spawn(&pid, words[0]!, &actions, &attributes, words, settings)
        precondition(status == 0, "\(arguments[0]) does not start")
        unsafe (words + settings).forEach { unsafe free($0) }
        unsafe posix_spawn_file_actions_destroy(&actions)
        unsafe posix_spawnattr_destroy(&attributes)
        return pid
    }

    private static func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        unsafe texts.map { unsafe strdup($0) } + [nil]
    }

    private func read(_ descriptor: Int32, isComplaint: Bool) {
        DispatchQueue(label: "program.output").async {
            var rest: [UInt8] = []
            var bytes = [UInt8](repeating: 0, count: 16 * 1024)
            while true {
                let count = unsafe Glibc.read(descriptor, &bytes, bytes.count)
                guard count > 0 else { break }
                rest += bytes.prefix(count)
                let lines = Self.takeLines(&rest).map { Line(text: $0, isComplaint: isComplaint) }
                let shown = String(decoding: bytes.prefix(count), as: UTF8.self)
                self.change { state in
                    state.lines += lines
                    if self.keyboard != nil { state.unanswered += shown }
                }
            }
            self.change { state in
                close(descriptor)
                state.openPipes -= 1
            }
        }
    }

    private static func takeLines(_ bytes: inout [UInt8]) -> [String] {
        let newline = UInt8(ascii: "\n")
        var lines = bytes.split(separator: newline, omittingEmptySubsequences: false)
        let rest = lines.removeLast()
        defer { bytes = Array(rest) }
        // A terminal ends lines with a carriage return too.
        return lines.map { line in
            String(decoding: line.last == 0x0D ? line.dropLast() : line, as: UTF8.self)
        }
    }

    private func reap() {
        var information = unsafe siginfo_t()
        // The number stays this program's until its ending is noted.
        while unsafe waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR
        {}
        change { state in
            var status: Int32 = 0
            unsafe waitpid(pid, &status, 0)
            let signal = status & 0x7F
            state.ending = signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
        }
    }
}
