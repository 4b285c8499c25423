import CLinux

#if canImport(Glibc)
    import Glibc
#endif

/// A thread of the operating system, for work that waits: the threads of Swift's own pool are as
/// few as the cores, and one that blocks stalls every task of the process.
package enum SystemThread {
    /// Starts a thread that runs `body` and then ends. `name` shows in tools; 15 bytes count.
    package static func start(_ name: StaticString, _ body: @escaping @Sendable () -> Void) {
        let box = unsafe Unmanaged.passRetained(Box(name: name, body: body))
        var thread = pthread_t()
        let failure = unsafe pthread_create(
            &thread, nil,
            { raw in
                guard let raw = unsafe raw else { return nil }
                unsafe Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().run()
                return nil
            }, box.toOpaque())
        // Without a thread the program cannot do what it is for, and nobody could be told.
        precondition(failure == 0, "the system has no thread left")
        pthread_detach(thread)
    }

    /// Runs `body` on a thread of its own and waits for it without blocking the caller's.
    package static func run<R: Sendable>(
        _ name: StaticString, _ body: @escaping @Sendable () throws -> R
    ) async throws -> R {
        try await withCheckedThrowingContinuation { continuation in
            start(name) { continuation.resume(with: Result { try body() }) }
        }
    }

    private final class Box: Sendable {
        private let name: StaticString
        private let body: @Sendable () -> Void

        init(name: StaticString, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }

        func run() {
            // Signals are for the thread that waits for them.
            var signals = sigset_t()
            unsafe sigfillset(&signals)
            unsafe pthread_sigmask(SIG_BLOCK, &signals, nil)
            unsafe florin_name_thread(name.description)
            body()
        }
    }
}

/// Waits for a time on the thread that calls, which must not be one of Swift's pool.
package func pause(milliseconds: Int) {
    _ = poll(nil, 0, Int32(clamping: milliseconds))
}
