internal import Cryptography
internal import HTTP
package import Postgres
internal import Values

/// What was done, by whom, from where: append-only, each entry chained to the one before it.
///
/// An entry is written in the transaction of what it tells, so neither exists without the other.
/// Link *n* is SHA-256 of link *n* − 1, the number *n* as eight bytes, and the entry's digest; who
/// changes, removes or slips in an entry would have to change every link after it.
package struct AuditLog: Sendable {
    private let vault: Vault
    private let clock: Clock

    init(vault: Vault, clock: Clock) {
        self.vault = vault
        self.clock = clock
    }

    /// Writes the act. Call it last in a transaction: it holds the end of the chain until the
    /// commit, so whoever takes another lock afterwards makes everyone wait, or deadlocks.
    package func record(
        _ act: Act, in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        let at = clock.now
        let details = vault.seal(ActDetails(act).json, named: Self.context)
        let address = act.origin.address.map { vault.index(address: $0) }
        let digest = Self.digest(of: act, at: at, address: address, details: details)
        try transaction.execute(
            """
            WITH head AS (
                UPDATE identity.acts_head SET position = position + 1,
                    link = sha256(link || int8send(position + 1) || \(digest))
                WHERE id = 1 RETURNING position, link
            )
            INSERT INTO identity.acts (position, at, kind, actor, subject, reason, address_index,
                details_sealed, link)
            SELECT position, \(at), \(act.kind.text), \(act.actor), \(act.subject),
                \(act.reason), \(address), \(details), link FROM head
            """)
    }

    private static let context = "act"

    /// SHA-256 of the entry's fields in the order of its columns, each with its length before it;
    /// what is absent has the length −1.
    static func digest(
        of act: Act, at: Timestamp, address: [UInt8]?, details: [UInt8]
    ) -> [UInt8] {
        let fields: [[UInt8]?] = [
            Array("\(at.microseconds)".utf8), Array(act.kind.text.utf8),
            act.actor.map { Array("\($0)".utf8) }, act.subject.map { Array("\($0)".utf8) },
            act.reason.map { Array($0.utf8) }, address, details,
        ]
        return Hash.sha256(
            fields.flatMap { field in
                Array("\(field?.count ?? -1):".utf8) + (field ?? [])
            })
    }
}

/// What of an act may be somebody's personal data, and is sealed.
private struct ActDetails {
    let json: [UInt8]

    init(_ act: Act) {
        var writer = JSONWriter()
        writer.object { details in
            details.field("address", act.origin.address)
            details.field("agent", act.origin.agent)
            details.field("before", act.before)
            details.field("after", act.after)
        }
        json = writer.bytes
    }
}
