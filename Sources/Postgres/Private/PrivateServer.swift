import CPostgres
import Synchronization
import Telemetry
import Threads

#if canImport(Glibc)
    import Glibc
#endif

/// A PostgreSQL of Florin's own, in the data folder, for when no other is named.
///
/// It listens on a Unix socket that only its own account can reach. Several Florin processes may
/// use one data folder: the first starts the server, the last one to stop ends it. A server that
/// outlived its Florin is adopted; one that was killed is started again, also while Florin runs.
package final class PrivateServer: Sendable {
    static let databaseName = "florin"
    /// How long another process may take to start or stop the server.
    private static let lockSecondsMax = 360
    private static let restartPauseMilliseconds: Int32 = 500

    /// How to reach the database.
    package let settings: ConnectionSettings

    private let ending: Ending

    /// Makes the server if need be, starts it if need be, and waits until it takes connections.
    package static func start(dataFolder: String) async throws -> PrivateServer {
        try await start(dataFolder: dataFolder, elsewhere: Layout.elsewhere, options: [])
    }

    /// - Parameters:
    ///   - elsewhere: where root puts clusters that the server's account could not reach.
    ///   - options: further settings of the server, as `name=value`.
    package static func start(
        dataFolder: String, elsewhere: String = Layout.elsewhere, options: [String]
    ) async throws -> PrivateServer {
        try await SystemThread.run("postgres start") {
            try PrivateServer(
                layout: Layout(dataFolder: dataFolder, elsewhere: elsewhere), options: options)
        }
    }

    /// Ends the server if no other process uses it. Connections are to be closed before.
    package func stop() async {
        await ending.request()
    }

    /// The same for a process that is about to exit: blocks the thread until it is done.
    package func stopBeforeExit() {
        ending.requestAndWait()
    }

    private init(layout: Layout, options: [String]) throws(DatabaseError) {
        let cluster = Cluster(layout: layout, options: options)
        let users = try FileLock(layout.usersLock)
        let socketFolder = try Self.alone(layout) { () throws(DatabaseError) in
            // Whoever holds this exclusively holds the other lock too, so it cannot be taken now.
            guard users.tryShared() else { throw Files.failure("lock", layout.usersLock) }
            try cluster.makeIfMissing()
            let socketFolder = try cluster.start()
            try Self.makeDatabase(socketFolder)
            return socketFolder
        }
        settings = ConnectionSettings(
            url: Cluster.connectionString(socketFolder, database: Self.databaseName))
        ending = try Ending()
        Self.keepAlive(cluster, users, ending)
    }

    /// Runs `body` while no other process starts or stops the server.
    fileprivate static func alone<R>(
        _ layout: Layout, _ body: () throws(DatabaseError) -> R
    ) throws(DatabaseError) -> R {
        let lock = try FileLock(layout.startLock)
        let deadline = ContinuousClock.now + .seconds(lockSecondsMax)
        while !lock.tryExclusive() {
            guard ContinuousClock.now < deadline else {
                throw .configuration("Another process holds \(layout.startLock) for too long.")
            }
            pause(milliseconds: Cluster.lookMilliseconds)
        }
        return try body()
    }

    private static func makeDatabase(_ socketFolder: String) throws(DatabaseError) {
        let connection = try Connection.open(
            ConnectionSettings(
                url: Cluster.connectionString(socketFolder, database: "postgres")))
        let found = try connection.first(
            "SELECT 1::bigint FROM pg_database WHERE datname = \(databaseName)")
        if found == nil { try connection.run(unprepared: "CREATE DATABASE \(databaseName)") }
    }
}

// MARK: Watching

extension PrivateServer {
    /// Watches the server from a thread of its own, starts it again when it dies, and ends it when
    /// asked to.
    private static func keepAlive(_ cluster: sending Cluster, _ users: FileLock, _ ending: Ending) {
        let watch = Watch(cluster: cluster, users: users, ending: ending)
        SystemThread.start("postgres watch") { watch.run() }
    }

    /// `@unchecked Sendable`: made by one thread, handed to another, and used only there.
    private final class Watch: @unchecked Sendable {
        private let cluster: Cluster
        private let users: FileLock
        private let ending: Ending

        init(cluster: Cluster, users: FileLock, ending: Ending) {
            self.cluster = cluster
            self.users = users
            self.ending = ending
        }

        func run() {
            while !ending.stopping.isRequested {
                waitForEvent()
                if !ending.stopping.isRequested && cluster.runningPostmaster == nil { restart() }
            }
            stop()
            ending.finish()
        }

        /// Returns when the server has ended, when the end is asked for, or in doubt after a pause.
        private func waitForEvent() {
            let pid = cluster.runningPostmaster?.pid ?? 0
            let server = pid > 0 ? florin_watch_process(pid) : -1
            defer { if server >= 0 { close(server) } }
            ending.stopping.wait(
                forInputOn: server, milliseconds: server >= 0 ? -1 : restartPauseMilliseconds)
        }

        private func restart() {
            do throws(DatabaseError) {
                try alone(cluster.layout) { () throws(DatabaseError) in
                    _ = try cluster.start { ending.stopping.isRequested }
                }
                Log.warning("postgres.restarted")
            } catch {
                Log.error("postgres.not_restarted", ["reason": "\(error)"])
                ending.stopping.wait(milliseconds: restartPauseMilliseconds)
            }
        }

        private func stop() {
            do throws(DatabaseError) {
                try alone(cluster.layout) { () throws(DatabaseError) in
                    users.unlock()
                    if users.tryExclusive() { cluster.stop() }
                    users.unlock()
                }
            } catch {
                // The server goes on without us, and the next start adopts it.
                Log.warning("postgres.not_stopped", ["reason": "\(error)"])
            }
        }
    }
}

/// The wish to end and its fulfilment, between tasks and the watching thread.
private final class Ending: Sendable {
    let stopping: Stopping
    private let state = Mutex(State())

    private struct State {
        var isFinished = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    init() throws(DatabaseError) {
        stopping = try Stopping()
    }

    func request() async {
        await withCheckedContinuation { continuation in
            let isFinished = state.withLock { state in
                if !state.isFinished { state.waiting.append(continuation) }
                return state.isFinished
            }
            stopping.request()
            if isFinished { continuation.resume() }
        }
    }

    func requestAndWait() {
        stopping.request()
        while !state.withLock({ $0.isFinished }) { pause(milliseconds: Cluster.lookMilliseconds) }
    }

    func finish() {
        let waiting = state.withLock { state in
            state.isFinished = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }
}
