package import Postgres

#if canImport(Glibc)
    import Glibc
#endif

/// A PostgreSQL for the tests of one process: started when first needed, gone when it exits.
package enum TestPostgres {
    /// Nothing here outlives the tests, so nothing is forced to disk.
    private static let options = [
        "fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=900",
        "shared_buffers=32MB",
    ]

    /// The server itself.
    package static var shared: PrivateServer {
        get async throws { try await server.value }
    }

    /// A new database with these migrations, for one test.
    package static func database(migrations: [Migration] = []) async throws -> TestDatabase {
        try await templates.database(migrations: migrations, on: shared.settings)
    }

    /// Another database with everything that is in this one, to which nobody is connected.
    package static func copy(of database: TestDatabase) async throws -> TestDatabase {
        try await templates.copy(of: database, on: shared.settings)
    }

    private static let templates = Templates()
    private static let server = Task {
        removeFoldersOfTheDead()
        let server = try await PrivateServer.start(dataFolder: makeFolder(), options: options)
        toStop.start(server)
        return server
    }

    // MARK: The folder

    private static let folders = "/tmp"
    private static let prefix = "florin-tests-"
    fileprivate static var folder: String { "\(folders)/\(prefix)\(getpid())" }

    private static func makeFolder() -> String {
        _ = unsafe mkdir(folder, 0o711)
        return folder
    }

    /// A test process that was killed leaves its folder and its server behind.
    private static func removeFoldersOfTheDead() {
        for name in TestFolder.names(in: folders) where name.hasPrefix(prefix) {
            guard let pid = pid_t(name.dropFirst(prefix.count)), kill(pid, 0) != 0, errno == ESRCH
            else { continue }
            TestFolder.endServer(in: "\(folders)/\(name)")
            TestFolder.remove("\(folders)/\(name)")
        }
    }
}

/// One database of the test server.
package struct TestDatabase: Sendable {
    package let name: String
    package let settings: ConnectionSettings

    package func connection() throws -> Connection { try Connection.open(settings) }

    package func pool(connections: Int = 2, queueMax: Int = 100) -> Database {
        Database(settings: settings, connections: connections, queueMax: queueMax)
    }
}

/// Databases that were migrated once and are copied from then on, which is far quicker.
private actor Templates {
    private var made: [String: Task<String, any Error>] = [:]
    private var count = 0

    func database(
        migrations: [Migration], on server: ConnectionSettings
    ) async throws -> TestDatabase {
        try make(from: try await template(migrations, on: server), on: server)
    }

    func copy(
        of database: TestDatabase, on server: ConnectionSettings
    ) throws -> TestDatabase {
        try make(from: database.name, on: server)
    }

    private func make(
        from template: String, on server: ConnectionSettings
    ) throws -> TestDatabase {
        count += 1
        let name = "test_\(count)"
        try Self.create(name, from: template, on: server)
        return TestDatabase(name: name, settings: server.database(name))
    }

    private func template(
        _ migrations: [Migration], on server: ConnectionSettings
    ) async throws -> String {
        if migrations.isEmpty { return "template0" }
        let key = migrations.map { "\($0.slice) \($0.number) \($0.sql)" }.joined()
        if let task = made[key] { return try await task.value }
        let name = "template_\(made.count + 2)"
        let task = Task {
            try Self.create(name, from: "template0", on: server)
            try Migrator.run(migrations, on: server.database(name))
            return name
        }
        made[key] = task
        return try await task.value
    }

    private static func create(
        _ name: String, from template: String, on server: ConnectionSettings
    ) throws {
        try Connection.open(server)
            .run(unprepared: "CREATE DATABASE \(name) TEMPLATE \(template)")
    }
}

/// Stops the server when the process exits: the test runner has no hook of its own for that.
private let toStop = ExitHook()

private final class ExitHook: Sendable {
    private nonisolated(unsafe) static var server: PrivateServer?

    func start(_ server: PrivateServer) {
        unsafe Self.server = server
        atexit {
            unsafe ExitHook.server?.stopBeforeExit()
            TestFolder.remove(TestPostgres.folder)
        }
    }
}
