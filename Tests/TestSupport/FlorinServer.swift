import Glibc
import Postgres
import Synchronization

/// A `florin serve` of the tests' own: the debug build, in a sandbox, on a free port of this
/// machine.
///
/// Passwords are hashed cheaply, as nobody attacks a test.
package final class FlorinServer: Sendable {
    package let folder: TestFolder
    /// Settings of the environment; the port is fixed after the first start.
    package let environment: [String: String]
    package let url: String
    private let program: Mutex<RunningProgram>

    /// - Parameters:
    ///   - database: without one, the server makes a private PostgreSQL in its folder.
    ///   - settings: variables that differ from those of a plain sandbox; an empty one is left out.
    package static func start(
        database: TestDatabase?, _ settings: [String: String] = [:], arguments: [String] = []
    ) async throws -> FlorinServer {
        let folder = TestFolder("florin-e2e")
        let environment = environment(folder, database).merging(settings) { _, new in new }
        let program = launch(arguments, environment)
        toEnd.add(folder.path)
        let url = try await program.line(startingWith: "ready ").dropFirst("ready ".count)
        let port = url.reversed().prefix { $0 != ":" }.reversed()
        return FlorinServer(
            folder, environment.merging(["PORT": String(port)]) { _, new in new }, String(url),
            program)
    }

    private init(
        _ folder: TestFolder, _ environment: [String: String], _ url: String,
        _ program: RunningProgram
    ) {
        self.folder = folder
        self.environment = environment
        self.url = url
        self.program = Mutex(program)
    }

    /// Nobody can call it any more, and what it holds of the database others need.
    deinit { current.send(SIGKILL) }

    package var current: RunningProgram { program.withLock { $0 } }

    /// Ends it at once, as a power cut would.
    package func crash() async throws {
        current.send(SIGKILL)
        try await current.ended()
    }

    /// Asks it to end and waits until it has.
    @discardableResult
    package func stop() async throws -> RunningProgram.Ending {
        current.send(SIGTERM)
        return try await current.ended()
    }

    /// Starts it anew on the same port and data, after it ended.
    package func restart(_ arguments: [String] = []) async throws {
        let next = Self.launch(arguments, environment)
        program.withLock { $0 = next }
        _ = try await next.line(startingWith: "ready ")
    }

    /// Runs another command of the program on the same data until it ends.
    package func run(
        _ arguments: String...
    ) async throws -> (program: RunningProgram, ending: RunningProgram.Ending) {
        try await run(arguments)
    }

    package func run(
        _ arguments: [String]
    ) async throws -> (program: RunningProgram, ending: RunningProgram.Ending) {
        try await Self.run(arguments, environment)
    }

    package static func run(
        _ arguments: [String], _ environment: [String: String] = [:]
    ) async throws -> (program: RunningProgram, ending: RunningProgram.Ending) {
        let program = RunningProgram(binary, arguments, environment: environment)
        return (program, try await program.ended())
    }

    private static func launch(
        _ arguments: [String], _ environment: [String: String]
    ) -> RunningProgram {
        let program = RunningProgram(binary, ["serve"] + arguments, environment: environment)
        toEnd.add(program)
        return program
    }

    /// Another program of the tests that must not outlive them, nor its folder.
    static func endAtExit(_ program: RunningProgram, _ folder: TestFolder) {
        toEnd.add(program)
        toEnd.add(folder.path)
    }

    /// The program of the same build as the tests stands beside them.
    package static let binary: String = {
        var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink("/proc/self/exe", &bytes, bytes.count)
        let path = String(decoding: bytes.prefix(max(0, count)).map(UInt8.init), as: UTF8.self)
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        return "/" + folder + "/florin"
    }()

    /// The check stays on, and troubles nobody.
    package static let generousRateLimits = "address=1000000/1,account=1000000/1,key=1000000/1"
    package static let generousCodeLimits =
        "phone=1000000/1,address=1000000/1,prefix=1000000/1,country=1000000/1"

    private static func environment(
        _ folder: TestFolder, _ database: TestDatabase?
    ) -> [String: String] {
        [
            "PATH": "/usr/bin:/bin", "PORT": "0", "FLORIN_DATA": folder.path + "/data",
            "FLORIN_SANDBOX": "1", "FLORIN_LIMIT_TRANSFER": "250000",
            "FLORIN_LIMIT_DAY": "1000000", "FLORIN_LIMIT_MONTH": "10000000",
            // Crowds pay faster than people do.
            "FLORIN_LIMITS": "*.* hour_count=none,day_count=none,balance=none",
            "FLORIN_ARGON2_MEMORY_KIB": "64", "FLORIN_ARGON2_PASSES": "1",
            // All tests come from one address, and few people in them answer.
            "FLORIN_RATE_LIMITS": generousRateLimits,
            "FLORIN_CODE_LIMITS": generousCodeLimits, "FLORIN_CODE_GUARD": "sent=1000000",
            "DATABASE_URL": database.map(\.connectionString) ?? "",
        ]
    }
}

extension TestDatabase {
    /// For programs that are told where the database is; in libpq's words, of which the last
    /// counts.
    package var connectionString: String { settings.url + " dbname=" + name }
}

// MARK: The end

extension TestFolder {
    /// Removes the folder when the tests are over.
    package func removeAtEnd() { toEnd.add(path) }
}

/// Ends the servers when the process exits: the test runner has no hook of its own for that.
private let toEnd = RunningServers()

private final class RunningServers: Sendable {
    private struct State {
        var programs: [RunningProgram] = []
        var folders: [String] = []
    }

    private let state = Mutex(State())

    init() {
        atexit { toEnd.end() }
    }

    func add(_ program: RunningProgram) { state.withLock { $0.programs.append(program) } }
    func add(_ folder: String) { state.withLock { $0.folders.append(folder) } }

    private func end() {
        let (programs, folders) = state.withLock { ($0.programs, $0.folders) }
        for program in programs { program.send(SIGKILL) }
        for folder in folders {
            TestFolder.endServer(in: folder + "/data")
            TestFolder.remove(folder)
        }
    }
}
