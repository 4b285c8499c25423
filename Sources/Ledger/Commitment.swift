package import Cryptography
internal import Postgres
internal import Values

/// What is said of one day's books: all that was written between the statement before and the end
/// of that day, in UTC.
package struct DayStatement: Sendable, Equatable {
    /// Days since 1970-01-01.
    package let day: Int64
    package let first: TransferID
    package let last: TransferID
    package let batches: Int64
    /// The root of the tree over the hashes of the day's links.
    package let root: Digest
    /// The hash of the day's last link.
    package let chain: Digest
    /// The digest of the commitment before this one; zeros in the first.
    package let previous: Digest

    /// The one text of this statement: no white space, members in this order.
    package var payload: [UInt8] {
        let text =
            #"{"v":1,"day":"\#(dayText)","first":\#(first.number),"last":\#(last.number),"#
            + #""batches":\#(batches),"root":"\#(root)","chain":"\#(chain)","#
            + #""previous":"\#(previous)"}"#
        return Array(text.utf8)
    }

    /// `2026-11-21`
    package var dayText: String { Self.text(ofDay: day) }

    static func text(ofDay day: Int64) -> String {
        String(Timestamp(day: day).description.prefix(10))
    }

    /// The names of the fields in which the two differ.
    func differences(from other: DayStatement) -> [String] {
        [
            ("day", day == other.day), ("first_transfer", first == other.first),
            ("last_transfer", last == other.last), ("batches", batches == other.batches),
            ("root", root == other.root), ("chain", chain == other.chain),
            ("previous", previous == other.previous),
        ].filter { !$0.1 }.map(\.0)
    }
}

/// A statement about a day, signed.
package struct Commitment: Sendable, Equatable {
    package let statement: DayStatement
    let blocks: [DayTree.Block]
    /// The statement's payload as a compact JWS.
    package let jws: String

    /// The type in the header of a commitment.
    package static let type = "florin-commitment"

    /// What the next commitment says of this one: the SHA-256 of the JWS as it is written.
    func digest(_ digester: Digester) -> Digest { digester.digest { $0 += jws.utf8 } }
}

extension Commitment: BookRow {
    static let table: StaticString = "ledger.commitments"
    static let columns: [StaticString] = [
        "last_transfer", "day", "first_transfer", "batches", "root", "chain", "previous", "blocks",
        "jws",
    ]

    init<Reader: RowReader & ~Copyable>(reading row: inout Reader) throws(DatabaseError) {
        let last = TransferID(try row.int64())
        statement = DayStatement(
            day: try row.day(), first: TransferID(try row.int64()), last: last,
            batches: try row.int64(), root: try row.digest(), chain: try row.digest(),
            previous: try row.digest())
        guard let blocks = [DayTree.Block](bytes: try row.bytes()) else {
            throw .decoding(column: row.column, expected: "the blocks of a day")
        }
        self.blocks = blocks
        jws = try row.text()
    }
}
