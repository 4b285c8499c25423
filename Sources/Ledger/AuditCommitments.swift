internal import Cryptography
internal import Values

/// The commitments, each held against the batches that it covers and against its signature.
struct AuditCommitments {
    private let digester = Digester()
    private let trust: Auditor.Trust
    private var keys: [String: VerifyingKey]
    private var waiting: ArraySlice<Commitment> = []
    private var kept: [String]

    private var tree = DayTree()
    private var first: TransferID?
    /// The commitment that was held against the books last.
    private var newest: Commitment?
    private(set) var count = 0
    /// The day of the oldest batch that no commitment covers.
    private var uncommittedSince: Int64?

    /// The last day that is committed.
    var throughText: String? { newest?.statement.dayText }
    var uncommittedSinceText: String? { uncommittedSince.map { DayStatement.text(ofDay: $0) } }

    init(trust: Auditor.Trust) {
        self.trust = trust
        kept = trust.published
        let given = trust.keys ?? []
        keys = Dictionary(given.map { ($0.kid, $0) }, uniquingKeysWith: { first, _ in first })
    }

    mutating func add(_ row: BookKeyRow) -> String? {
        guard let key = row.verifyingKey else {
            return "key \(row.number) of the books is not the one that its name tells"
        }
        if trust.keys == nil { keys[key.kid] = key }
        if let sealing = trust.sealing, row.unsealed(with: sealing) == nil {
            return "key \(row.number) of the books is not as this installation made it"
        }
        return nil
    }

    mutating func add(_ commitment: Commitment) { waiting.append(commitment) }

    /// The next batch, in order.
    mutating func add(_ link: ChainLink) -> [String] {
        guard let commitment = waiting.first else {
            uncommittedSince = uncommittedSince ?? link.at.day
            return []
        }
        first = first ?? link.first
        tree.append((link.last, link.hash), digester)
        var findings: [String] = []
        if link.at.day > commitment.statement.day {
            findings.append(
                "\(link.name) is later than its commitment of \(commitment.statement.dayText)")
        }
        if link.last >= commitment.statement.last { findings += end(commitment, with: link) }
        return findings
    }

    /// Commitments to what is not there, and published ones that are not here.
    func missing() -> [String] {
        waiting.map { commitment in
            "the commitment of \(commitment.statement.dayText) covers transfers up to "
                + "\(commitment.statement.last.number), which are not there"
        } + kept.map { Self.missing($0) }
    }

    private mutating func end(_ commitment: Commitment, with link: ChainLink) -> [String] {
        let (stored, blocks) = (commitment.statement, tree.blocks(digester))
        let derived = DayStatement(
            day: stored.day, first: first ?? link.first, last: link.last, batches: tree.count,
            root: MerkleTree(leaves: blocks.map(\.root), digester: digester).root,
            chain: link.hash, previous: newest?.digest(digester) ?? .zero)
        var wrong = derived.differences(from: stored)
        if blocks != commitment.blocks { wrong.append("blocks") }
        if let newest, stored.day <= newest.statement.day { wrong.append("day") }
        var findings: [String] = []
        if !wrong.isEmpty {
            findings.append(
                "the commitment of \(stored.dayText) is not what the books give: "
                    + wrong.joined(separator: ", "))
        }
        if let finding = signatureFinding(commitment) { findings.append(finding) }
        kept.removeAll { $0 == commitment.jws }
        waiting.removeFirst()
        (newest, first, tree) = (commitment, nil, DayTree())
        count += 1
        return findings
    }

    private func signatureFinding(_ commitment: Commitment) -> String? {
        let name = "the commitment of \(commitment.statement.dayText)"
        do throws(JWTError) {
            let signed = try JWS.verify(commitment.jws, type: Commitment.type, keys: keys)
            guard signed != commitment.statement.payload else { return nil }
            return "\(name) is not what was signed"
        } catch {
            return "\(name) is not signed by a key of the books"
        }
    }

    private static func missing(_ jws: String) -> String {
        "a commitment that was published is not in the books: \(jws.prefix(400))"
    }
}

extension ChainLink {
    /// For people.
    var name: String { "the batch of transfers \(first.number) to \(last.number)" }
}
