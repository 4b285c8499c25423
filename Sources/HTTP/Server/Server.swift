import Glibc
import Synchronization
package import Telemetry

/// An HTTP/1.1 server on one loop thread.
///
/// Listening begins with `init`, answering with `run`, and the end with `drain` or with the
/// cancellation of the task that runs it.
package final class Server: Sendable {
    /// The port that was bound.
    package let port: Int

    private let loop: EventLoop
    private let daemon: Daemon
    private let hasRun = Atomic(false)

    package init(
        configuration: ServerConfiguration, router: Router, staticFiles: StaticFiles? = nil,
        metrics: Metrics = .shared
    ) throws(ServerError) {
        var configuration = configuration
        configuration.connectionsMax = min(configuration.connectionsMax, FileLimit.raise())
        let listener = try ListeningSocket(host: configuration.host, port: configuration.port)
        let service = Service(
            router: router, staticFiles: staticFiles, configuration: configuration,
            metrics: metrics)
        port = listener.port
        loop = EventLoop()
        daemon = try Daemon(loop: loop, service: service, listener: listener)
    }

    /// Answers until drained. May be called once.
    package func run() async throws {
        precondition(!hasRun.exchange(true, ordering: .relaxed), "a server runs once")
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                LoopThread.start { [loop, daemon] in
                    loop.adoptCurrentThread()
                    daemon.run()
                    continuation.resume()
                    daemon.runLeftHandlers()
                }
            }
        } onCancel: {
            drain()
        }
    }

    /// Stops listening, finishes what is in flight, closes what is idle; then `run` returns.
    package func drain() {
        loop.execute { [daemon] in daemon.drain() }
    }
}

/// A thread for a loop; it takes no signals, so that they reach whoever waits for them.
enum LoopThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    static func start(_ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread, nil,
            { context in
                LoopThread.blockSignals()
                if let context = unsafe context {
                    unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run()
                }
                return nil
            }, Unmanaged.passRetained(Body(run)).toOpaque())
        precondition(code == 0, "the system has no thread for the server")
        pthread_detach(thread)
    }

    private static func blockSignals() {
        // Not `sigset_t()`: several C modules claim to define it, and which one wins depends on the
        // build.
        unsafe withUnsafeTemporaryAllocation(of: sigset_t.self, capacity: 1) { signals in
            guard let all = signals.baseAddress else { return }
            unsafe sigfillset(all)
            unsafe pthread_sigmask(SIG_BLOCK, all, nil)
        }
    }
}
