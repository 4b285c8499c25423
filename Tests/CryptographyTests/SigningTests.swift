import Testing

@testable import Cryptography

@Suite("ES256")
struct SigningTests {
    /// The key of RFC 7515, appendix A.3.1.
    static let scalar = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
    static let x = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
    static let y = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"

    static func point(_ x: String, _ y: String) throws -> [UInt8] {
        try [4] + #require(Base64URL.decode(x)) + #require(Base64URL.decode(y))
    }

    @Test func verifiesTheExampleOfRFC7515() throws {
        let message =
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
            + "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
        let signature = try #require(
            Base64URL.decode(
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-K"
                    + "g6NU1Q"))
        let key = try VerifyingKey(x963: Self.point(Self.x, Self.y))
        #expect(key.isValid(signature: signature, for: Array(message.utf8)))
        #expect(!key.isValid(signature: signature, for: Array(message.utf8.dropLast())))
        #expect(key.coordinates == (Self.x, Self.y))
    }

    @Test func derivesThePublicPointFromTheScalar() throws {
        let key = try SigningKey(privateKey: #require(Base64URL.decode(Self.scalar)))
        #expect(try key.publicKey == Self.point(Self.x, Self.y))
    }

    @Test func thumbprintOfTheExampleOfRFC9449() throws {
        // RFC 9449 section 6.1 prints the RFC 7638 thumbprint of an EC key.
        let key = try VerifyingKey(
            x963: Self.point(
                "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
                "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA"))
        #expect(key.kid == "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I")
    }

    @Test func signsWhatItsPublicHalfAccepts() throws {
        for count in 0..<50 {
            let key = SigningKey.generate()
            let again = try SigningKey(privateKey: key.privateKey)
            let message = SecureRandom.bytes(count)
            let signature = key.sign(message)
            #expect(signature.count == 64)
            #expect(again.kid == key.kid && again.verifyingKey.kid == key.kid)
            #expect(
                try VerifyingKey(x963: again.publicKey).isValid(signature: signature, for: message))
            #expect(!SigningKey.generate().verifyingKey.isValid(signature: signature, for: message))
        }
    }

    @Test func refusesChangedSignatures() {
        let key = SigningKey.generate()
        let message = Array("pay".utf8)
        let signature = key.sign(message)
        for index in signature.indices {
            var other = signature
            other[index] ^= 0x40
            #expect(!key.verifyingKey.isValid(signature: other, for: message))
        }
        for other in [
            [], Array(signature.dropLast()), signature + [0], [UInt8](repeating: 0, count: 64),
        ] {
            #expect(!key.verifyingKey.isValid(signature: other, for: message))
        }
    }

    @Test func refusesWhatIsNoKey() throws {
        // The order of the group, FIPS 186-4 D.1.2.3: the first scalar that is too large.
        let order = try #require(
            Hex.decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"))
        for scalar in [
            [], [UInt8](repeating: 0, count: 32), order, [UInt8](repeating: 255, count: 32),
        ] {
            #expect(throws: KeyError.notAKey) { try SigningKey(privateKey: scalar) }
        }
        var offCurve = try Self.point(Self.x, Self.y)
        offCurve[64] ^= 1
        let compressed = [2] + offCurve[1...32]
        for point in [[], offCurve, compressed, [UInt8](repeating: 0, count: 65)] {
            #expect(throws: KeyError.notAKey) { try VerifyingKey(x963: point) }
        }
    }
}
