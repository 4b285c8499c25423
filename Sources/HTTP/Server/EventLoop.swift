import CLinux
import Glibc
import Synchronization

/// One thread that waits for sockets and runs Swift tasks in between.
///
/// Handlers prefer this executor, so a request is parsed, handled and answered on one thread, and
/// only work that leaves on purpose (a database, a password hash) crosses to another.
///
/// `@unchecked`: `ready` and `turn`-time state are touched on the loop's thread alone, which
/// `isCurrent` tells; everything that other threads reach is in `inbox` or atomic.
final class EventLoop: TaskExecutor, @unchecked Sendable {
    typealias Command = @Sendable () -> Void

    private struct Inbox {
        var jobs: [UnownedJob] = []
        var commands: [Command] = []
        var isAsleep = false

        /// Whether the loop sleeps and this caller is the one to wake it.
        mutating func wakes() -> Bool {
            defer { isAsleep = false }
            return isAsleep
        }
    }

    private let inbox = Mutex(Inbox())
    private let owner = Atomic<UInt>(0)
    private let wakeDescriptor: Int32
    private let epollDescriptor: Int32
    private var ready = JobQueue()

    /// Events taken from the kernel at once.
    private static let eventsMax = 64
    private static let wakeKey: UInt64 = 0

    init() {
        wakeDescriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
        epollDescriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        precondition(wakeDescriptor >= 0 && epollDescriptor >= 0, "no descriptors left at start")
        watch(wakeDescriptor, for: EPOLLIN.rawValue, key: Self.wakeKey)
    }

    deinit {
        close(wakeDescriptor)
        close(epollDescriptor)
    }

    // MARK: From any thread

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            ready.append(job)
        } else if inbox.withLock({
            $0.jobs.append(job); return $0.wakes()
        }) {
            wake()
        }
    }

    /// Runs `command` on the loop's thread between turns, never inside a callback of the engine.
    func execute(_ command: @escaping Command) {
        let wakes = inbox.withLock {
            $0.commands.append(command)
            return $0.wakes()
        }
        if wakes { wake() }
    }

    var isCurrent: Bool { owner.load(ordering: .relaxed) == pthread_self() }

    private func wake() {
        var one: UInt64 = 1
        unsafe _ = write(wakeDescriptor, &one, MemoryLayout<UInt64>.size)
    }

    // MARK: On the loop's thread

    /// Makes the calling thread the loop's.
    func adoptCurrentThread() {
        owner.store(pthread_self(), ordering: .relaxed)
    }

    /// Has `key` reported by `wait` when the descriptor is ready; zero is taken.
    func watch(_ descriptor: Int32, for events: UInt32, key: UInt64) {
        var event = unsafe epoll_event()
        unsafe event.events = events
        unsafe event.data.u64 = key
        unsafe epoll_ctl(epollDescriptor, EPOLL_CTL_ADD, descriptor, &event)
    }

    func unwatch(_ descriptor: Int32) {
        epoll_ctl(epollDescriptor, EPOLL_CTL_DEL, descriptor, nil)
    }

    /// Runs what other threads sent and what is ready now, but not what that work adds: sockets
    /// must get their turn.
    func runPending() {
        for command in takeInbox() { command() }
        for _ in 0..<ready.count { runNext() }
    }

    /// Runs ready tasks until `isDone` or none is left; true if `isDone` was reached.
    ///
    /// A handler that never waits is answered inside the engine's callback, which spares the
    /// connection a suspension.
    func run(jobsMax: Int, until isDone: () -> Bool) -> Bool {
        for _ in 0..<jobsMax {
            if isDone() { return true }
            guard !ready.isEmpty else { return false }
            runNext()
        }
        return isDone()
    }

    private func runNext() {
        guard let job = ready.popFirst() else { return }
        unsafe job.runSynchronously(on: asUnownedTaskExecutor())
    }

    private func takeInbox() -> [Command] {
        inbox.withLock { inbox in
            ready.append(contentsOf: inbox.jobs)
            inbox.jobs.removeAll(keepingCapacity: true)
            defer { inbox.commands = [] }
            return inbox.commands
        }
    }

    /// Sleeps until a watched descriptor is ready, another thread calls, or the time is over.
    /// Returns the keys of descriptors, other than our own.
    func wait(milliseconds: Int32) -> [UInt64] {
        let mayRest = ready.isEmpty && milliseconds > 0
        let rests =
            mayRest
            && inbox.withLock { inbox in
                inbox.isAsleep = inbox.jobs.isEmpty && inbox.commands.isEmpty
                return inbox.isAsleep
            }
        var keys: [UInt64] = []
        unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.eventsMax) {
            let count = unsafe epoll_wait(
                epollDescriptor, $0.baseAddress, Int32(Self.eventsMax), rests ? milliseconds : 0)
            for position in 0..<Int(max(0, count)) {
                let key = unsafe $0[position].data.u64
                if key == Self.wakeKey { clearWake() } else { keys.append(key) }
            }
        }
        if rests { inbox.withLock { $0.isAsleep = false } }
        return keys
    }

    private func clearWake() {
        var count: UInt64 = 0
        unsafe _ = read(wakeDescriptor, &count, MemoryLayout<UInt64>.size)
    }
}

/// First in, first out, without moving what is queued.
private struct JobQueue {
    private var jobs: [UnownedJob] = []
    private var head = 0

    var isEmpty: Bool { head == jobs.count }
    var count: Int { jobs.count - head }

    mutating func append(_ job: UnownedJob) { jobs.append(job) }

    mutating func append(contentsOf more: [UnownedJob]) { jobs.append(contentsOf: more) }

    mutating func popFirst() -> UnownedJob? {
        guard head < jobs.count else { return nil }
        defer {
            head += 1
            if head == jobs.count {
                jobs.removeAll(keepingCapacity: true)
                head = 0
            }
        }
        return jobs[head]
    }
}
