/// Why the database did not do what was asked.
///
/// Descriptions are safe to log: they never hold a bound value, nor the server's detail, which
/// quotes rows.
package enum DatabaseError: Error, Sendable {
    /// The server refused; the transaction is gone.
    case server(ServerError)
    /// There is no connection, or it was lost before anything could have been committed.
    case connection(String)
    /// The queue of work is full; nothing was done.
    case overloaded
    /// The connection was lost while committing: the change may or may not have been made.
    case commitUnknown
    /// The answer does not have the type that the caller reads.
    case decoding(column: Int, expected: String)
    /// The settings, the server or the migrations are not what Florin needs; a person must act.
    case configuration(String)
    /// The database was closed by its owner.
    case closed
}

/// A refusal in the server's words, without the parts that quote data.
package struct ServerError: Sendable, Equatable {
    /// Five characters of PostgreSQL's appendix A.
    package let sqlState: String
    /// The server's primary message; may quote a value of a statement, so it is not for logs.
    package let message: String
    package let constraint: String?
    package let table: String?
    package let column: String?
    /// Whether a prepared statement has gone or no longer fits, so that trying again will do.
    package let isStaleStatement: Bool
}

extension DatabaseError {
    package var sqlState: String? {
        if case .server(let error) = self { error.sqlState } else { nil }
    }

    /// The constraint that was violated, for SQLSTATE class 23.
    package var constraint: String? {
        if case .server(let error) = self { error.constraint } else { nil }
    }

    package func isUniqueViolation(_ constraint: String) -> Bool {
        sqlState == SQLState.uniqueViolation && self.constraint == constraint
    }

    package var isUniqueViolation: Bool { sqlState == SQLState.uniqueViolation }

    /// Whether the same work may succeed when it is simply done again.
    ///
    /// `commitUnknown` is not: first find out what happened.
    package var isTransient: Bool {
        switch self {
        case .connection, .overloaded: true
        case .server(let error): error.isTransient
        case .commitUnknown, .decoding, .configuration, .closed: false
        }
    }
}

extension ServerError {
    package var isTransient: Bool {
        isStaleStatement || mustRunAgain
            || [SQLState.lockNotAvailable, SQLState.tooManyConnections].contains(sqlState)
    }

    /// Whether it is the server that cannot do this at the moment, whatever is asked of it: a
    /// time-out, a lock, a restart, no room, or a standby that is not yet the primary.
    package var isOfTheMoment: Bool {
        isTransient || sqlState == SQLState.readOnlyTransaction
            || ["53", "57"].contains(sqlState.prefix(2))
    }

    /// Whether PostgreSQL asks for the whole transaction again: two transactions met in a way that
    /// only one could survive.
    var mustRunAgain: Bool {
        sqlState == SQLState.serializationFailure || sqlState == SQLState.deadlockDetected
    }
}

/// The codes of PostgreSQL's appendix A that Florin acts on.
package enum SQLState {
    package static let uniqueViolation = "23505"
    package static let checkViolation = "23514"
    package static let invalidStatementName = "26000"
    package static let featureNotSupported = "0A000"
    package static let serializationFailure = "40001"
    package static let deadlockDetected = "40P01"
    package static let lockNotAvailable = "55P03"
    package static let tooManyConnections = "53300"
    package static let readOnlyTransaction = "25006"
    package static let queryCanceled = "57014"
    package static let adminShutdown = "57P01"
    package static let cannotConnectNow = "57P03"
}

// MARK: Words

extension DatabaseError: CustomStringConvertible, CustomDebugStringConvertible {
    package var description: String {
        switch self {
        case .server(let error): error.description
        case .connection(let reason): "The database cannot be reached: \(reason)"
        case .overloaded: "The database has too much waiting work."
        case .commitUnknown: "The connection was lost during the commit; its outcome is unknown."
        case .decoding(let column, let expected): "Column \(column) does not hold \(expected)."
        case .configuration(let reason): reason
        case .closed: "The database was closed."
        }
    }

    package var debugDescription: String {
        if case .server(let error) = self { error.debugDescription } else { description }
    }
}

extension ServerError: CustomStringConvertible, CustomDebugStringConvertible {
    /// The classes of appendix A whose primary messages name tables, columns, constraints and
    /// settings, never values.
    private static let speakingClasses: Set<Substring> = [
        "08", "0A", "23", "25", "26", "28", "3D", "3F", "40", "42", "53", "54", "55", "57", "58",
    ]

    package var description: String {
        let rest = Self.speakingClasses.contains(sqlState.prefix(2)) ? ": \(message)" : "."
        let place = constraint.map { ", constraint \($0)" } ?? ""
        return "PostgreSQL refused (SQLSTATE \(sqlState)\(place))\(rest)"
    }

    package var debugDescription: String {
        "PostgreSQL refused (SQLSTATE \(sqlState)): \(message)"
    }
}
