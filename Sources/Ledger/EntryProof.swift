package import Cryptography
internal import Postgres
internal import Values

/// That a line of the journal is in the books: the way from the line to its batch's root, from
/// there into the chain, and from the chain to a signed commitment.
package struct EntryProof: Sendable {
    package let line: Transfer
    package let debit: Side
    package let credit: Side
    package let link: ChainLink
    /// The hash of the link before.
    package let previous: Digest
    /// The line's place among the lines of its batch, from 0, and the way to the batch's root.
    package let place: Int
    package let path: [Digest]
    /// Nil until the line's day is committed.
    package let day: Day?

    /// One side of the line: its digest for everyone who sees the proof, the rest for its owner.
    package struct Side: Sendable {
        package let opened: LineSide
        package let digest: Digest
    }

    package struct Day: Sendable {
        package let commitment: Commitment
        /// The link's place among those of the day, from 0, and the way to the day's root.
        package let place: Int
        package let path: [Digest]
    }

    /// The line's bytes as they are hashed, but for its two sides.
    package var lineBytes: [UInt8] {
        var bytes: [UInt8] = []
        line.append(to: &bytes)
        return bytes
    }

    /// How many lines the batch has.
    package var lines: Int { Int(link.last.number - link.first.number) + 1 }
}

extension Commitments {
    /// The proof of a line, or nil when there is no such line.
    package func proof(of line: TransferID) async throws -> EntryProof? {
        try await database.read { transaction in
            let digester = Digester()
            guard let link = try Self.link(of: line, transaction) else { return nil }
            let lines = try Self.lines(of: link, transaction)
            guard let place = lines.firstIndex(where: { $0.id == line }) else { return nil }
            let (debit, credit) = digester.sides(of: lines[place], salt: link.salt)
            let tree = MerkleTree(
                leaves: lines.map { digester.leaf($0, salt: link.salt) }, digester: digester)
            return EntryProof(
                line: lines[place],
                debit: EntryProof.Side(opened: debit, digest: digester.side(debit)),
                credit: EntryProof.Side(opened: credit, digest: digester.side(credit)),
                link: link,
                previous: try Self.hash(before: link, transaction), place: place,
                path: tree.path(to: place), day: try Self.day(of: link, transaction, digester))
        }
    }

    // MARK: Steps

    private static func link(
        of line: TransferID, _ transaction: borrowing Transaction
    ) throws -> ChainLink? {
        var found: ChainLink?
        try transaction.each(ChainLink.self, in: line.number ... .max, limit: 1) { found = $0 }
        return found.flatMap { $0.first <= line ? $0 : nil }
    }

    private static func lines(
        of link: ChainLink, _ transaction: borrowing Transaction
    ) throws -> [Transfer] {
        var lines: [Transfer] = []
        try transaction.each(
            Transfer.self, in: link.first.number...link.last.number, limit: .max
        ) { lines.append($0) }
        return lines
    }

    private static func hash(
        before link: ChainLink, _ transaction: borrowing Transaction
    ) throws -> Digest {
        let row = try transaction.first(
            """
            SELECT hash FROM ledger.batches WHERE last_transfer < \(link.first.number)
            ORDER BY last_transfer DESC LIMIT 1
            """)
        return try row?[0] ?? .zero
    }

    private static func day(
        of link: ChainLink, _ transaction: borrowing Transaction, _ digester: Digester
    ) throws -> EntryProof.Day? {
        var found: Commitment?
        try transaction.each(Commitment.self, in: link.last.number ... .max, limit: 1) {
            found = $0
        }
        guard let commitment = found, commitment.statement.first <= link.first else { return nil }
        let blocks = commitment.blocks
        guard let block = blocks.firstIndex(where: { $0.last >= link.last }) else { return nil }
        let start = block == 0 ? commitment.statement.first : blocks[block - 1].last
        var (leaves, place): ([Digest], Int?) = ([], nil)
        let range = start.number + (block == 0 ? 0 : 1)...blocks[block].last.number
        try transaction.each(ChainLink.self, in: range, limit: .max) { other in
            if other.last == link.last { place = leaves.count }
            leaves.append(digester.dayLeaf(other.hash))
        }
        guard let place else { return nil }
        let path =
            MerkleTree(leaves: leaves, digester: digester).path(to: place)
            + MerkleTree(leaves: blocks.map(\.root), digester: digester).path(to: block)
        return EntryProof.Day(
            commitment: commitment, place: block * DayTree.blockLinks + place, path: path)
    }
}
