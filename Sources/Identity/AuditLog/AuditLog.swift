internal import Cryptography
internal import HTTP
package import Postgres
package import Values

/// What was done, by whom, from where: append-only, each entry chained to the one before it.
///
/// An entry is written in the transaction of what it tells, so neither exists without the other.
/// Link *n* is SHA-256 of link *n* − 1, the number *n* as eight bytes, and the entry's digest; who
/// changes, removes or slips in an entry would have to change every link after it, and the links
/// that were signed and published each day.
///
/// What of it is personal is sealed under a person's key, and the digest covers the sealed bytes:
/// destroying the key leaves the chain whole.
package struct AuditLog: Sendable {
    let vault: Vault
    let clock: Clock

    package init(vault: Vault, clock: Clock) {
        self.vault = vault
        self.clock = clock
    }

    /// Writes the act. Call it last in a transaction: it holds the end of the chain until the
    /// commit, so whoever takes another lock afterwards makes everyone wait, or deadlocks.
    package func record(
        _ act: Act, in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try record([act], in: transaction)
    }

    /// Writes several acts, which are chained in this order. All that they need is read before the
    /// end of the chain is taken, and they are sent together: others wait for one round trip and
    /// the commit, however many there are.
    func record(
        _ acts: [Act], in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        let keys = try keys(of: acts, transaction)
        _ = try transaction.pipeline(acts.map { statement($0, keys) })
    }

    // MARK: Steps

    private func statement(_ act: Act, _ keys: [ID<User>: PersonKey]) -> SQL {
        let origin = origin(of: act, keys)
        let entry = ActEntry(
            at: clock.now, kind: act.kind.text, actor: act.actor, subject: act.subject,
            reason: act.reason, originDigest: origin?.digest, changeSealed: change(of: act, keys))
        return """
            WITH head AS (
                UPDATE identity.acts_head SET position = position + 1,
                    link = sha256(link || int8send(position + 1) || \(entry.digest))
                WHERE id = 1 RETURNING position, link
            ), act AS (
                INSERT INTO identity.acts (position, at, kind, actor, subject, reason,
                    origin_digest, change_sealed, link)
                SELECT position, \(entry.at), \(entry.kind), \(entry.actor), \(entry.subject),
                    \(entry.reason), \(entry.originDigest), \(entry.changeSealed), link FROM head
                RETURNING position
            )
            INSERT INTO identity.act_origins (position, person, address_index, sealed)
            SELECT position, \(origin?.person), \(origin?.addressIndex), \(origin?.sealed) FROM act
            WHERE \(origin != nil)
            """
    }

    private func keys(
        of acts: [Act], _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> [ID<User>: PersonKey] {
        let people = Set(acts.flatMap { [$0.actor, $0.subject].compactMap { $0 } })
        guard !people.isEmpty else { return [:] }
        var keys: [ID<User>: PersonKey] = [:]
        for row in try transaction.query(
            """
            SELECT user_id, wrapped FROM identity.person_keys WHERE user_id = ANY(\(Array(people)))
            """)
        {
            let user: ID<User> = try row[0]
            do {
                keys[user] = try vault.person(user, try row[1] as [UInt8])
            } catch let error as DatabaseError {
                throw error
            } catch {
                throw .decoding(column: 1, expected: "a key that the master keys open")
            }
        }
        return keys
    }

    /// Where it came from is the actor's own; of a stranger, it tells who tried at whom.
    private func origin(of act: Act, _ keys: [ID<User>: PersonKey]) -> ActOrigin? {
        guard act.origin.address != nil || act.origin.agent != nil else { return nil }
        let key = act.actor.flatMap { keys[$0] } ?? act.subject.flatMap { keys[$0] }
        let plain = Self.object {
            $0.field("address", act.origin.address)
            $0.field("agent", act.origin.agent)
        }
        return ActOrigin(
            person: key?.user, addressIndex: act.origin.address.map { vault.index(address: $0) },
            sealed: key?.seal(plain, .actOrigin) ?? vault.sealForLog(plain, Self.originContext))
    }

    /// What was changed is the subject's; where there is none, as with a stop of all payments, it
    /// outlives everybody.
    private func change(of act: Act, _ keys: [ID<User>: PersonKey]) -> [UInt8]? {
        guard act.before != nil || act.after != nil else { return nil }
        let plain = Self.object {
            $0.field("before", act.before)
            $0.field("after", act.after)
        }
        let key = act.subject.flatMap { keys[$0] }
        return key?.seal(plain, .actChange) ?? vault.sealForLog(plain, Self.changeContext)
    }

    static let originContext = "act origin"
    static let changeContext = "act change"

    private static func object(_ write: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object(write)
        return writer.bytes
    }
}

extension PersonalField {
    static let actOrigin = PersonalField("act origin")
    static let actChange = PersonalField("act change")
}

/// An act as its row holds it, and as it is hashed.
struct ActEntry: Sendable {
    let at: Timestamp
    let kind: String
    let actor: ID<User>?
    let subject: ID<User>?
    let reason: String?
    let originDigest: [UInt8]?
    let changeSealed: [UInt8]?

    var digest: [UInt8] {
        Self.digest([
            Array("\(at.microseconds)".utf8), Array(kind.utf8),
            actor.map { Array("\($0)".utf8) }, subject.map { Array("\($0)".utf8) },
            reason.map { Array($0.utf8) }, originDigest, changeSealed,
        ])
    }

    /// SHA-256 of the fields, each with its length before it; what is absent has the length −1.
    static func digest(_ fields: [[UInt8]?]) -> [UInt8] {
        Hash.sha256(
            fields.flatMap { field in
                Array("\(field?.count ?? -1):".utf8) + (field ?? [])
            })
    }
}

/// Where an act came from: apart from the chain, which knows its digest, because it is kept for a
/// shorter time.
struct ActOrigin: Sendable {
    /// Whose key sealed it; nil for the log's own.
    let person: ID<User>?
    let addressIndex: [UInt8]?
    let sealed: [UInt8]

    var digest: [UInt8] {
        ActEntry.digest([person.map { Array("\($0)".utf8) }, addressIndex, sealed])
    }
}
