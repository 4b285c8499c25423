import Foundation
import Glibc

@testable import Identity
@testable import Postgres
@testable import Values

/// Files that anyone may have written: dumps of the books, photographs of documents.
extension FuzzTarget {
    static let files = [
        FuzzTarget("image-head", bytesMax: 128, imageHead),
        FuzzTarget("dump", bytesMax: 1024, dump), FuzzTarget("dump-rows", rows),
        FuzzTarget("dump-moment", bytesMax: 64, moment),
    ]

    private static func imageHead(_ input: [UInt8]) throws {
        guard let head = ImageHead(input) else { return }
        let sides = [head.width, head.height]
        try hold(sides.allSatisfy { (0...Int(UInt32.max)).contains($0) }, "sides are 32 bits")
        try hold(ImageHead(input + [0xFF, 0xD8]) == head, "what follows the head says nothing")
        let isPNG = input.starts(with: [0x89, 0x50, 0x4E, 0x47])
        try hold((head.mediaType == .png) == isPNG, "the type is what the bytes say")
    }

    /// The reader works on files, so each input becomes one, in memory.
    private static func open(_ bytes: [UInt8]) throws -> DumpFile? {
        var path = Array("/dev/shm/florin-fuzz-XXXXXX".utf8CString)
        let file = unsafe mkstemp(&path)
        let name = String(decoding: path.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            close(file)
            _ = unsafe unlink(name)
        }
        try hold(unsafe write(file, bytes, bytes.count) == bytes.count, "memory is there")
        return try decoded { try DumpFile.open(name) }
    }

    private static func dump(_ input: [UInt8]) throws {
        guard let file = try open(input) else { return }
        for (name, table) in file.tables {
            try hold(table.rows.upperBound <= input.count, "\(name) ends in the file")
            try hold(table.rows.lowerBound <= table.rows.upperBound, "\(name) has an order")
            let rows = input[table.rows]
            try hold(rows.isEmpty || rows.last == 0x0A, "\(name) is whole lines")
        }
    }

    /// The input is the rows of a table with a column of every type.
    private static func rows(_ input: [UInt8]) throws {
        let head = "COPY t.t (a, b, c, d, e, f, g, h) FROM stdin;\n"
        let tail = "\n\\.\n-- PostgreSQL database dump complete\n"
        guard let file = try open(Array(head.utf8) + input + Array(tail.utf8)) else { return }
        let reader = try DumpReader(
            file, "t.t", columns: ["a", "b", "c", "d", "e", "f", "g", "h"])
        _ = try decoded { try reader.eachRow { _ in try row(reader) } }
    }

    private static func row(_ reader: DumpReader) throws {
        _ = try reader.int64()
        let small = try reader.int32OrNull()
        if let small { try hold(Int32("\(small)") == small, "numbers are whole") }
        _ = try reader.bool()
        let moment = try reader.timestamp()
        try hold(Timestamp(moment.description) == moment, "moments can be written")
        let day = try reader.day()
        try hold(CalendarDay("\(CalendarDay(daysSince1970: day))") != nil, "days can be written")
        _ = try reader.uuidOrNull()
        _ = try reader.bytes()
        try hold(try reader.text().isContiguousUTF8, "text is UTF-8")
    }

    /// A moment of PostgreSQL is RFC 3339 but for its offset, which the API's reader knows too.
    private static func moment(_ input: [UInt8]) throws {
        guard !input.contains(0x0A), !input.contains(0x09) else { return }
        let head = "COPY t.t (a) FROM stdin;\n"
        let tail = "\n\\.\n-- PostgreSQL database dump complete\n"
        guard let file = try open(Array(head.utf8) + input + Array(tail.utf8)) else { return }
        let reader = try DumpReader(file, "t.t", columns: ["a"])
        var read: Timestamp?
        _ = try decoded { try reader.eachRow { _ in read = try reader.timestamp() } }
        guard let read, let other = Timestamp(input.text) else { return }
        try hold(read == other, "\(read) in a dump, \(other) in a request")
    }
}
