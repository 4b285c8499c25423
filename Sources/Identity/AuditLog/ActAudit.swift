package import Cryptography
internal import HTTP
package import Postgres
internal import Values

/// Follows the chain of the audit log from its first act and names where it breaks first.
package struct ActAudit: Sendable {
    private let database: Database
    private let vault: Vault
    private let keys: [String: VerifyingKey]
    private let published: [String]

    /// Acts in memory at once.
    private static let actsMax = 1_000
    private static let firstLink = Hash.sha256("florin acts 1")

    /// - Parameters:
    ///   - keys: the only ones that may have signed.
    ///   - published: commitments that somebody kept, as compact JWS: each must still be there.
    package init(
        database: Database, vault: Vault, keys: [VerifyingKey], published: [String] = []
    ) {
        self.database = database
        self.vault = vault
        self.keys = Dictionary(keys.map { ($0.kid, $0) }) { first, _ in first }
        self.published = published
    }

    package struct Report: Sendable, Equatable {
        package var acts: Int64 = 0
        package var commitments = 0
        package var committedThrough: String?
        /// The first difference: what comes after it hangs on it.
        package var finding: String?
    }

    /// One consistent picture of the log, whatever is being written meanwhile.
    package func run() async throws -> Report {
        try await database.read { transaction in
            var walk = Walk(
                link: Self.firstLink, waiting: try Self.commitments(transaction)[...],
                originsGoneThrough: try originsGoneThrough(transaction))
            do {
                try follow(&walk, transaction)
                try compareHead(walk, transaction)
                try comparePublished(transaction)
            } catch let broken as Broken {
                walk.report.finding = broken.finding
            }
            return walk.report
        }
    }

    // MARK: Steps

    private struct Broken: Error { let finding: String }

    private struct Walk {
        var report = Report()
        var link: [UInt8]
        var waiting: ArraySlice<ActCommitment>
        var newest: ActCommitment?
        /// Acts up to this one are so old that their origins were removed.
        let originsGoneThrough: Int64
    }

    private static func commitments(
        _ transaction: borrowing Transaction
    ) throws -> [ActCommitment] {
        try transaction.query(
            """
            SELECT \(ActCommitment.columns) FROM identity.act_commitments ORDER BY last_position
            """
        ).map { try ActCommitment(row: $0) }
    }

    /// What the newest act of its kind says. That act is in the chain itself.
    private func originsGoneThrough(_ transaction: borrowing Transaction) throws -> Int64 {
        let row = try transaction.first(
            """
            SELECT change_sealed FROM identity.acts
            WHERE kind = \(Act.Kind.originsRemoved.text) ORDER BY position DESC LIMIT 1
            """)
        guard let sealed: [UInt8] = try row?[0] else { return 0 }
        do {
            let change = try JSON(parsing: vault.openFromLog(sealed, AuditLog.changeContext))
            let after = try change["after"]?.string.map { try JSON(parsing: Array($0.utf8)) }
            return after?["through"]?.integer ?? 0
        } catch is SealingError {
            return 0
        }
    }

    private func follow(_ walk: inout Walk, _ transaction: borrowing Transaction) throws {
        var isOver = false
        while !isOver {
            let rows = try transaction.query(
                """
                SELECT a.position, a.at, a.kind, a.actor, a.subject, a.reason, a.origin_digest,
                    a.change_sealed, a.link, o.person, o.address_index, o.sealed,
                    EXISTS (SELECT FROM identity.users u
                        WHERE u.id IN (a.actor, a.subject) AND u.erased_at IS NOT NULL)
                FROM identity.acts a LEFT JOIN identity.act_origins o ON o.position = a.position
                WHERE a.position > \(walk.report.acts) ORDER BY a.position LIMIT \(Self.actsMax)
                """)
            for row in rows { try check(row, &walk) }
            isOver = rows.count < Self.actsMax
        }
        if let missing = walk.waiting.first {
            throw Broken(
                finding: "the acts that were committed on \(missing.dayText) are not there")
        }
    }

    private func check(_ row: Row, _ walk: inout Walk) throws {
        let position: Int64 = try row[0]
        let expected = walk.report.acts + 1
        guard position == expected else { throw Broken(finding: "act \(expected) is missing") }
        let entry = ActEntry(
            at: try row[1], kind: try row[2], actor: try row[3], subject: try row[4],
            reason: try row[5], originDigest: try row[6], changeSealed: try row[7])
        let link: [UInt8] = try row[8]
        var message = walk.link
        message.append(bigEndian: position)
        guard link == Hash.sha256(message + entry.digest) else {
            throw Broken(finding: "act \(position) is not as it was recorded")
        }
        try checkOrigin(row, of: entry, position, walk)
        walk.link = link
        walk.report.acts = position
        if let commitment = walk.waiting.first, commitment.last == position {
            try check(commitment, &walk)
        }
    }

    private func checkOrigin(
        _ row: Row, of entry: ActEntry, _ position: Int64, _ walk: Walk
    ) throws {
        guard let sealed: [UInt8] = try row[11] else {
            let (isOfErased, isOld): (Bool, Bool) = (
                try row[12], position <= walk.originsGoneThrough
            )
            guard entry.originDigest == nil || isOfErased || isOld else {
                throw Broken(finding: "where act \(position) came from is missing")
            }
            return
        }
        let origin = ActOrigin(
            person: try row[9], addressIndex: try row[10], sealed: sealed)
        guard origin.digest == entry.originDigest else {
            throw Broken(finding: "where act \(position) came from is not as it was recorded")
        }
    }

    private func check(_ commitment: ActCommitment, _ walk: inout Walk) throws {
        let name = "the commitment of the acts of \(commitment.dayText)"
        let previous =
            walk.newest.map { Hash.sha256($0.jws) } ?? [UInt8](repeating: 0, count: Hash.bytesCount)
        guard commitment.link == walk.link, commitment.previous == previous,
            commitment.day > walk.newest?.day ?? .min
        else { throw Broken(finding: "\(name) is not what the log gives") }
        let signed: [UInt8]
        do throws(JWTError) {
            signed = try JWS.verify(commitment.jws, type: ActCommitment.type, keys: keys)
        } catch {
            throw Broken(finding: "\(name) is not signed by a key of the books")
        }
        guard signed == commitment.payload else {
            throw Broken(finding: "\(name) is not what was signed")
        }
        walk.newest = commitment
        walk.report.commitments += 1
        walk.report.committedThrough = commitment.dayText
        walk.waiting.removeFirst()
    }

    private func compareHead(_ walk: Walk, _ transaction: borrowing Transaction) throws {
        let row = try transaction.first(
            "SELECT position, link FROM identity.acts_head WHERE id = 1")
        guard let row else { throw Broken(finding: "the audit log has no end") }
        let (position, link): (Int64, [UInt8]) = (try row[0], try row[1])
        guard position == walk.report.acts, link == walk.link else {
            throw Broken(
                finding: "the audit log ends with act \(walk.report.acts), not as its end says "
                    + "with act \(position)")
        }
    }

    private func comparePublished(_ transaction: borrowing Transaction) throws {
        let stored = Set(try Self.commitments(transaction).map(\.jws))
        if let missing = published.first(where: { !stored.contains($0) }) {
            throw Broken(
                finding: "a commitment of acts that was published is not in the log: "
                    + missing.prefix(400))
        }
    }
}

extension Act.Kind {
    /// What came from where is no longer kept of acts `through` a position.
    static let originsRemoved = Act.Kind("origins_removed")
}
