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
    /// The root of RFC 6962's tree over the batch's lines.
    package let root: Digest
    package let hash: Digest

    /// The first byte of what is hashed into a link: neither a leaf nor a node of a tree.
    package static let prefix: UInt8 = 0x02

    package init(
        first: TransferID, last: TransferID, at: Timestamp, root: Digest,
        after previous: Digest, _ digester: Digester
    ) {
        self.first = first
        self.last = last
        self.at = at
        self.root = root
        hash = digester.digest { bytes in
            bytes.append(Self.prefix)
            bytes.append(previous)
            bytes.append(bigEndian: first.number)
            bytes.append(bigEndian: last.number)
            bytes.append(bigEndian: at.microseconds)
            bytes.append(root)
        }
    }
}

extension ChainLink {
    /// The link of lines that were written together.
    package init(_ lines: [Transfer], after previous: Digest, _ digester: Digester) {
        let leaves = lines.map { digester.leaf($0) }
        self.init(
            first: lines[0].id, last: lines[lines.count - 1].id, at: lines[0].at,
            root: MerkleTree(leaves: leaves, digester: digester).root, after: previous, digester)
    }
}

extension Digester {
    /// A line of the journal as a leaf of its batch's tree.
    package func leaf(_ line: Transfer) -> Digest {
        digest { bytes in
            bytes.append(MerkleTree.leafPrefix)
            line.append(to: &bytes)
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
    package static let canonicalBytes = 127

    /// The one form of a line: every field, in this order, as a big-endian number of its own width;
    /// moments in microseconds since 1970; zeros for what is not there.
    package func append(to bytes: inout [UInt8]) {
        bytes.append(bigEndian: id.number)
        bytes.append(bigEndian: at.microseconds)
        bytes.append(bigEndian: kind.rawValue)
        bytes.append(bigEndian: code.rawValue)
        bytes.append(bigEndian: legs)
        bytes.append(flags)
        for number in [
            debit.number, credit.number, amount, debitAfter.posted, debitAfter.held,
            creditAfter.posted, creditAfter.held, debitPrevious, creditPrevious,
        ] {
            bytes.append(bigEndian: number)
        }
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
