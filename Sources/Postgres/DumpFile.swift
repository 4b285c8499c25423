#if canImport(Glibc)
    import Glibc
#endif

/// A plain dump of `pg_dump`, read where it lies: its tables are the COPY blocks in it.
///
/// `@unchecked Sendable`: the bytes are mapped for reading only, and nothing changes after `open`.
@safe
package final class DumpFile: @unchecked Sendable {
    /// One COPY block.
    struct Table {
        let columns: [String]
        /// The bytes of its rows, each with its newline.
        let rows: Range<Int>
    }

    let bytes: UnsafeRawBufferPointer
    private(set) var tables: [String: Table] = [:]

    private init(mapped bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
    }

    deinit {
        guard let start = unsafe bytes.baseAddress else { return }
        unsafe munmap(UnsafeMutableRawPointer(mutating: start), bytes.count)
    }

    /// Maps the file and finds its tables. Refuses what is no whole plain dump.
    package static func open(_ path: String) throws(DumpError) -> DumpFile {
        let file = unsafe DumpFile(mapped: try map(path))
        try file.refuseOtherFormats()
        try file.findTables()
        return file
    }

    private static func map(_ path: String) throws(DumpError) -> UnsafeRawBufferPointer {
        let file = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw DumpError("\(path) cannot be read") }
        defer { close(file) }
        var status = stat()
        guard unsafe fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw DumpError("\(path) is not a file")
        }
        let count = Int(status.st_size)
        guard count > 0 else { throw DumpError("\(path) is empty") }
        guard let start = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, file, 0),
            unsafe start != MAP_FAILED
        else { throw DumpError("\(path) cannot be read") }
        return unsafe UnsafeRawBufferPointer(start: start, count: count)
    }

    private func refuseOtherFormats() throws(DumpError) {
        if starts(with: "PGDMP", at: 0) {
            throw DumpError(
                "this is a dump in pg_dump's custom format: make it plain with "
                    + "`pg_restore -f PLAIN CUSTOM`")
        }
        if unsafe bytes.count > 2, unsafe bytes[0] == 0x1F, unsafe bytes[1] == 0x8B {
            throw DumpError("this file is compressed: unpack it with gunzip first")
        }
    }

    // MARK: Finding the tables

    /// Outside the COPY blocks everything is passed over, and in them only their end counts.
    private func findTables() throws(DumpError) {
        var (position, isComplete) = (0, false)
        while position < count {
            let end = endOfLine(from: position)
            if starts(with: "COPY ", at: position), let head = head(position..<end) {
                position = try addTable(head, from: end + 1)
                isComplete = false
            } else {
                isComplete =
                    isComplete || starts(with: "-- PostgreSQL database dump complete", at: position)
                position = end + 1
            }
        }
        guard !tables.isEmpty else {
            throw DumpError(
                "there is no table in this file: it must be a plain dump with data, made without "
                    + "--inserts")
        }
        guard isComplete else {
            throw DumpError("this dump was cut short: it does not end as pg_dump ends one")
        }
    }

    /// Returns where the text after the block begins.
    private func addTable(
        _ head: (name: String, columns: [String]), from start: Int
    ) throws(DumpError) -> Int {
        guard tables[head.name] == nil else {
            throw DumpError("this dump holds \(head.name) twice")
        }
        var position = start
        while position < count {
            let end = endOfLine(from: position)
            if end == position + 2, starts(with: "\\.", at: position) {
                tables[head.name] = Table(columns: head.columns, rows: start..<position)
                return end + 1
            }
            position = end + 1
        }
        throw DumpError("this dump was cut short: it ends within the rows of \(head.name)")
    }

    /// `COPY ledger.head (id, version) FROM stdin;`
    private func head(_ line: Range<Int>) -> (name: String, columns: [String])? {
        let text = text(line)
        let ending = ") FROM stdin;"
        guard text.hasSuffix(ending), let opening = text.firstIndex(of: "(") else { return nil }
        let name = text[..<opening].dropFirst("COPY ".count).filter { $0 != " " && $0 != "\"" }
        let columns = text[text.index(after: opening)...].dropLast(ending.count)
            .split(separator: ",").map { $0.filter { $0 != " " && $0 != "\"" } }
        return (String(name), columns.map { String($0) })
    }

    // MARK: Bytes

    var count: Int { unsafe bytes.count }

    /// Where the line's newline is, or the end of the file.
    func endOfLine(from position: Int) -> Int {
        guard position < count, let start = unsafe bytes.baseAddress else { return count }
        guard let found = unsafe memchr(start + position, 0x0A, count - position) else {
            return count
        }
        return unsafe UnsafeRawPointer(found) - start
    }

    private func starts(with text: StaticString, at position: Int) -> Bool {
        let size = text.utf8CodeUnitCount
        guard position + size <= count, let start = unsafe bytes.baseAddress else { return false }
        return unsafe memcmp(start + position, text.utf8Start, size) == 0
    }

    func text(_ range: Range<Int>) -> String {
        unsafe String(decoding: bytes[range], as: UTF8.self)
    }
}

/// Why a file is not a dump that can be read.
package struct DumpError: Error, Equatable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
