package import Cryptography
package import Jobs
internal import OfflineProtocol
package import Postgres
internal import Synchronization
internal import Values

/// The keys with which the operator certifies wallets, and the root that vouches for them.
///
/// A key signs for a time; the next one begins before it ends, so no process is ever without. What
/// a key has signed is good for as long as the signed thing itself says.
package final class IssuerKeys: Sendable {
    /// What the sealing key of these keys is for.
    static let purpose = "offline"

    static let signingDays: Int64 = 90
    /// How long before the end of a key the next one begins.
    static let overlapDays: Int64 = 7
    /// How long ended keys are still published: longer than any certificate can be claimed.
    static let publishedDays: Int64 = 60

    struct Key: Sendable {
        let number: UInt8
        let pair: SigningKey
        let notBefore: Timestamp
        let notAfter: Timestamp

        var published: IssuerKey {
            IssuerKey(
                number: number, publicKey: pair.compressedPublicKey,
                notBefore: notBefore.seconds, notAfter: notAfter.seconds)
        }

        func sign<Object: SignedObject>(_ object: Object) -> Object {
            object.signed(pair.sign(object.message))
        }
    }

    static let rootNumber: UInt8 = 0

    let database: Database
    let sealing: SealingKey
    private let known = Mutex<[Key]>([])

    package init(database: Database, ring: KeyRing) {
        self.database = database
        sealing = ring.sealingKey(Self.purpose)
    }

    /// The key that signs now; made when there is none, or when the last one will end soon.
    func current(at now: Timestamp) async throws -> Key {
        if let key = Self.signing(known.withLock { $0 }, at: now) { return key }
        let keys = try await load(at: now)
        guard let key = Self.signing(keys, at: now) else {
            preconditionFailure("the newest key begins now")
        }
        return key
    }

    /// Every key that has ever certified a wallet, compressed, by number.
    func publicKeys(at now: Timestamp) async throws -> [UInt8: [UInt8]] {
        _ = try await current(at: now)
        let keys = known.withLock { $0 }.filter { $0.number != Self.rootNumber }
        return Dictionary(
            uniqueKeysWithValues: keys.map { ($0.number, $0.pair.compressedPublicKey) })
    }

    /// What devices need to know, signed by the root.
    func list(at now: Timestamp) async throws -> IssuerKeyList {
        if let vouched = try await vouched() { return vouched.list }
        _ = try await current(at: now)
        let keys = known.withLock { $0 }
        guard let root = keys.first(where: { $0.number == Self.rootNumber }) else {
            preconditionFailure("the root is made with the first key")
        }
        return root.sign(Self.list(of: keys, at: now))
    }

    /// The root's public half, compressed, for those who build devices' programs.
    func root(at now: Timestamp) async throws -> [UInt8] {
        if let vouched = try await vouched() { return vouched.root }
        _ = try await current(at: now)
        return known.withLock { $0.first { $0.number == Self.rootNumber } }
            .map { $0.pair.compressedPublicKey } ?? []
    }

    /// What is still of use to somebody, to be signed.
    static func list(of keys: [Key], at now: Timestamp) -> IssuerKeyList {
        let oldest = now.adding(seconds: -publishedDays * 86_400)
        let published = keys.filter { $0.number != rootNumber && $0.notAfter > oldest }
        return IssuerKeyList(issuedAt: now.seconds, keys: published.map { $0.published })
    }

    // MARK: Steps

    private static func signing(_ keys: [Key], at now: Timestamp) -> Key? {
        let soon = now.adding(seconds: overlapDays * 86_400)
        return keys.filter { $0.number != rootNumber && $0.notBefore <= now && $0.notAfter > soon }
            .max { $0.notBefore < $1.notBefore }
    }

    private func load(at now: Timestamp) async throws -> [Key] {
        let sealing = sealing
        let keys = try await database.transaction { transaction in
            try transaction.execute(
                "LOCK TABLE offline.issuer_keys IN SHARE ROW EXCLUSIVE MODE")
            var keys = try Self.stored(transaction, sealing)
            if let vouched = try Self.vouched(transaction) {
                // A key that nobody vouches for certifies nothing that a device believes.
                keys = keys.filter { vouched.list.keys.contains($0.published) }
                guard Self.signing(keys, at: now) != nil else {
                    throw OfflineRejection.certifyingStopped
                }
                return keys
            }
            if keys.isEmpty {
                keys.append(
                    try Self.make(Self.rootNumber, now, days: 36_500, transaction, sealing))
            }
            if Self.signing(keys, at: now) == nil {
                let next = Self.next(after: keys)
                keys.removeAll { $0.number == next }
                keys.append(
                    try Self.make(next, now, days: Self.signingDays, transaction, sealing))
            }
            return keys.sorted { $0.number < $1.number }
        }
        known.withLock { $0 = keys }
        return keys
    }

    static func stored(
        _ transaction: borrowing Transaction, _ sealing: SealingKey
    ) throws -> [Key] {
        try transaction.query(
            """
            SELECT number, public_key, private_sealed, not_before, not_after
            FROM offline.issuer_keys ORDER BY number
            """
        ).map { row in
            let number = UInt8(clamping: try row[0] as Int16)
            let publicKey: [UInt8] = try row[1]
            do {
                let pair = try SigningKey(
                    privateKey: sealing.open(
                        try row[2], context: context(number, publicKey)))
                guard pair.publicKey == publicKey else { throw ForeignIssuerKey() }
                return Key(
                    number: number, pair: pair, notBefore: try row[3], notAfter: try row[4])
            } catch let error as DatabaseError {
                throw error
            } catch {
                throw ForeignIssuerKey()
            }
        }
    }

    static func next(after keys: [Key]) -> UInt8 {
        let last = keys.max { $0.notBefore < $1.notBefore }?.number ?? 0
        return last == .max ? 1 : last + 1
    }

    static func make(
        _ number: UInt8, _ now: Timestamp, days: Int64, _ transaction: borrowing Transaction,
        _ sealing: SealingKey
    ) throws(DatabaseError) -> Key {
        let pair = SigningKey.generate()
        let end = now.adding(seconds: days * 86_400)
        let sealed = sealing.seal(pair.privateKey, context: context(number, pair.publicKey))
        try transaction.execute(
            """
            INSERT INTO offline.issuer_keys
                (number, public_key, private_sealed, not_before, not_after)
            VALUES (\(Int16(number)), \(pair.publicKey), \(sealed), \(now), \(end))
            ON CONFLICT (number) DO UPDATE SET public_key = excluded.public_key,
                private_sealed = excluded.private_sealed, not_before = excluded.not_before,
                not_after = excluded.not_after
            """)
        return Key(number: number, pair: pair, notBefore: now, notAfter: end)
    }

    /// Sealed together with the private key, so that no part of the row can be changed alone.
    private static func context(_ number: UInt8, _ publicKey: [UInt8]) -> [UInt8] {
        Array("issuer key \(number) ".utf8) + publicKey
    }

    /// What the master keys have sealed in this slice.
    package static var sealedRows: [SealedRows] {
        [
            SealedRows("keys of the issuer", purpose: purpose) { after, limit, transaction in
                let last = after.flatMap { Int64($0) } ?? -1
                return try transaction.query(
                    """
                    SELECT number, public_key, private_sealed FROM offline.issuer_keys
                    WHERE number > \(last) ORDER BY number LIMIT \(limit)
                    """
                ).map { row in
                    let number: Int16 = try row[0]
                    return SealedRows.Row(
                        id: "\(number)", context: context(UInt8(clamping: number), try row[1]),
                        sealed: [try row[2]])
                }
            } write: { row in
                """
                UPDATE offline.issuer_keys SET private_sealed = \(row.sealed[0])
                WHERE number = \(row.id)::smallint
                """
            }
        ]
    }
}

/// The database holds a key of the issuer that another installation made.
package struct ForeignIssuerKey: Error, CustomStringConvertible {
    package let description = """
        FLORIN_MASTER_KEY: does not open the keys that certify offline wallets; set the one that \
        this database was made with, or bring back the file master.key of its data folder
        """
}

extension SigningKey {
    /// The point of the public half as OFP1 carries it.
    var compressedPublicKey: [UInt8] { [2 + publicKey[64] & 1] + publicKey[1..<33] }
}
