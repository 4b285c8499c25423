import Glibc
import Synchronization

/// A real Redis of a test's own, on a socket in a folder of its own.
package final class TestRedis: Sendable {
    package let socket: String
    private let folder: TestFolder
    private let program: Mutex<RunningProgram>
    private let options: [String]

    /// - Parameter options: further ones of the program, such as `--requirepass`.
    package static func start(_ options: [String] = []) async throws -> TestRedis {
        let redis = TestRedis(options)
        try await redis.current.line(containing: "ready to accept connections at")
        return redis
    }

    private init(_ options: [String]) {
        folder = TestFolder("florin-redis")
        socket = folder.path + "/redis.sock"
        self.options = options
        program = Mutex(Self.launch(folder, options))
    }

    deinit {
        current.send(SIGKILL)
        folder.remove()
    }

    private var current: RunningProgram { program.withLock { $0 } }

    /// Ends it at once, as a power cut would; it forgets everything.
    package func crash() async throws {
        current.send(SIGKILL)
        try await current.ended()
    }

    /// Stops answering without closing anything, until `thaw`.
    package func freeze() { current.send(SIGSTOP) }
    package func thaw() { current.send(SIGCONT) }

    package func restart() async throws {
        let next = Self.launch(folder, options)
        program.withLock { $0 = next }
        try await next.line(containing: "ready to accept connections at")
    }

    /// What `redis-cli` prints for this command.
    @discardableResult
    package func command(_ words: String...) async throws -> String {
        let client = RunningProgram(
            "/usr/bin/redis-cli", ["-s", socket] + words, environment: [:])
        try await client.ended()
        return client.output
    }

    private static func launch(_ folder: TestFolder, _ options: [String]) -> RunningProgram {
        let program = RunningProgram(
            "/usr/bin/redis-server",
            [
                "--port", "0", "--unixsocket", folder.path + "/redis.sock", "--save", "",
                "--dir", folder.path,
            ] + options, environment: [:])
        FlorinServer.endAtExit(program, folder)
        return program
    }
}
