/// One session with the server, confined to the thread that uses it: not `Sendable` on purpose.
///
/// Outside `transaction` every statement is its own transaction and costs one round trip, the
/// commit included. A lost connection stays lost until `reconnect()`.
package final class Connection {
    private let settings: ConnectionSettings
    private var link: Link?
    private var cache = StatementCache()
    private let parameters = ParameterBuffer()
    private var steps: [Step] = []
    private var phase = Phase.idle

    /// The first refusal inside the current transaction, which dooms it.
    private var refusal: DatabaseError?

    private enum Phase: Equatable {
        case idle
        /// A transaction whose BEGIN travels with its first statement.
        case announced(TransactionMode)
        case open
    }

    private enum Step {
        case begin
        case prepare(StatementCache.Statement)
        case execute
    }

    private init(_ settings: ConnectionSettings) {
        self.settings = settings
    }

    package static func open(_ settings: ConnectionSettings) throws(DatabaseError) -> Connection {
        let connection = Connection(settings)
        try connection.reconnect()
        return connection
    }

    /// Whether the session is over; only `reconnect()` helps.
    package var isBroken: Bool { link?.isAlive != true }

    /// Leaves the old session, if there is one, and opens a new one.
    package func reconnect() throws(DatabaseError) {
        precondition(phase == .idle, "a transaction ends before its connection is replaced")
        link = nil
        cache = StatementCache()
        link = try Link.open(settings)
    }
}

// MARK: Statements outside a transaction

extension Connection {
    /// Runs one statement in its own transaction.
    ///
    /// Throws `.connection` when it certainly was not done, and `.commitUnknown` when the
    /// connection was lost before the server could say.
    package func query(_ sql: SQL) throws(DatabaseError) -> [Row] {
        try run([sql])[0].rows
    }

    package func first(_ sql: SQL) throws(DatabaseError) -> Row? {
        try run([sql])[0].first
    }

    /// The number of rows written.
    @discardableResult
    package func execute(_ sql: SQL) throws(DatabaseError) -> Int {
        try run([sql])[0].affected
    }

    /// Runs the statements in one round trip and, together, in one transaction.
    package func pipeline(_ statements: [SQL]) throws(DatabaseError) -> [QueryResult] {
        try run(statements)
    }

    /// Commands without values, several if need be; for the migrator and for tests.
    @discardableResult
    package func run(unprepared text: String) throws(DatabaseError) -> QueryResult {
        try liveLink().simple(text).get()
    }
}

// MARK: Transactions

package enum TransactionMode: Sendable {
    /// READ COMMITTED, the level whose locking the slices are written for.
    case write
    /// Many statements that see one state of the database and change nothing.
    case read

    fileprivate var begin: String {
        switch self {
        case .write: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
        case .read: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
        }
    }
}

extension Connection {
    /// Runs `body` in one transaction: its return commits, its error rolls back.
    ///
    /// Nothing is tried again here; `DatabaseError.isTransient` says when that makes sense.
    @discardableResult
    package func transaction<R>(_ body: (borrowing Transaction) throws -> R) throws -> R {
        try transaction(.write, body)
    }

    package func read<R>(_ body: (borrowing Transaction) throws -> R) throws -> R {
        try transaction(.read, body)
    }

    func transaction<R>(
        _ mode: TransactionMode, _ body: (borrowing Transaction) throws -> R
    ) throws -> R {
        precondition(phase == .idle, "a transaction cannot hold another")
        phase = .announced(mode)
        refusal = nil
        defer { phase = .idle }
        // Named, because as a temporary in the call it crashes the optimiser of Swift 6.3.1.
        let transaction = Transaction(connection: self)
        let value: R
        do {
            value = try body(transaction)
        } catch {
            rollBack()
            throw error
        }
        try commit(mode)
        return value
    }

    private func commit(_ mode: TransactionMode) throws(DatabaseError) {
        guard phase == .open else { return }
        if let refusal {
            // The body went on after an error; the server would answer COMMIT with ROLLBACK.
            rollBack()
            throw refusal
        }
        guard let link, link.isStillThere() else {
            self.link = nil
            throw .connection("the connection was lost inside a transaction")
        }
        switch link.simple("COMMIT") {
        case .success: return
        // What only read has nothing to be in doubt about.
        case .failure(.connection(let reason)):
            throw mode == .read ? .connection(reason) : .commitUnknown
        case .failure(let error): throw error
        }
    }

    /// A session that cannot even roll back is given up; the server rolls back when it ends.
    private func rollBack() {
        guard phase == .open, let link, link.isAlive else { return }
        if case .failure = link.simple("ROLLBACK") { self.link = nil }
    }
}

// MARK: The round trip

extension Connection {
    func run(_ statements: [SQL]) throws(DatabaseError) -> [QueryResult] {
        do {
            return try fly(statements)
        } catch {
            guard case .server(let server) = error else { throw error }
            if server.isStaleStatement { cache.forgetAll() }
            guard phase == .idle else {
                refusal = refusal ?? error
                throw error
            }
            guard server.isStaleStatement else { throw error }
        }
        return try fly(statements)
    }

    private func fly(_ statements: [SQL]) throws(DatabaseError) -> [QueryResult] {
        if statements.isEmpty { return [] }
        let link = try liveLink()
        if phase != .open { releaseRetired(link) }
        guard send(statements, over: link) else {
            throw lost(link.message, isCertain: false)
        }
        return try receive(from: link, count: statements.count)
    }

    /// The link, when it is certain that it can still be asked.
    private func liveLink() throws(DatabaseError) -> Link {
        guard let link, phase == .open ? link.isAlive : link.isStillThere() else {
            self.link = nil
            throw .connection("the connection was closed")
        }
        return link
    }

    private func releaseRetired(_ link: Link) {
        guard !cache.retired.isEmpty else { return }
        for name in cache.takeRetired() { _ = link.simple("DEALLOCATE \(name)") }
    }

    private func send(_ statements: [SQL], over link: Link) -> Bool {
        steps.removeAll(keepingCapacity: true)
        guard link.beginFlight() else { return false }
        if case .announced(let mode) = phase {
            guard link.send(mode.begin) else { return false }
            steps.append(.begin)
        }
        for sql in statements {
            let statement = cache.statement(for: sql)
            if !statement.isPrepared {
                guard link.prepare(statement.name, sql.text, statement.types) else { return false }
                statement.isPrepared = true
                steps.append(.prepare(statement))
            }
            guard unsafe parameters.execute(statement.name, sql.values, on: link.handle) else {
                return false
            }
            steps.append(.execute)
        }
        return link.endSending()
    }

    private func receive(from link: Link, count: Int) throws(DatabaseError) -> [QueryResult] {
        var results: [QueryResult] = []
        results.reserveCapacity(count)
        var refused: DatabaseError?
        for step in steps {
            switch (link.receive(), step) {
            case (.result, .begin): phase = .open
            case (.result, .prepare): continue
            case (.result(let result), .execute): results.append(result)
            case (.refusal(let error), _):
                refused = .server(error)
                forget(step)
            case (.skipped, _): forget(step)
            case (.lost(let reason, let wasRefused), _):
                throw lost(reason, isCertain: wasRefused)
            }
        }
        guard link.endFlight() else { throw lost(link.message, isCertain: refused != nil) }
        if let refused { throw refused }
        return results
    }

    private func forget(_ step: Step) {
        if case .prepare(let statement) = step { cache.forget(statement) }
    }

    /// What a loss means: inside a transaction nothing was committed; outside, who knows, unless
    /// the server ended the session in place of answering.
    private func lost(_ reason: String, isCertain: Bool) -> DatabaseError {
        link = nil
        return phase == .idle && !isCertain ? .commitUnknown : .connection(reason)
    }
}

// MARK: Commands that cannot travel in a flight

extension Connection {
    /// The link inside an open transaction, for what cannot travel in a flight.
    func linkInTransaction() throws(DatabaseError) -> Link {
        let link = try liveLink()
        if case .announced(let mode) = phase {
            _ = try link.simple(mode.begin).get()
            phase = .open
        }
        return link
    }

    /// Several commands at once, in the simple protocol; they must leave the transaction open.
    func runInTransaction(unprepared text: String) throws(DatabaseError) {
        let link = try linkInTransaction()
        if case .failure(let error) = link.simple(text) { throw fail(error) }
        precondition(link.isInTransaction, "commands inside a transaction must not end it")
    }

    func fail(_ error: DatabaseError) -> DatabaseError {
        if case .server = error { refusal = refusal ?? error } else { link = nil }
        return error
    }
}
