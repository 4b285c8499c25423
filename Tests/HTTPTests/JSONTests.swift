import HTTP
import Testing

struct JSONTests {
    @Test func readsEveryKindOfValue() throws {
        let json = try JSON(
            parsing: #" { "a" : [ null , true , false ] , "b" : -12 , "c" : 1.50 , "d" : "é\n" } "#)
        #expect(json["a"]?.array == [.null, .bool(true), .bool(false)])
        #expect(json["b"]?.integer == -12)
        #expect(json["c"] == .decimal("1.50"))
        #expect(json["d"]?.string == "é\n")
        #expect(json["e"] == nil)
        #expect(json.text == #"{"a":[null,true,false],"b":-12,"c":1.50,"d":"é\n"}"#)
    }

    @Test(arguments: [
        ("0", JSON.integer(0)), ("-0", .integer(0)), ("7", .integer(7)),
        ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .decimal("9223372036854775808")),
        ("-9223372036854775809", .decimal("-9223372036854775809")),
        ("1.0", .decimal("1.0")), ("1e3", .decimal("1e3")), ("-2.5E-7", .decimal("-2.5E-7")),
        ("0.1", .decimal("0.1")), ("0e0", .decimal("0e0")),
    ])
    func keepsNumbersExact(text: String, value: JSON) throws {
        #expect(try JSON(parsing: text) == value)
    }

    @Test(arguments: [
        #""\u0041""#: "A", #""\ud83d\ude00""#: "😀", #""\"\\\/\b\f\n\r\t""#: "\"\\/\u{8}\u{C}\n\r\t",
        #""\u0000""#: "\0", #""a\u00e9b""#: "aéb",
    ])
    func decodesEscapes(text: String, value: String) throws {
        #expect(try JSON(parsing: text).string == value)
    }

    @Test(arguments: [
        ("", JSONError.Reason.unexpectedEnd), (" ", .unexpectedEnd), ("{", .unexpectedEnd),
        ("[1", .unexpectedEnd), ("\"a", .unexpectedEnd), ("tru", .unexpectedEnd),
        ("1 2", .trailingBytes), ("{}x", .trailingBytes), ("nulL", .unexpectedByte),
        ("[1,]", .unexpectedByte), ("{\"a\":1,}", .unexpectedByte), ("{a:1}", .unexpectedByte),
        ("{\"a\" 1}", .unexpectedByte), ("'a'", .unexpectedByte), ("+1", .unexpectedByte),
        (".5", .unexpectedByte), ("NaN", .unexpectedByte), ("Infinity", .unexpectedByte),
        ("01", .invalidNumber), ("1.", .unexpectedEnd), ("-", .unexpectedEnd),
        ("1.x", .invalidNumber), ("1ex", .invalidNumber), ("-x", .invalidNumber),
        ("\"\\x\"", .invalidEscape), ("\"\\u12g4\"", .invalidEscape),
        ("\"\\ud800\"", .loneSurrogate), ("\"\\udc00\"", .loneSurrogate),
        ("\"\\ud800\\u0041\"", .loneSurrogate), ("\"a\nb\"", .controlCharacter),
        ("\"\u{1}\"", .controlCharacter), ("{\"a\":1,\"a\":2}", .duplicateName),
        ("{\"a\":1,\"\\u0061\":2}", .duplicateName), ("// c\n1", .unexpectedByte),
        ("\u{FEFF}1", .unexpectedByte),
    ])
    func refusesWhatParsersDisagreeOn(text: String, reason: JSONError.Reason) {
        let error = #expect(throws: JSONError.self) { try JSON(parsing: text) }
        #expect(error?.reason == reason, "\(text)")
    }

    @Test func refusesBrokenUTF8() {
        for bytes: [UInt8] in [
            [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xE2, 0x82, 0x22],
        ] {
            let error = #expect(throws: JSONError.self) { try JSON(parsing: bytes) }
            #expect(error?.reason == .notUTF8)
        }
    }

    @Test func boundsDepth() throws {
        let nested = { (depth: Int) in
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try JSON(parsing: nested(32))
        let error = #expect(throws: JSONError.self) { try JSON(parsing: nested(33)) }
        #expect(error?.reason == .tooDeep && error?.offset == 32)
        #expect(throws: JSONError.self) { try JSON(parsing: nested(500_000)) }
    }

    @Test func boundsNumbers() {
        let error = #expect(throws: JSONError.self) {
            try JSON(parsing: "1" + String(repeating: "0", count: 64))
        }
        #expect(error?.reason == .numberTooLong)
    }

    @Test func findsDuplicatesAmongManyNames() throws {
        let members = (0..<1000).map { "\"n\($0)\":\($0)" }
        let whole = try JSON(parsing: "{" + members.joined(separator: ",") + "}")
        #expect(whole.object?.members.count == 1000)
        let doubled = "{" + (members + ["\"n500\":0"]).joined(separator: ",") + "}"
        let error = #expect(throws: JSONError.self) { try JSON(parsing: doubled) }
        #expect(error?.reason == .duplicateName)
    }

    /// Whatever is read from noise, nothing crashes, and what was read is written back the same.
    @Test func survivesNoise() throws {
        var random = SeededRandom(seed: 7)
        let alphabet = Array(#"{}[]",:0123456789.eE+-\utrfalsn \ud83d "#.utf8) + [0xC3, 0xA9, 0]
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0..<24, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            guard let json = try? JSON(parsing: bytes) else { continue }
            #expect(try JSON(parsing: json.encoded()) == json)
        }
    }

    @Test func equalityIgnoresOrder() throws {
        #expect(try JSON(parsing: #"{"a":1,"b":2}"#) == JSON(parsing: #"{"b":2,"a":1}"#))
        #expect(try JSON(parsing: #"{"a":1}"#) != JSON(parsing: #"{"a":1,"b":2}"#))
    }

    @Test func writesObjects() {
        var writer = JSONWriter()
        writer.object {
            $0.field("text", "a\"b\\c\u{1}\n")
            $0.field("number", Int64.min)
            $0.field("count", 3)
            $0.field("flag", true)
            $0.null("nothing")
            $0.field("missing", String?.none)
            $0.literal("amount", "12.50")
            $0.object("balance") { $0.field("held", 0) }
            $0.field("names", ["x", "y"])
            $0.objects("rows", [1, 2]) { $1.field("n", $0) }
            $0.array("empty") { _ in }
            $0.field("tree", ["a": [1, nil]])
        }
        let text = String(decoding: writer.bytes, as: UTF8.self)
        #expect(
            text == #"{"text":"a\"b\\c\u0001\n","number":-9223372036854775808,"count":3,"#
                + #""flag":true,"nothing":null,"missing":null,"amount":12.50,"#
                + #""balance":{"held":0},"names":["x","y"],"rows":[{"n":1},{"n":2}],"#
                + #""empty":[],"tree":{"a":[1,null]}}"#)
        #expect(throws: Never.self) { try JSON(parsing: writer.bytes) }
    }
}

/// The same noise every time.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 33
    }
}
