internal import Postgres
internal import Values

/// Names of people who were erased. Nobody gets one again: payments to an old friend must not reach
/// a stranger.
extension Identity {
    func retire(
        _ username: Username, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            INSERT INTO identity.retired_usernames (look_index, retired_at)
            VALUES (\(vault.index(username)), \(now)) ON CONFLICT DO NOTHING
            """)
    }

    func refuseRetired(
        _ username: Username, _ transaction: borrowing Transaction
    ) throws {
        let row = try transaction.first(
            """
            SELECT 1 FROM identity.retired_usernames WHERE look_index = \(vault.index(username))
            """)
        if row != nil { throw IdentityRejection.usernameTaken }
    }
}
