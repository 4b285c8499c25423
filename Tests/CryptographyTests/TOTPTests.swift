import Testing

@testable import Cryptography

@Suite("One-time passwords")
struct TOTPTests {
    /// The secret of RFC 6238, appendix B.
    let secret = Array("12345678901234567890".utf8)

    @Test(
        "RFC 6238, appendix B",
        arguments: [
            (Int64(59), "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"),
            (1_234_567_890, "89005924"), (2_000_000_000, "69279037"),
            (20_000_000_000, "65353130"),
        ])
    func standardCodes(second: Int64, code: String) {
        let step = TOTP.step(atSecond: second)
        #expect(TOTP.code(secret, step: step, digits: 8) == code)
        #expect(TOTP.code(secret, step: step) == String(code.suffix(6)))
    }

    @Test func aClockMayBeOneStepOff() {
        let now: Int64 = 1_790_000_010
        let step = TOTP.step(atSecond: now)
        for offset in Int64(-3)...3 {
            let found = TOTP.step(
                of: TOTP.code(secret, step: step + offset), secret: secret, atSecond: now, after: 0)
            #expect(found == (abs(offset) <= 1 ? step + offset : nil))
        }
    }

    @Test func aStepIsAcceptedOnce() {
        let now: Int64 = 1_790_000_010
        let step = TOTP.step(atSecond: now)
        let code = TOTP.code(secret, step: step)
        let find = { (last: Int64) in
            TOTP.step(of: code, secret: secret, atSecond: now, after: last)
        }
        #expect(find(step - 1) == step)
        #expect(find(step) == nil)
        #expect(find(step + 1) == nil)
    }

    @Test(arguments: ["", "12345", "1234567", "abcdef", "94287082", "000000 ", "２８７０８２"])
    func onlySixDigitsAreACode(text: String) {
        #expect(TOTP.step(of: text, secret: secret, atSecond: 59, after: 0) == nil)
    }

    @Test func appsReadTheURI() {
        #expect(
            TOTP.uri(secret: secret, account: "amina", issuer: "Florin")
                == "otpauth://totp/Florin:amina?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
                + "&issuer=Florin&algorithm=SHA1&digits=6&period=30")
    }

    @Test(
        "RFC 4648, section 10",
        arguments: [
            ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI"),
        ])
    func base32(plain: String, text: String) {
        #expect(Base32.encode(Array(plain.utf8)) == text)
        #expect(Base32.decode(text) == Array(plain.utf8))
    }

    @Test(arguments: ["MY======", "my", "M", "MZX", "MZXW6Y", "MZ", "M1", "MZXW6YT B", "MÝ"])
    func base32HasOneSpelling(text: String) {
        #expect(Base32.decode(text) == nil)
    }
}
