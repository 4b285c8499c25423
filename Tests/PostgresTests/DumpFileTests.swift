import FoundationEssentials
import Postgres
import TestSupport
import Testing
import Values

/// COPY's text format, as `pg_dump` writes it and as nobody should.
@Suite struct DumpFileTests {
    private static let end = "--\n-- PostgreSQL database dump complete\n--\n"

    private func open(_ text: String) throws -> DumpFile {
        let folder = TestFolder("florin-dump")
        defer { folder.remove() }
        let path = folder.path + "/dump.sql"
        try #require(
            FileManager.default.createFile(atPath: path, contents: Data(text.utf8)))
        return try DumpFile.open(path)
    }

    /// A reader at the one row of a table with one column.
    private func reader(_ value: String) throws -> DumpReader {
        let file = try open("COPY public.t (v) FROM stdin;\n\(value)\n\\.\n" + Self.end)
        let reader = try DumpReader(file, "public.t", columns: ["v"])
        var place: Int?
        try reader.eachRow { place = $0 }
        try reader.stand(at: try #require(place))
        return reader
    }

    @Test(arguments: [
        ("2026-11-21 04:15:26.000123+00", "2026-11-21T04:15:26.000123Z"),
        ("2026-11-21 04:15:26+05:45", "2026-11-20T22:30:26.000000Z"),
        ("2026-11-21 04:15:26.5-03", "2026-11-21T07:15:26.500000Z"),
        ("1889-12-31 23:59:59+02:27:16", "1889-12-31T21:32:43.000000Z"),
        ("1970-01-01 00:00:00+00", "1970-01-01T00:00:00.000000Z"),
        ("0001-01-01 00:00:00+00", "0001-01-01T00:00:00.000000Z"),
    ])
    func momentsOfAnyOffset(_ text: String, _ moment: String) throws {
        #expect(try "\(reader(text).timestamp())" == moment)
    }

    @Test(arguments: [
        "", "infinity", "-infinity", "2026-11-21", "2026-11-21 04:15:26", "2026-02-30 00:00:00+00",
        "2026-13-01 00:00:00+00", "2026-11-21 24:00:00+00", "2026-11-21 04:60:00+00",
        "2026-11-21 04:15:26.+00", "2026-11-21 04:15:26.1234567+00", "2026-11-21T04:15:26+00",
        "2026-11-21 04:15:26+00 BC", "4713-01-01 00:00:00+00 BC", "294276-12-31 00:00:00+00",
        "0000-12-31 23:59:59+00", "99999999999-01-01 00:00:00+00", "2026-11-21 04:15:26+0", "\\N",
    ])
    func whatIsNoMoment(_ text: String) throws {
        let reader = try reader(text)
        #expect(throws: DatabaseError.self) { try reader.timestamp() }
    }

    @Test func numbers() throws {
        #expect(try reader("9223372036854775807").int64() == .max)
        #expect(try reader("-9223372036854775808").int64() == .min)
        #expect(try reader("0").int64OrNull() == 0)
        #expect(try reader("\\N").int64OrNull() == nil)
        #expect(try reader("-32768").int16() == .min)
        for text in [
            "", "-", "+1", "1.0", "1e3", "9223372036854775808", "-9223372036854775809", " 1", "1 ",
            "\\N", "0x1", "٣",
        ] {
            let reader = try reader(text)
            #expect(throws: DatabaseError.self, "\(text)") { try reader.int64() }
        }
        #expect(throws: DatabaseError.self) { try reader("32768").int16() }
    }

    @Test func textAndBytes() throws {
        #expect(try reader("").text() == "")
        #expect(
            try reader("a\\tb\\\\c\\nd\\r\\b\\f\\v\\x41\\101\\q é").text()
                == "a\tb\\c\nd\r\u{8}\u{C}\u{B}AAq é")
        for text in ["\\N", "\\", "\\x", "\\400", "\\377"] {
            let reader = try reader(text)
            #expect(throws: DatabaseError.self, "\(text)") { try reader.text() }
        }
        #expect(try reader("\\\\x").bytes() == [])
        #expect(try reader("\\\\x00fF").bytes() == [0, 255])
        for text in ["\\\\x0", "\\\\xzz", "x00", "\\x00", "\\N", "abc"] {
            let reader = try reader(text)
            #expect(throws: DatabaseError.self, "\(text)") { try reader.bytes() }
        }
    }

    @Test func booleansDaysAndIDs() throws {
        #expect(try reader("t").bool() && !reader("f").bool())
        #expect(try reader("2026-11-21").day() == 20_778)
        #expect(try reader("1969-12-31").day() == -1)
        let id = try reader("01890000-0000-7000-8000-00000000ff01").uuidOrNull()
        #expect(id?.high == 0x0189_0000_0000_7000 && id?.low == 0x8000_0000_0000_FF01)
        #expect(try reader("\\N").uuidOrNull() == nil)
        for text in ["", "T", "true", "1", "\\N"] {
            #expect(throws: DatabaseError.self) { try reader(text).bool() }
        }
        for text in ["2026-02-29", "2026-1-1", "0000-12-31", "10000-01-01", "infinity", "\\N"] {
            #expect(throws: DatabaseError.self) { try reader(text).day() }
        }
        for text in ["01890000", "01890000-0000-7000-8000-00000000ff0", "g".padded(36)] {
            #expect(throws: DatabaseError.self) { try reader(text).uuidOrNull() }
        }
    }

    @Test func columnsAreFoundByTheirNames() throws {
        let file = try open(
            """
            SELECT pg_catalog.set_config('search_path', '', false);
            COPY public.empty (a) FROM stdin;
            \\.

            COPY "public"."pair" (a, "b", c) FROM stdin;
            1\t2\t3
            4\t5\t6
            \\.

            \(Self.end)
            """)
        let reader = try DumpReader(file, "public.pair", columns: ["c", "a"])
        var sums: [Int64] = []
        try reader.eachRow { _ in sums.append(try reader.int64() * 10 + reader.int64()) }
        #expect(sums == [31, 64])
        try DumpReader(file, "public.empty", columns: ["a"]).eachRow { _ in
            Issue.record("there is no row")
        }
        #expect(throws: DumpError.self) { try DumpReader(file, "public.pair", columns: ["d"]) }
        #expect(throws: DumpError.self) { try DumpReader(file, "public.none", columns: ["a"]) }
    }

    @Test(arguments: ["1\t2", "1\t2\t3\t4", "", "\t", "1 2 3"])
    func aRowHasAllItsColumns(_ row: String) throws {
        let file = try open("COPY public.t (a, b, c) FROM stdin;\n\(row)\n\\.\n" + Self.end)
        let reader = try DumpReader(file, "public.t", columns: ["a"])
        #expect(throws: DatabaseError.self) { try reader.eachRow { _ in } }
    }
}

extension String {
    fileprivate func padded(_ count: Int) -> String { String(repeating: self, count: count) }
}
