internal import Cryptography
internal import Values

/// What the batches of one day come to.
struct AuditDay {
    let day: Int64
    let first: TransferID
    var last: TransferID
    /// Over the hashes of the day's links.
    var tree = MerkleRoot()
    /// The newest link's hash.
    var chain = Digest.zero
}

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
    private(set) var days: [AuditDay] = []

    /// How many lines of the current link have come.
    var linesCount: Int { tree.count }

    mutating func begin(_ next: ChainLink) -> String? {
        link = next
        tree.removeAll()
        guard next.first.follows(last), next.first <= next.last else {
            return "the batch of transfers \(next.first.number) to \(next.last.number) follows "
                + "transfer \(last.number): it does not begin where the last one ended"
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
        let name = "the batch of transfers \(link.first.number) to \(link.last.number)"
        var findings: [String] = []
        if tree.root(digester) != link.root {
            findings.append("\(name) has a root that its lines do not give")
        }
        let expected = digester.link(
            first: link.first, last: link.last, at: link.at, root: link.root, after: hash)
        if expected != link.hash {
            findings.append("\(name) has a hash that does not follow from the batch before it")
        }
        hash = link.hash
        last = link.last
        count += 1
        keepDay(of: link)
        self.link = nil
        return findings
    }

    private mutating func keepDay(of link: ChainLink) {
        let day = link.at.day
        if days.last?.day != day { days.append(AuditDay(day: day, first: link.first, last: last)) }
        days[days.count - 1].last = link.last
        days[days.count - 1].chain = link.hash
        days[days.count - 1].tree.append(digester.dayLeaf(link.hash), digester)
    }
}

extension TransferID {
    /// Whether it is the very next place. Stored numbers may be any, the largest included.
    func follows(_ other: TransferID) -> Bool {
        number > other.number && number - 1 == other.number
    }
}
