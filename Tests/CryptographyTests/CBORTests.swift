import Testing

@testable import Cryptography

@Suite("CBOR")
struct CBORTests {
    func read(_ hex: String) throws -> CBOR {
        try CBOR(parsing: try #require(Hex.decode(hex)))
    }

    @Test(
        "examples of RFC 8949, appendix A",
        arguments: [
            ("00", CBOR.integer(0)), ("17", .integer(23)), ("1818", .integer(24)),
            ("1903e8", .integer(1000)), ("1a000f4240", .integer(1_000_000)),
            ("1b000000e8d4a51000", .integer(1_000_000_000_000)), ("20", .integer(-1)),
            ("3863", .integer(-100)), ("3903e7", .integer(-1000)), ("f4", .bool(false)),
            ("f5", .bool(true)), ("f6", .null), ("40", .bytes([])),
            ("4401020304", .bytes([1, 2, 3, 4])), ("60", .text("")), ("6449455446", .text("IETF")),
            ("62225c", .text("\"\\")), ("62c3bc", .text("ü")), ("63e6b0b4", .text("水")),
            ("80", .array([])), ("83010203", .array([.integer(1), .integer(2), .integer(3)])),
            ("a0", .map([])),
        ])
    func examplesAreRead(hex: String, value: CBOR) throws {
        #expect(try read(hex) == value)
    }

    @Test func membersAreFoundByKey() throws {
        let map = try read("a301020326616101")
        #expect(map[1] == .integer(2))
        #expect(map[3] == .integer(-7))
        #expect(map["a"] == .integer(1))
        #expect(map["b"] == nil)
    }

    @Test func theNearestToTheEdgeIsRead() throws {
        #expect(try read("1b7fffffffffffffff") == .integer(.max))
        #expect(try read("3b7fffffffffffffff") == .integer(.min))
        #expect(try read("8181818100") == .array([.array([.array([.array([.integer(0)])])])]))
    }

    @Test(
        "what has another spelling, or none, is refused",
        arguments: [
            ("", CBORError.unexpectedEnd), ("18", .unexpectedEnd), ("4401", .unexpectedEnd),
            ("0000", .trailingBytes), ("f600", .trailingBytes),
            ("1817", .notShortest), ("190001", .notShortest), ("1a0000ffff", .notShortest),
            ("1b00000000ffffffff", .notShortest), ("5803010203", .notShortest),
            ("9800", .notShortest), ("b800", .notShortest),
            ("1b8000000000000000", .integerTooLarge), ("3bffffffffffffffff", .integerTooLarge),
            ("5f42010243030405ff", .indefiniteLength), ("7f61616161ff", .indefiniteLength),
            ("9fff", .indefiniteLength), ("bfff", .indefiniteLength), ("ff", .indefiniteLength),
            ("1c", .typeNotAllowed), ("5d", .typeNotAllowed), ("c001", .typeNotAllowed),
            ("d9d9f700", .typeNotAllowed), ("f7", .typeNotAllowed), ("f90000", .typeNotAllowed),
            ("fa47c35000", .typeNotAllowed), ("fb3ff199999999999a", .typeNotAllowed),
            ("f820", .typeNotAllowed), ("e0", .typeNotAllowed),
            ("61ff", .notUTF8), ("62c328", .notUTF8), ("63eda080", .notUTF8),
            ("818181818100", .tooDeep), ("a101a101a101a101a10102", .tooDeep),
            ("a201000100", .duplicateKey), ("a2616100616101", .duplicateKey),
            ("a202000100", .keysNotSorted), ("a220000100", .keysNotSorted),
            ("a26262620061610a", .keysNotSorted), ("a2616200616100", .keysNotSorted),
            ("a14000", .keyNotAllowed), ("a18000", .keyNotAllowed),
            ("a1f400", .keyNotAllowed),
        ])
    func everythingElseIsRefused(hex: String, error: CBORError) {
        #expect(throws: error) { try read(hex) }
    }

    @Test(
        "a length that nothing follows costs no memory",
        arguments: ["5b", "7b", "9b", "bb"])
    func hugeLengthsAreRefused(head: String) {
        for length in ["7fffffffffffffff", "ffffffffffffffff", "0000000100000000"] {
            #expect(throws: CBORError.unexpectedEnd) { try read(head + length) }
        }
    }

    @Test func muchOfEverythingIsRefused() throws {
        let wide = "98ff" + String(repeating: "00", count: 255)
        #expect(try read(wide) == .array(Array(repeating: .integer(0), count: 255)))
        #expect(throws: CBORError.tooManyItems) {
            try read("990100" + String(repeating: "00", count: 256))
        }
        let long = [0x59, 0x40, 0x00] + [UInt8](repeating: 0, count: CBOR.bytesMax)
        #expect(throws: CBORError.tooLong) { try CBOR(parsing: long) }
        let deep = [UInt8](repeating: 0x81, count: CBOR.bytesMax)
        #expect(throws: CBORError.tooDeep) { try CBOR(parsing: deep) }
    }

    @Test func noBytesStopTheReader() {
        let seed = UInt64.random(in: .min ... .max)
        var random = SplitMix(state: seed)
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: .min ... .max, using: &random)
            }
            do { _ = try CBOR(parsing: bytes) } catch { continue }
        }
        print("CBOR seed \(seed)")
    }

    /// The same numbers for the same seed.
    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = (state ^ state >> 30) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
            return mixed ^ mixed >> 31
        }
    }
}
