import FoundationEssentials
import Ledger
import Postgres
import TestSupport
import Values

/// The text of a dump, to be changed and audited.
struct Dump: Sendable {
    let text: String

    init(text: String) { self.text = text }

    /// What `pg_dump` writes of the world's database.
    init(of world: World, timeZone: String = "UTC") async throws {
        let name: String = try Connection.open(world.settings)
            .query("SELECT current_database()::text")[0][0]
        let program = RunningProgram(
            Self.pgDump,
            ["--lock-wait-timeout=20s", "--dbname", world.settings.url + " dbname=" + name],
            environment: ["PATH": "/usr/bin:/bin", "PGOPTIONS": "-c TimeZone=" + timeZone])
        guard try await program.ended() == .exited(0) else {
            throw NotDumped(complaints: program.complaints)
        }
        text = program.output
    }

    private struct NotDumped: Error { let complaints: String }

    private static let pgDump: String = {
        let folder = "/usr/lib/postgresql"
        let versions = TestFolder.names(in: folder).compactMap { Int($0) }
        return versions.max().map { "\(folder)/\($0)/bin/pg_dump" } ?? "pg_dump"
    }()

    // MARK: Auditing

    func audit() async throws -> Auditor.Report { try await Self.audit(Array(text.utf8)) }

    static func audit(_ bytes: [UInt8]) async throws -> Auditor.Report {
        let folder = TestFolder("florin-dump")
        defer { folder.remove() }
        let path = folder.path + "/books.sql"
        guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else {
            throw NotDumped(complaints: "\(path) cannot be written")
        }
        return try await Auditor(dump: path, trust: World.trust).run()
    }

    // MARK: Changing

    /// The dump with the rows of each table as `change` leaves them.
    func mapRows(_ change: ([Substring]) -> [Substring]) -> Dump {
        var lines: [Substring] = []
        var rows: [Substring]?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "\\.", let found = rows {
                lines += change(found)
                rows = nil
            }
            if rows == nil { lines.append(line) } else { rows?.append(line) }
            if line.hasPrefix("COPY ledger.") { rows = [] }
        }
        return Dump(text: lines.joined(separator: "\n"))
    }

    struct Change {
        /// Such as `transfers.amount`.
        let name: String
        let dump: Dump
    }

    /// One dump for each value of each row of schema `ledger`, with that value's last byte another.
    func changesOfOneByte() -> [Change] {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var (changes, table, columns): ([Change], String?, [String]) = ([], nil, [])
        for (place, line) in lines.enumerated() {
            if line == "\\." { table = nil }
            if let table {
                for (column, name) in columns.enumerated() {
                    var changed = lines
                    changed[place] = Substring(Self.changing(column, of: line))
                    changes.append(
                        Change(
                            name: "\(table).\(name)",
                            dump: Dump(text: changed.joined(separator: "\n"))))
                }
            }
            guard line.hasPrefix("COPY ledger."), let opening = line.firstIndex(of: "(") else {
                continue
            }
            table = String(line[..<opening].dropFirst("COPY ledger.".count).dropLast())
            columns = line[opening...].dropFirst().prefix { $0 != ")" }
                .split(separator: ",").map { $0.filter { $0 != " " } }
        }
        return changes
    }

    private static func changing(_ column: Int, of line: Substring) -> String {
        var values = line.split(separator: "\t", omittingEmptySubsequences: false)
        var bytes = Array(values[column].utf8)
        bytes[bytes.count - 1] ^= 1
        values[column] = Substring(String(decoding: bytes, as: UTF8.self))
        return values.joined(separator: "\t")
    }
}
