import Cryptography
import Providers
import Simulators
import Testing
import Values

/// What is signed is believed, and nothing else. `Tests/api/test_stripe.py` asks Stripe's own
/// library the same.
@Suite("The signature of Stripe's webhooks")
struct StripeSignatureTests {
    static let body = Array(#"{"id":"evt_1"}"#.utf8)
    static let now = Timestamp(microseconds: 1_700_000_000_000_000)

    static func header(
        at seconds: Int64 = 1_700_000_000, _ secret: String = "whsec_a"
    ) -> String {
        let signed = Array("\(seconds).".utf8) + body
        return "t=\(seconds),v1="
            + Hex.encode(Hash.hmacSHA256(key: Array(secret.utf8), signed))
    }

    static func isValid(
        _ header: String, body: [UInt8] = body, secrets: [String] = ["whsec_a", "whsec_b"]
    ) -> Bool {
        StripeSignature.isValid(header, of: body, at: now, under: secrets)
    }

    @Test func whatEitherSecretSignedIsValid() {
        #expect(Self.isValid(Self.header()))
        #expect(Self.isValid(Self.header(at: 1_700_000_000, "whsec_b")))
        #expect(!Self.isValid(Self.header(at: 1_700_000_000, "whsec_c")))
    }

    @Test func oneOfSeveralSignaturesSuffices() {
        let tag = Self.header().split(separator: ",")[1]
        #expect(Self.isValid("t=1700000000,v1=00,v0=11,\(tag),v1=zz,later=7"))
        #expect(
            Self.isValid(
                StripeSimulator.signature(of: Self.body, under: "whsec_a", at: Self.now)))
        #expect(!Self.isValid("t=1700000000,v0=\(tag.dropFirst(3))"))
    }

    @Test(
        "five minutes either way are believed",
        arguments: [(-301, false), (-300, true), (300, true), (301, false)])
    func tolerance(seconds: Int64, isBelieved: Bool) {
        #expect(Self.isValid(Self.header(at: 1_700_000_000 + seconds)) == isBelieved)
    }

    @Test func anythingElseIsRefused() {
        let good = Self.header()
        #expect(!Self.isValid(good, body: Self.body + [0x20]))
        #expect(!Self.isValid(good + ",t=1700000000"))
        for header in [
            "", ",", "t", "t=", "t=,v1=", "t=1700000000", "v1=00", "t=x,v1=00",
            "t=-1,v1=00", "t=9223372036854775807,v1=00", String(good.dropLast()),
            good.replacing("v1", with: "V1"), String(repeating: "v1=00,", count: 2_000) + good,
        ] { #expect(!Self.isValid(header), "\(header)") }
    }
}
