import Synchronization
import Telemetry
import Threads

/// One thread's connection, kept alive: opens it when needed and tries transactions again when
/// that is what PostgreSQL asks for. Not `Sendable`: it never leaves its thread.
final class Session {
    /// How often a transaction runs before the last refusal is the answer.
    static let attemptsMax = 5
    /// The longest pause before the second attempt; each further pause may be twice as long.
    static let pauseMillisecondsMax = 4

    private let settings: ConnectionSettings
    private let outage: Outage
    private var connection: Connection?
    private let instruments: PoolInstruments

    init(settings: ConnectionSettings, outage: Outage, instruments: PoolInstruments) {
        self.instruments = instruments
        self.settings = settings
        self.outage = outage
    }

    func close() { connection = nil }

    func transaction<R>(
        _ mode: TransactionMode, _ body: (borrowing Transaction) throws -> R
    ) throws -> R {
        try untilDone { connection in try connection.transaction(mode, body) }
    }

    /// Runs one statement that changes nothing, without a transaction around it. As it changes
    /// nothing, it is simply asked again where a writer would not know what it has done.
    func query(_ statement: SQL) throws -> QueryResult {
        try untilDone { connection in
            do throws(DatabaseError) {
                return try connection.pipeline([statement])[0]
            } catch .commitUnknown {
                throw DatabaseError.connection("the connection was lost during a read")
            }
        }
    }

    private func untilDone<R>(_ body: (Connection) throws -> R) throws -> R {
        var attempts = 0
        var wasLost = false
        while true {
            attempts += 1
            do {
                return try body(openConnection())
            } catch let error as DatabaseError {
                let isLoss = Self.isLoss(error)
                guard isLoss ? !wasLost && connection != nil : Self.mustRunAgain(error, attempts)
                else { throw error }
                wasLost = wasLost || isLoss
                instruments.retries.increment()
                if isLoss { connection = nil } else { pauseBeforeAttempt(attempts + 1) }
            }
        }
    }

    /// Lost before the commit was sent: nothing happened, and a fresh connection may serve.
    private static func isLoss(_ error: DatabaseError) -> Bool {
        if case .connection = error { true } else { false }
    }

    private static func mustRunAgain(_ error: DatabaseError, _ attempts: Int) -> Bool {
        guard case .server(let server) = error, attempts < attemptsMax else { return false }
        return server.mustRunAgain || server.isStaleStatement
    }

    /// Random, so that the two that met do not meet again.
    private func pauseBeforeAttempt(_ attempt: Int) {
        pause(milliseconds: Int.random(in: 0...(Self.pauseMillisecondsMax << (attempt - 2))))
    }

    private func openConnection() throws(DatabaseError) -> Connection {
        if let connection, !connection.isBroken { return connection }
        connection = nil
        try outage.check()
        do {
            let opened = try Connection.open(settings)
            connection = opened
            outage.end()
            return opened
        } catch {
            outage.begin(error)
            throw error
        }
    }
}

/// What the threads of a pool know together about a server that does not answer, so that work
/// fails at once instead of each piece waiting for its own time-out.
final class Outage: Sendable {
    /// The pause after the first failure to connect; each further one doubles it.
    static let pauseMillisecondsMin = 20
    static let pauseMillisecondsMax = 2000

    private struct State {
        var failures = 0
        var reason: DatabaseError?
        var retryAt = ContinuousClock.now
    }

    private let state = Mutex(State())

    /// Throws the reason of the last failure until it is time to try again.
    func check() throws(DatabaseError) {
        let reason: DatabaseError? = state.withLock { state in
            ContinuousClock.now < state.retryAt ? state.reason : nil
        }
        if let reason { throw reason }
    }

    func begin(_ reason: DatabaseError) {
        let isFirst = state.withLock { state in
            state.failures += 1
            state.reason = reason
            let doubled = Self.pauseMillisecondsMin << min(state.failures - 1, 10)
            let pause = min(doubled, Self.pauseMillisecondsMax)
            state.retryAt = .now + .milliseconds(pause)
            return state.failures == 1
        }
        if isFirst { Log.error("database.away", ["reason": "\(reason)"]) }
    }

    func end() {
        let wasAway = state.withLock { state in
            defer { state = State() }
            return state.failures > 0
        }
        if wasAway { Log.notice("database.back") }
    }
}
