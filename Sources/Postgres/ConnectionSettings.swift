import CPostgres

/// Where the database is and how patient a connection to it is.
package struct ConnectionSettings: Sendable {
    /// `postgres://user:password@host:port/database` or libpq's `key=value` form. Holds a secret.
    package let url: String
    package var applicationName = "florin"

    /// How long one statement may run; 0 is for ever.
    package var statementTimeoutMilliseconds = 10_000
    /// How much longer than its statement may run a server may be silent before it counts as lost.
    package var answerGraceMilliseconds = 5000
    /// How long a statement may wait for a lock; 0 is for ever.
    package var lockTimeoutMilliseconds = 5000
    /// How long a transaction may do nothing before the server ends it.
    package var idleInTransactionTimeoutMilliseconds = 30_000

    /// The oldest server whose features Florin relies on.
    static let serverVersionMin: Int32 = 140_000
    static let connectTimeoutSeconds = 5
    /// How long sent bytes may stay unacknowledged before the connection counts as lost.
    static let unacknowledgedMillisecondsMax = 15_000

    package init(url: String) {
        self.url = url
    }

    /// The same settings for another database of the same server.
    package func database(_ name: String) -> ConnectionSettings {
        var settings = self
        settings.databaseName = name
        return settings
    }

    private var databaseName: String?
}

extension ConnectionSettings {
    /// What libpq is given, in order: a later word overrides an earlier one, so what stands before
    /// the URL is a default and what stands after it is not up for discussion.
    var keywords: [(name: String, value: String)] {
        var keywords: [(name: String, value: String)] = [
            ("connect_timeout", String(Self.connectTimeoutSeconds)),
            ("application_name", applicationName),
            ("keepalives_idle", "30"),
            ("keepalives_interval", "5"),
            ("keepalives_count", "3"),
            ("tcp_user_timeout", String(Self.unacknowledgedMillisecondsMax)),
            // With several hosts in the URL, the one that can write is meant.
            ("target_session_attrs", "read-write"),
            ("dbname", url),
            ("client_encoding", "UTF8"),
        ]
        if let databaseName { keywords.append(("dbname", databaseName)) }
        return keywords
    }

    /// What every session begins with. `synchronous_commit` is left as the server has it.
    var sessionStatements: String {
        """
        SET statement_timeout = \(statementTimeoutMilliseconds);
        SET lock_timeout = \(lockTimeoutMilliseconds);
        SET idle_in_transaction_session_timeout = \(idleInTransactionTimeoutMilliseconds);
        SET client_min_messages = warning;
        SET TimeZone = 'UTC'
        """
    }

    /// How long the server may owe an answer; nil is for ever.
    var answerPatienceMilliseconds: Int? {
        statementTimeoutMilliseconds == 0
            ? nil : statementTimeoutMilliseconds + answerGraceMilliseconds
    }

    /// Whether libpq can read the URL. Its own words of complaint may quote the password.
    var isReadable: Bool {
        guard let options = unsafe PQconninfoParse(url, nil) else { return false }
        unsafe PQconninfoFree(options)
        return true
    }
}

extension ConnectionSettings: CustomStringConvertible, CustomReflectable {
    /// Says nothing of the URL, which holds the password.
    package var description: String { "ConnectionSettings(\(applicationName))" }
    package var customMirror: Mirror { Mirror(self, children: [:]) }
}
