import Postgres
import TestSupport
import Testing

/// A server that owes an answer and never gives it.
@Suite(.timeLimit(.minutes(1))) struct SilenceTests {
    private struct Setting {
        let proxy: DatabaseProxy
        let connection: Connection

        init() async throws {
            let database = try await TestPostgres.database()
            proxy = DatabaseProxy(to: database.settings)
            var settings = proxy.settings(for: database.name)
            settings.statementTimeoutMilliseconds = 100
            settings.answerGraceMilliseconds = 100
            connection = try Connection.open(settings)
            _ = try connection.query("SELECT 1")
        }

        func end() {
            proxy.mend()
            proxy.end()
        }
    }

    /// Outside a transaction nobody knows what became of the statement.
    @Test func aStatementIsInDoubt() async throws {
        let setting = try await Setting()
        setting.proxy.hold(newOnes: false)
        let error = #expect(throws: DatabaseError.self) {
            try setting.connection.query("SELECT 2")
        }
        #expect(error.map { "\($0)" } == "\(DatabaseError.commitUnknown)")
        #expect(setting.connection.isBroken)
        setting.end()
    }

    @Test func aTransactionIsLost() async throws {
        let setting = try await Setting()
        let error = #expect(throws: DatabaseError.self) {
            try setting.connection.transaction { transaction in
                try transaction.execute("SELECT 2")
                setting.proxy.hold(newOnes: false)
                try transaction.execute("SELECT 3")
            }
        }
        #expect(error?.isTransient == true)
        try setting.connection.reconnect()
        #expect(try setting.connection.query("SELECT 4").count == 1)
        setting.end()
    }

    @Test func aCommitIsInDoubt() async throws {
        let setting = try await Setting()
        let error = #expect(throws: DatabaseError.self) {
            try setting.connection.transaction { transaction in
                try transaction.execute("SELECT 2")
                setting.proxy.hold(newOnes: false)
            }
        }
        #expect(error.map { "\($0)" } == "\(DatabaseError.commitUnknown)")
        setting.end()
    }

    /// Nobody is hung up on for asking nothing.
    @Test func aQuietConnectionStays() async throws {
        let setting = try await Setting()
        let other = try await Setting()
        other.proxy.hold(newOnes: false)
        // As long as the other one's silence is borne, and longer than this one's statement may
        // take.
        #expect(throws: DatabaseError.self) { try other.connection.query("SELECT 2") }
        #expect(try setting.connection.query("SELECT 2").count == 1)
        for each in [setting, other] { each.end() }
    }
}
