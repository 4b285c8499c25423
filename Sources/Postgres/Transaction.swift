/// An open transaction, lent to the closure that runs inside it and of no use after.
package struct Transaction: ~Copyable {
    let connection: Connection

    init(connection: Connection) {
        self.connection = connection
    }

    package func query(_ sql: SQL) throws(DatabaseError) -> [Row] {
        try connection.run([sql])[0].rows
    }

    package func first(_ sql: SQL) throws(DatabaseError) -> Row? {
        try connection.run([sql])[0].first
    }

    /// The number of rows written.
    @discardableResult
    package func execute(_ sql: SQL) throws(DatabaseError) -> Int {
        try connection.run([sql])[0].affected
    }

    /// Runs the statements in one round trip; the first refusal stops the ones behind it.
    package func pipeline(_ statements: [SQL]) throws(DatabaseError) -> [QueryResult] {
        try connection.run(statements)
    }

    /// Sends `payload` to who listens on `channel`, if and when this transaction commits.
    package func notify(
        channel: StaticString, payload: String
    ) throws(DatabaseError) {
        try execute("SELECT pg_notify(\(channel.description), \(payload))")
    }
}
