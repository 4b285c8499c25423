internal import Cryptography
internal import Values

/// The chain, recomputed from the lines: which lines make a batch, what its root is, and that each
/// link follows from the one before.
struct AuditChain {
    private let digester = Digester()
    /// The link whose lines are coming.
    private(set) var link: ChainLink?
    private var tree = MerkleRoot()
    /// Of the newest finished link, as it is stored: one wrong link is one finding.
    private(set) var hash = Digest.zero
    private(set) var last = TransferID(0)
    private(set) var count = 0

    /// How many lines of the current link have come.
    var linesCount: Int { tree.count }

    mutating func begin(_ next: ChainLink) -> String? {
        link = next
        tree.removeAll()
        guard next.first.follows(last), next.first <= next.last else {
            return "\(next.name) follows transfer \(last.number): it does not begin where the last "
                + "one ended"
        }
        return nil
    }

    /// False when the line belongs to no batch.
    mutating func add(_ line: Transfer) -> Bool {
        guard let link, line.id >= link.first, line.id <= link.last else { return false }
        tree.append(digester.leaf(line, salt: link.salt), digester)
        return true
    }

    /// What is wrong with the link, now that its lines have come.
    mutating func end() -> [String] {
        guard let link else { return [] }
        var findings: [String] = []
        if tree.root(digester) != link.root {
            findings.append("\(link.name) has a root that its lines do not give")
        }
        let expected = digester.link(
            first: link.first, last: link.last, at: link.at, root: link.root, after: hash)
        if expected != link.hash {
            findings.append("\(link.name) has a hash that does not follow from the batch before it")
        }
        hash = link.hash
        last = link.last
        count += 1
        self.link = nil
        return findings
    }
}

extension TransferID {
    /// Whether it is the very next place. Stored numbers may be any, the largest included.
    func follows(_ other: TransferID) -> Bool {
        number > other.number && number - 1 == other.number
    }
}
