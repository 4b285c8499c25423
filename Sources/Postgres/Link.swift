import CPostgres

#if canImport(Glibc)
    import Glibc
#endif

/// One libpq connection: the only place where its handle lives.
///
/// Knows the protocol and nothing of transactions. It must be used by one thread at a time, which
/// the class cannot check but `Connection`, not being Sendable, can.
@safe
final class Link {
    let handle: OpaquePointer

    /// Set by libpq's notice receiver when the server says good-bye outside any statement.
    private let isDoomed: UnsafeMutablePointer<Bool>

    /// Ends the wait for a server that never answers; nil when it may take for ever.
    private let watched: Watched?

    private init(taking handle: OpaquePointer, _ settings: ConnectionSettings) {
        unsafe self.handle = handle
        watched = settings.answerPatienceMilliseconds.map {
            unsafe Watched(socket: PQsocket(handle), patienceMilliseconds: $0)
        }
        unsafe isDoomed = .allocate(capacity: 1)
        unsafe isDoomed.initialize(to: false)
        // Notices would go to standard error; only the one that ends the session matters.
        unsafe PQsetNoticeReceiver(
            handle,
            { flag, result in
                guard unsafe Link.isFatal(result) else { return }
                unsafe flag?.assumingMemoryBound(to: Bool.self).pointee = true
            }, isDoomed)
        if let watched { AnswerWatch.shared.add(watched) }
    }

    deinit {
        if let watched { AnswerWatch.shared.remove(watched) }
        unsafe PQfinish(handle)
        unsafe isDoomed.deallocate()
    }

    // MARK: Opening

    static func open(_ settings: ConnectionSettings) throws(DatabaseError) -> Link {
        guard settings.isReadable else {
            throw .configuration(
                "The database's address is not one PostgreSQL understands; "
                    + "write postgres://user:password@host:port/database.")
        }
        guard let handle = unsafe connect(settings.keywords) else {
            throw .connection("there is no memory for a connection")
        }
        let link = unsafe Link(taking: handle, settings)
        guard unsafe PQstatus(handle) == CONNECTION_OK else { throw link.openingError }
        try link.checkVersion()
        _ = try link.simple(settings.sessionStatements).get()
        return link
    }

    private static func connect(_ keywords: [(name: String, value: String)]) -> OpaquePointer? {
        let names = unsafe keywords.map { unsafe strdup($0.name) }
        let values = unsafe keywords.map { unsafe strdup($0.value) }
        defer {
            unsafe (names + values).forEach { unsafe free($0) }
        }
        let namesEnded = unsafe (names + [nil]).map { unsafe UnsafePointer($0) }
        let valuesEnded = unsafe (values + [nil]).map { unsafe UnsafePointer($0) }
        return unsafe PQconnectdbParams(namesEnded, valuesEnded, 1)
    }

    /// libpq tells failures of opening apart by words only; what a person must mend and what
    /// passes by itself look alike, so all count as passing.
    private var openingError: DatabaseError {
        .connection(message)
    }

    private func checkVersion() throws(DatabaseError) {
        let version = unsafe PQserverVersion(handle)
        guard version >= ConnectionSettings.serverVersionMin else {
            throw .configuration(
                "Florin needs PostgreSQL \(ConnectionSettings.serverVersionMin / 10_000) or newer; "
                    + "this server is version \(version / 10_000).")
        }
    }

    // MARK: State

    var isAlive: Bool { unsafe !isDoomed.pointee && PQstatus(handle) == CONNECTION_OK }
    var isInTransaction: Bool { unsafe PQtransactionStatus(handle) == PQTRANS_INTRANS }
    var socket: Int32 { unsafe PQsocket(handle) }

    /// Looks whether the server has hung up while nothing was asked of it, without waiting.
    ///
    /// What is sent into a dead connection may or may not have been done; finding out first spares
    /// the caller that doubt in the common case of a restarted server.
    func isStillThere() -> Bool {
        var poll = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard unsafe Glibc.poll(&poll, 1, 0) > 0 else { return isAlive }
        guard unsafe PQconsumeInput(handle) == 1 else { return false }
        // Parses what has come: notices reach their receiver, notifications wait to be taken.
        _ = unsafe PQisBusy(handle)
        return isAlive
    }

    var message: String {
        let text = unsafe String(cString: PQerrorMessage(handle))
        let words = text.split(whereSeparator: \.isWhitespace)
        return words.isEmpty ? "the connection was closed" : words.joined(separator: " ")
    }

    // MARK: The simple protocol, for commands without values

    /// Runs one or more commands; the result is the last one's.
    func simple(_ text: String) -> Result<QueryResult, DatabaseError> {
        expectAnswer()
        defer { expectNothing() }
        guard let raw = unsafe PQexec(handle, text) else { return .failure(.connection(message)) }
        return unsafe simpleOutcome(of: raw)
    }

    /// Takes the raw result over.
    func simpleOutcome(of raw: OpaquePointer) -> Result<QueryResult, DatabaseError> {
        switch unsafe PQresultStatus(raw) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_COPY_IN, PGRES_COPY_OUT,
            PGRES_EMPTY_QUERY:
            return .success(unsafe QueryResult(taking: raw))
        default:
            defer { unsafe PQclear(raw) }
            let isFatal = unsafe Self.isFatal(raw)
            if isFatal { unsafe isDoomed.pointee = true }
            guard isAlive, let error = unsafe Self.serverError(raw) else {
                return .failure(.connection(message))
            }
            return .failure(.server(error))
        }
    }

    // MARK: A flight: statements sent together, answered together

    enum Answer {
        case result(QueryResult)
        case refusal(ServerError)
        /// Not run, because one before it was refused.
        case skipped
        /// The connection is gone; `wasRefused` when the server said so in place of an answer.
        case lost(String, wasRefused: Bool)
    }

    func beginFlight() -> Bool {
        expectAnswer()
        return unsafe PQenterPipelineMode(handle) == 1
    }

    func expectAnswer() { watched?.expect() }
    func expectNothing() { watched?.rest() }

    func send(_ command: String) -> Bool {
        unsafe PQsendQueryParams(handle, command, 0, nil, nil, nil, nil, 1) == 1
    }

    func prepare(_ name: String, _ text: String, _ types: [UInt32]) -> Bool {
        unsafe PQsendPrepare(handle, name, text, Int32(types.count), types) == 1
    }

    func endSending() -> Bool { unsafe PQpipelineSync(handle) == 1 }

    /// The answer to the next thing sent.
    func receive() -> Answer {
        guard let raw = unsafe PQgetResult(handle) else {
            return .lost(message, wasRefused: false)
        }
        let answer = unsafe interpret(raw)
        if case .lost = answer { return answer }
        // Each answer is followed by an empty one.
        while let more = unsafe PQgetResult(handle) { unsafe PQclear(more) }
        expectAnswer()
        return answer
    }

    private func interpret(_ raw: OpaquePointer) -> Answer {
        switch unsafe PQresultStatus(raw) {
        case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
            return .result(unsafe QueryResult(taking: raw))
        case PGRES_PIPELINE_ABORTED:
            unsafe PQclear(raw)
            return .skipped
        default:
            defer { unsafe PQclear(raw) }
            let isFatal = unsafe Self.isFatal(raw)
            if isFatal { unsafe isDoomed.pointee = true }
            guard isAlive, let error = unsafe Self.serverError(raw) else {
                return .lost(message, wasRefused: isFatal)
            }
            return .refusal(error)
        }
    }

    /// Waits until everything sent has been settled. False when the connection was lost before.
    func endFlight() -> Bool {
        defer { expectNothing() }
        guard let raw = unsafe PQgetResult(handle) else { return false }
        defer { unsafe PQclear(raw) }
        guard unsafe PQresultStatus(raw) == PGRES_PIPELINE_SYNC else { return false }
        return unsafe PQexitPipelineMode(handle) == 1
    }

    // MARK: Errors

    private static func isFatal(_ result: OpaquePointer?) -> Bool {
        let severity = unsafe field(result, 86)  // PG_DIAG_SEVERITY_NONLOCALIZED, 'V'
        return severity == "FATAL" || severity == "PANIC"
    }

    /// Nil when the error is libpq's own, which has no SQLSTATE.
    static func serverError(_ result: OpaquePointer?) -> ServerError? {
        guard let state = unsafe field(result, 67) else { return nil }  // 'C'
        // A statement prepared before a table changed, or forgotten by DISCARD.
        let isOutdated =
            state == SQLState.featureNotSupported
            && (unsafe field(result, 82)) == "RevalidateCachedQuery"  // 'R'
        return ServerError(
            sqlState: state,
            message: unsafe field(result, 77) ?? "",  // 'M'
            constraint: unsafe field(result, 110),  // 'n'
            table: unsafe field(result, 116),  // 't'
            column: unsafe field(result, 99),  // 'c'
            isStaleStatement: isOutdated || state == SQLState.invalidStatementName)
    }

    /// A field of an error, by the letter the protocol gives it.
    private static func field(_ result: OpaquePointer?, _ letter: Int32) -> String? {
        unsafe PQresultErrorField(result, letter).map { unsafe String(cString: $0) }
    }
}
