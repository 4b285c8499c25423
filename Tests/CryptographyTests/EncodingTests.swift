import Testing

@testable import Cryptography

@Suite("Bytes as text")
struct EncodingTests {
    @Test func base64WantsItsPaddingAndItsAlphabet() {
        for (plain, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v")] {
            #expect(Base64.encode(Array(plain.utf8)) == text)
            #expect(Base64.decode(text) == Array(plain.utf8))
        }
        #expect(Base64.decode("+/+/") == [0xFB, 0xFF, 0xBF])
        for text in ["Zg", "Zg=", "Zh==", "Z===", "====", "-_-_", "Zg==Zg==", "Z g=", "Zm9v\n"] {
            #expect(Base64.decode(text) == nil, "\(text)")
        }
    }

    @Test(
        "RFC 4648 section 10, without padding",
        arguments: [
            ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"),
            ("fooba", "Zm9vYmE"), ("foobar", "Zm9vYmFy"),
        ])
    func base64URL(plain: String, text: String) {
        #expect(Base64URL.encode(Array(plain.utf8)) == text)
        #expect(Base64URL.decode(text) == Array(plain.utf8))
    }

    @Test func everythingComesBack() {
        for count in 0..<100 {
            let bytes = SecureRandom.bytes(count)
            #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
            #expect(Hex.decode(Hex.encode(bytes)) == bytes)
        }
        #expect(Base64URL.encode([0xFB, 0xFF]) == "-_8")
    }

    @Test(
        "one spelling only",
        arguments: ["Zg==", "Zh", "Zm9", "Z", "Zm9vY", "Zm 9", "Zm9v\n", "+/8", "Zmé", "Zg="])
    func base64URLRefuses(text: String) {
        #expect(Base64URL.decode(text) == nil)
    }

    @Test func hexReadsBothCasesAndRefusesTheRest() {
        #expect(Hex.decode("00fFAb") == [0, 0xFF, 0xAB])
        for text in ["0", "000", "0g", "0x00", " 00"] { #expect(Hex.decode(text) == nil) }
    }

    @Test func randomTextHasItsShape() {
        let token = SecureRandom.token()
        #expect(token.utf8.count == 43 && Base64URL.decode(token)?.count == 32)
        let digits = SecureRandom.digits(600)
        #expect(digits.utf8.count == 600)
        #expect(Set(digits) == Set("0123456789"))
        #expect(SecureRandom.bytes(0).isEmpty)
    }
}
