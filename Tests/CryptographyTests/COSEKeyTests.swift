import Testing

@testable import Cryptography

@Suite("COSE keys")
struct COSEKeyTests {
    /// The example of Web Authentication Level 2, section 6.5.1.1.
    static let x = "65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d"
    static let y = "1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c"
    static let p256 = "a5010203262001215820\(x)225820\(y)"

    func key(_ hex: String) throws -> COSEKey {
        try COSEKey(parsing: try #require(Hex.decode(hex)))
    }

    @Test func theStandardsExampleIsAKey() throws {
        #expect(try key(Self.p256).algorithm == .es256)
    }

    @Test(
        "RFC 8032, section 7.1",
        arguments: [
            (
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bac"
                    + "c61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
            (
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e"
                    + "458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ])
    func edwardsKeysSign(x: String, message: String, signature: String) throws {
        let key = try key("a401010327200621" + "5820" + x)
        let message = try #require(Hex.decode(message))
        var signature = try #require(Hex.decode(signature))
        #expect(key.algorithm == .edDSA)
        #expect(key.isValid(signature: signature, for: message))
        #expect(!key.isValid(signature: signature, for: message + [0]))
        #expect(!key.isValid(signature: Array(signature.dropLast()), for: message))
        signature[0] ^= 1
        #expect(!key.isValid(signature: signature, for: message))
    }

    @Test func otherKeysAreNone() {
        let (x, y) = (Self.x, Self.y)
        let malformed = [
            "", "a0", "80", "f6",
            // Not on the curve, another curve, another kind of key, a coordinate too short.
            "a5010203262001215820\(y)225820\(x)", "a5010203262002215820\(x)225820\(y)",
            "a5010103262001215820\(x)225820\(y)", "a501020326200121581f\(x.dropLast(2))225820\(y)",
            // One member too many or too few, a sign in place of y (a compressed point).
            "a6010203262001215820\(x)225820\(y)2300", "a4010203262001215820\(x)",
            "a5010203262001215820\(x)22f5",
            // An Edwards key on another curve, and an RSA key that is far too small.
            "a4010103272004215820\(x)", "a401030339010020" + "4401020304" + "2143010001",
        ]
        for hex in malformed {
            #expect(throws: WebAuthnError.keyMalformed, "\(hex)") { try key(hex) }
        }
        // ES384, and HS256.
        for algorithm in ["3822", "05"] {
            #expect(throws: WebAuthnError.algorithmNotAllowed) {
                try key("a5010203\(algorithm)2001215820\(x)225820\(y)")
            }
        }
    }

    @Test func anRSAKeyNeedsItsSizeAndExponent() throws {
        let modulus = String(repeating: "c5", count: 256)
        let key = { (modulus: String, length: String, exponent: String) in
            try self.key("a40103033901002059\(length)\(modulus)21\(exponent)")
        }
        #expect(try key(modulus, "0100", "43010001").algorithm == .rs256)
        #expect(throws: WebAuthnError.keyMalformed) { try key(modulus, "0100", "4103") }
        #expect(throws: WebAuthnError.keyMalformed) {
            try key("00" + modulus.dropFirst(2), "0100", "43010001")
        }
        #expect(throws: WebAuthnError.keyMalformed) {
            try key(modulus + modulus + "c5", "0201", "43010001")
        }
    }
}
