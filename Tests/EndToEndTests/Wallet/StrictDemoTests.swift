import TestSupport
import Testing

@Suite("The demonstration of strict mode", .timeLimit(.minutes(2)))
struct StrictDemoTests {
    private static let root = #filePath.split(separator: "/").dropLast(4)
        .reduce(into: "") { $0 += "/" + $1 }

    @Test func itShowsThatLeavingEndsTheSession() async throws {
        let database = try await TestPostgres.database()
        let program = RunningProgram(
            Self.root + "/scripts/strict-demo", [],
            environment: [
                "PATH": "/usr/bin:/bin", "FLORIN_BINARY": FlorinServer.binary,
                "DATABASE_URL": database.connectionString,
            ])
        #expect(try await program.ended() == .exited(0), "\(program.complaints)")
        for words in [
            "Strict mode is on", "Sent KES 12.50.", "You have left; the session is over.",
            "Log in first", "This session is over; log in again.", "session idle",
            "Leaving ends the session.",
        ] { #expect(program.output.contains(words)) }
    }
}
