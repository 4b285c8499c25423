package import Postgres

/// All tables of one database of the shared test server, on a disk that is soon full. Only root can
/// make one: see `SmallDisk.isPermitted`.
package struct SmallTablespace: Sendable {
    package let disk: SmallDisk
    private let name: String
    private let database: ConnectionSettings

    private static let bytes = 4 << 20

    /// - Parameters:
    ///   - database: its name; the tables that are in it now move.
    ///   - settings: the way to it.
    package init(_ database: String, _ settings: ConnectionSettings) async throws {
        name = "small_\(database)"
        self.database = settings
        let server = try await Connection.open(TestPostgres.shared.settings)
        let data: String = try server.query("SHOW data_directory")[0][0]
        disk = SmallDisk(bytes: Self.bytes, owner: SmallDisk.owner(of: data), mode: 0o700)
        try server.run(unprepared: "CREATE TABLESPACE \(name) LOCATION '\(disk.folder.path)'")
        try move(from: "pg_default", to: name)
    }

    /// Moves the tables back and takes the disk away.
    package func end() async throws {
        try move(from: name, to: "pg_default")
        try await Connection.open(TestPostgres.shared.settings)
            .run(unprepared: "DROP TABLESPACE \(name)")
        disk.end()
    }

    private func move(from source: String, to target: String) throws {
        let connection = try Connection.open(database)
        for kind in ["TABLE", "INDEX"] {
            try connection.run(
                unprepared: "ALTER \(kind) ALL IN TABLESPACE \(source) SET TABLESPACE \(target)")
        }
    }
}
