package import Cryptography
package import Values

/// What a batch adds to the chain of the books: the Merkle root of its lines, hashed together with
/// all that came before.
///
/// Whoever knows the newest hash can tell when any bit of any earlier line was changed.
package struct ChainLink: Sendable, Equatable {
    package let first: TransferID
    package let last: TransferID
    package let at: Timestamp
    /// Random, and never told: from it come the blinds of the batch's lines.
    package let salt: Digest
    /// The root of RFC 6962's tree over the batch's lines.
    package let root: Digest
    package let hash: Digest

    /// The first byte of what is hashed into a link: neither a leaf nor a node of a tree.
    package static let prefix: UInt8 = 0x02

    /// A link as it is stored, which may be wrong.
    init(
        first: TransferID, last: TransferID, at: Timestamp, salt: Digest, root: Digest,
        hash: Digest
    ) {
        self.first = first
        self.last = last
        self.at = at
        self.salt = salt
        self.root = root
        self.hash = hash
    }

    /// The link of lines that were written together.
    package init(
        _ lines: [Transfer], salt: Digest, after previous: Digest, _ digester: Digester
    ) {
        let leaves = lines.map { digester.leaf($0, salt: salt) }
        let root = MerkleTree(leaves: leaves, digester: digester).root
        let (first, last, at) = (lines[0].id, lines[lines.count - 1].id, lines[0].at)
        self.init(
            first: first, last: last, at: at, salt: salt, root: root,
            hash: digester.link(first: first, last: last, at: at, root: root, after: previous))
    }
}

/// What one of a line's accounts had afterwards, under a blind: who is shown the other side, and
/// the digest of this one, cannot find the balance by trying.
package struct LineSide: Sendable, Equatable {
    /// 16 bytes that come from the batch's salt.
    package let blind: UInt128
    package let balance: Balance
    /// The line before this one in the account's own history; 0 for none.
    package let previous: Int64

    /// The first byte of what is hashed into a side.
    package static let prefix: UInt8 = 0x03

    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: blind)
        bytes.append(bigEndian: balance.posted)
        bytes.append(bigEndian: balance.held)
        bytes.append(bigEndian: previous)
    }
}

extension Digester {
    /// The first byte of what is hashed into the blinds of a line.
    private static let blindsPrefix: UInt8 = 0x04

    package func link(
        first: TransferID, last: TransferID, at: Timestamp, root: Digest, after previous: Digest
    ) -> Digest {
        digest { bytes in
            bytes.append(ChainLink.prefix)
            bytes.append(previous)
            bytes.append(bigEndian: first.number)
            bytes.append(bigEndian: last.number)
            bytes.append(bigEndian: at.microseconds)
            bytes.append(root)
        }
    }

    /// The first byte of what stands in a day's tree, where a line of a batch's tree has its id.
    private static let dayPrefix: UInt8 = 0x05

    /// The hash of a link as a leaf of its day's tree.
    package func dayLeaf(_ hash: Digest) -> Digest {
        digest { bytes in
            bytes.append(MerkleTree.leafPrefix)
            bytes.append(Self.dayPrefix)
            bytes.append(hash)
        }
    }

    /// A line of the journal as a leaf of its batch's tree.
    package func leaf(_ line: Transfer, salt: Digest) -> Digest {
        let (debit, credit) = sides(of: line, salt: salt)
        let (debitDigest, creditDigest) = (side(debit), side(credit))
        return digest { bytes in
            bytes.append(MerkleTree.leafPrefix)
            line.append(to: &bytes)
            bytes.append(debitDigest)
            bytes.append(creditDigest)
        }
    }

    package func sides(of line: Transfer, salt: Digest) -> (debit: LineSide, credit: LineSide) {
        let blinds = digest { bytes in
            bytes.append(Self.blindsPrefix)
            bytes.append(salt)
            bytes.append(bigEndian: line.id.number)
        }.halves
        return (
            LineSide(
                blind: blinds.first, balance: line.debitAfter, previous: line.debitPrevious),
            LineSide(
                blind: blinds.second, balance: line.creditAfter, previous: line.creditPrevious)
        )
    }

    package func side(_ side: LineSide) -> Digest {
        digest { bytes in
            bytes.append(LineSide.prefix)
            side.append(to: &bytes)
        }
    }
}

extension Transfer {
    /// Which of the fields that a line may lack are there.
    private enum Flag {
        static let limited: UInt8 = 1
        static let key: UInt8 = 2
        static let settles: UInt8 = 4
        static let expiresAt: UInt8 = 8
    }

    /// Bytes in the form of a line that is hashed.
    package static let canonicalBytes = 79

    /// The one form of what both sides may know of a line: every field, in this order, as a
    /// big-endian number of its own width; moments in microseconds since 1970; zeros for what is
    /// not there.
    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: id.number)
        bytes.append(bigEndian: at.microseconds)
        bytes.append(bigEndian: kind.rawValue)
        bytes.append(bigEndian: code.rawValue)
        bytes.append(bigEndian: legs)
        bytes.append(flags)
        bytes.append(bigEndian: debit.number)
        bytes.append(bigEndian: credit.number)
        bytes.append(bigEndian: amount)
        bytes.append(bigEndian: key?.high ?? 0)
        bytes.append(bigEndian: key?.low ?? 0)
        bytes.append(bigEndian: settles?.number ?? 0)
        bytes.append(bigEndian: expiresAt?.microseconds ?? 0)
    }

    private var flags: UInt8 {
        (isLimited ? Flag.limited : 0) | (key != nil ? Flag.key : 0)
            | (settles != nil ? Flag.settles : 0) | (expiresAt != nil ? Flag.expiresAt : 0)
    }
}
