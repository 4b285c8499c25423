import Glibc
import Synchronization

/// A few threads for work that is slow on purpose, and a bounded line before them.
///
/// A thread lives while there is work: starting one costs a thousandth of what it is started for,
/// and a thread of its own can be nice. Niceness is a property of each thread on Linux
/// (setpriority(2), "C library/kernel differences"), so a flood of log-ins yields the processor to
/// payments, and nothing else of the process does.
final class HashingPool: Sendable {
    typealias Job = @Sendable () -> Void

    private struct State {
        var running = 0
        var waiting: [Job] = []
        /// Where the line begins; what stands before was taken.
        var head = 0

        mutating func next() -> Job? {
            guard head < waiting.count else {
                running -= 1
                return nil
            }
            defer {
                head += 1
                if head == waiting.count { (waiting, head) = ([], 0) }
            }
            return waiting[head]
        }
    }

    private enum Decision {
        case start
        case wait
        case refuse
    }

    private let state = Mutex(State())
    private let threads: Int
    private let queueMax: Int
    private let niceness: Int32

    init(threads: Int, queueMax: Int, niceness: Int32) {
        self.threads = threads
        self.queueMax = queueMax
        self.niceness = niceness
    }

    /// What `body` returns on one of the threads; throws `PasswordHasher.Overloaded` when the line
    /// is full.
    func run<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            let isTaken = submit { continuation.resume(returning: body()) }
            if !isTaken { continuation.resume(throwing: PasswordHasher.Overloaded()) }
        }
    }

    private func submit(_ job: @escaping Job) -> Bool {
        let decision = state.withLock { state -> Decision in
            if state.running < threads {
                state.running += 1
                return .start
            }
            guard state.waiting.count - state.head < queueMax else { return .refuse }
            state.waiting.append(job)
            return .wait
        }
        switch decision {
        case .start: start(job)
        case .wait: break
        case .refuse: return false
        }
        return true
    }

    private func start(_ first: @escaping Job) {
        let box = unsafe Unmanaged.passRetained(Work(pool: self, first: first))
        var thread = pthread_t()
        let failure = unsafe pthread_create(
            &thread, nil,
            { raw in
                guard let raw = unsafe raw else { return nil }
                unsafe Unmanaged<Work>.fromOpaque(raw).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        // Without a thread nobody could be answered, and the job would be lost in silence.
        precondition(failure == 0, "the system has no thread left")
        pthread_detach(thread)
    }

    private final class Work: Sendable {
        private let pool: HashingPool
        private let first: Job

        init(pool: HashingPool, first: @escaping Job) {
            self.pool = pool
            self.first = first
        }

        func run() {
            // Signals are for the thread that waits for them.
            var signals = sigset_t()
            unsafe sigfillset(&signals)
            unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
            // Being less nice than asked harms nobody, so a failure is no fault.
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, pool.niceness)
            first()
            while let job = pool.state.withLock({ $0.next() }) { job() }
        }
    }
}
