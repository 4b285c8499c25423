internal import Cryptography
internal import Glibc
internal import Identity
internal import Jobs
internal import Ledger
internal import Notifications
internal import Offline
internal import Postgres
internal import Rails

/// `florin rotate-keys`: seals everything under the first master key, then proves that the others
/// are no longer needed. Exit 0 when they are not.
enum RotateCommand {
    /// Servers that still seal with an older key make another round necessary.
    private static let roundsMax = 3

    static func run(_ words: [String]) async throws -> Int32 {
        _ = try Arguments(words, .init())
        return try await Installation.with { installation in
            _ = try Migrator.run(Application.migrations, on: installation.settings)
            let database = Database(settings: installation.settings, connections: 1, queueMax: 8)
            let code = try await rotate(database, installation.ring)
            await database.close()
            return code
        }
    }

    private static func rotate(_ database: Database, _ ring: KeyRing) async throws -> Int32 {
        let rotation = Rotation(database: database, ring: ring)
        for _ in 0..<roundsMax {
            for kind in Application.sealedRows {
                end(try await rotation.reseal(kind, tell: tell), "sealed anew")
            }
            do {
                for kind in Application.sealedRows { try await rotation.verify(kind, tell: tell) }
                Program.say("everything opens with the key \(ring.name) alone")
                if ring.hasOthers { Program.say("the other keys are no longer needed") }
                return 0
            } catch let unopened as Rotation.Unopened {
                Program.complain("florin: \(unopened)")
            }
        }
        Program.complain(
            "florin: a server still seals with another key: give all of them the same keys, in "
                + "the same order, and rotate again")
        return 1
    }

    private static func tell(_ progress: Rotation.Progress) {
        guard isatty(STDERR_FILENO) == 1 else { return }
        Program.complainBriefly("\(progress.name): \(progress.rows)")
    }

    private static func end(_ progress: Rotation.Progress, _ what: String) {
        if isatty(STDERR_FILENO) == 1 { Program.complainBriefly("") }
        let counted = "\(progress.resealed) of \(progress.rows) \(what)"
        Program.say(progress.name.padded(to: 20) + counted)
    }
}

extension Application {
    /// Everything that master keys have sealed.
    static let sealedRows =
        Identity.sealedRows + BookKeys.sealedRows + Notifications.sealedRows
        + Rails.sealedRows + IssuerKeys.sealedRows
}
