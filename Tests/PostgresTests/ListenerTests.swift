import Postgres
import TestSupport
import Testing
import Values

@Suite struct ListenerTests {
    private enum Event: Equatable, Sendable {
        case listening
        case heard(String, String)
    }

    private func listen(
        _ database: TestDatabase, _ channels: [String]
    ) throws -> (Listener, AsyncStream<Event>.AsyncIterator) {
        let (events, sink) = AsyncStream<Event>.makeStream()
        var settings = database.settings
        settings.applicationName = "listener"
        let listener = try Listener.start(
            settings, channels: channels,
            onNotify: { sink.yield(.heard($0, $1)) }, onReconnect: { sink.yield(.listening) })
        return (listener, events.makeAsyncIterator())
    }

    @Test func hearsWhatIsCommittedAndNothingElse() async throws {
        let database = try await TestPostgres.database()
        var (listener, events) = try listen(database, ["jobs", "odd \"name\""])
        #expect(await events.next() == .listening)
        let connection = try database.connection()
        struct Undone: Error {}
        #expect(throws: Undone.self) {
            try connection.transaction { transaction in
                try transaction.notify(channel: "jobs", payload: "undone")
                throw Undone()
            }
        }
        try connection.transaction { transaction in
            try transaction.notify(channel: "jobs", payload: "one")
            try transaction.notify(channel: "unheard", payload: "x")
            try transaction.notify(channel: "odd \"name\"", payload: "'two'")
        }
        #expect(await events.next() == .heard("jobs", "one"))
        #expect(await events.next() == .heard("odd \"name\"", "'two'"))
        listener.stop()
    }

    @Test func comesBackAfterALoss() async throws {
        let database = try await TestPostgres.database()
        var (listener, events) = try listen(database, ["jobs"])
        #expect(await events.next() == .listening)
        let connection = try database.connection()
        try connection.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE application_name = 'listener' AND datname = current_database()
            """)
        #expect(await events.next() == .listening)
        try connection.transaction { try $0.notify(channel: "jobs", payload: "after") }
        #expect(await events.next() == .heard("jobs", "after"))
        listener.stop()
    }
}
