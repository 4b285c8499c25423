import Testing

@testable import HTTP
@testable import Identity

/// What the fuzzer found and was mended, each said in words.
@Suite struct FoundTests {
    @Test(arguments: [
        ("NUL", Array("a=b\0c".utf8)), ("NUL in a name", Array("a\0=b".utf8)),
        ("a lone byte", Array("a=".utf8) + [0xFF]), ("half a letter", Array("a=".utf8) + [0xC3]),
        ("an escaped NUL", Array("a=%00".utf8)), ("an escaped lone byte", Array("a=%FF".utf8)),
    ])
    func formIsUTF8WithoutNUL(_ name: String, body: [UInt8]) {
        #expect(FormText.fields(in: body) == nil, "\(name)")
    }

    @Test func formKeepsItsLetters() {
        #expect(FormText.fields(in: Array("a=ñ+%C3%A9".utf8)) == ["a": "ñ é"])
    }

    @Test func nameOfADeviceEndsInNoSpaceWhereItIsCut() {
        let letters = String(repeating: "a", count: DeviceRules.nameCharactersMax - 1)
        #expect(DeviceName.clean(letters + " b") == letters)
    }

    /// The end of a key can be computed by anyone, so it proves nothing about what stands before.
    @Test func keyIsMadeOfTheLettersOfKeys() throws {
        let made = KeyText.make(isSandbox: true) { 7 }.text
        #expect(KeyText(made, isSandbox: true)?.text == made)
        let forged = try #require(
            String(validating: Corpus.bytes(of: Self.keyWithNUL), as: UTF8.self))
        #expect(KeyText(forged, isSandbox: true) == nil)
    }

    private static let keyWithNUL =
        "666c6f72696e5f736b5f746573745f303036313732383339344142434445464748494a4b4c4d4e4f50515253"
        + "0040565758595a61626364656667343372756533"
}
