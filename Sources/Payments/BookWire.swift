internal import Cryptography
internal import HTTP
internal import Ledger
internal import Values

/// The shapes of the verifiable books on the wire. Digests, blinds and bytes are in hexadecimal.
enum BookWire {
    private static let digest = hexadecimal(bytes: Digest.bytesCount)
    private static let path = Schema.array(digest)

    private static func hexadecimal(bytes: Int) -> Schema {
        .string(min: 2 * bytes, max: 2 * bytes)
    }

    static let commitment = Schema.named(
        "Commitment",
        .object(
            .required("day", .string(min: 10, max: 10), "Of UTC."),
            .required("first", .integer(), "The first line that is covered."),
            .required("last", .integer(), "The last line that is covered."),
            .required("batches", .integer()),
            .required("root", digest, "Of the tree over the hashes of the day's batches."),
            .required("chain", digest, "The hash of the last batch."),
            .required("previous", digest, "The SHA-256 of the jws before; zeros in the first."),
            .required("jws", .string(max: 2048), "The statement and its signature.")))

    static let proof = Schema.named(
        "EntryProof",
        .object(
            .required("id", .uuid),
            .required(
                "line", hexadecimal(bytes: Transfer.canonicalBytes),
                "The line's bytes as they are hashed, before the digests of its sides."),
            .required("entry", entry, "The same line, to be read."),
            .required("debit", side), .required("credit", side), .required("batch", batch),
            .required("day", .nullable(day), "Null until the day is committed."),
            .required("committed_after", .nullable(.timestamp), "When to ask again.")))

    private static let entry = Schema.object(
        .required("number", .integer()), .required("at", .timestamp),
        .required("kind", .string()), .required("code", .integer()),
        .required("legs", .integer()), .required("limited", .boolean),
        .required("debit", .integer()), .required("credit", .integer()),
        .required("amount", .integer(), "Minor units."),
        .required("key", .nullable(hexadecimal(bytes: 16))),
        .required("settles", .nullable(.integer())),
        .required("expires_at", .nullable(.timestamp)))

    private static let side = Schema.object(
        .required("digest", digest),
        .required(
            "opened",
            .nullable(
                .object(
                    .required("blind", hexadecimal(bytes: 16)), .required("posted", .integer()),
                    .required("held", .integer()), .required("previous", .integer()))),
            "What the digest is of: for the side's owner alone."))

    private static let batch = Schema.object(
        .required("first", .integer()), .required("last", .integer()),
        .required("place", .integer(), "Of the line among the batch's, from 0."),
        .required("path", path), .required("root", digest),
        .required("previous", digest, "The hash of the batch before."),
        .required("hash", digest))

    private static let day = Schema.object(
        .required("place", .integer(), "Of the batch among the day's, from 0."),
        .required("path", path), .required("commitment", commitment))
}

// MARK: Writers

extension BookWire {
    static func write(_ commitment: Commitment, _ writer: inout JSONWriter) {
        let statement = commitment.statement
        writer.field("day", statement.dayText)
        writer.field("first", statement.first.number)
        writer.field("last", statement.last.number)
        writer.field("batches", statement.batches)
        writer.field("root", "\(statement.root)")
        writer.field("chain", "\(statement.chain)")
        writer.field("previous", "\(statement.previous)")
        writer.field("jws", commitment.jws)
    }

    static func write(_ line: Transfer, _ proof: EntryProof, _ writer: inout JSONWriter) {
        writer.field("id", "\(line.publicID)")
        writer.field("line", Hex.encode(proof.lineBytes))
        writer.object("entry") { entry in
            entry.field("number", line.id.number)
            entry.field("at", "\(line.at)")
            entry.field("kind", line.kind.name)
            entry.field("code", Int64(line.code.rawValue))
            entry.field("legs", Int64(line.legs))
            entry.field("limited", line.isLimited)
            entry.field("debit", line.debit.number)
            entry.field("credit", line.credit.number)
            entry.field("amount", line.amount)
            entry.field("key", line.key.map { key in hexadecimal([key.high, key.low]) })
            entry.field("settles", line.settles?.number)
            entry.field("expires_at", line.expiresAt.map { "\($0)" })
        }
    }

    static func write(_ side: EntryProof.Side, isSeen: Bool, _ writer: inout JSONWriter) {
        writer.field("digest", "\(side.digest)")
        guard isSeen else { return writer.null("opened") }
        writer.object("opened") { opened in
            opened.field("blind", hexadecimal([side.opened.blind]))
            opened.field("posted", side.opened.balance.posted)
            opened.field("held", side.opened.balance.held)
            opened.field("previous", side.opened.previous)
        }
    }

    static func writeBatch(of proof: EntryProof, _ writer: inout JSONWriter) {
        writer.field("first", proof.link.first.number)
        writer.field("last", proof.link.last.number)
        writer.field("place", proof.place)
        writer.field("path", proof.path.map { "\($0)" })
        writer.field("root", "\(proof.link.root)")
        writer.field("previous", "\(proof.previous)")
        writer.field("hash", "\(proof.link.hash)")
    }

    static func write(_ day: EntryProof.Day, _ writer: inout JSONWriter) {
        writer.field("place", day.place)
        writer.field("path", day.path.map { "\($0)" })
        writer.object("commitment") { write(day.commitment, &$0) }
    }

    private static func hexadecimal(_ numbers: [some FixedWidthInteger & BitwiseCopyable]) -> String
    {
        var bytes: [UInt8] = []
        for number in numbers { bytes.append(bigEndian: number) }
        return Hex.encode(bytes)
    }
}
