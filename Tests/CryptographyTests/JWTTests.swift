import Testing
import Values

@testable import Cryptography

@Suite("Access tokens")
struct JWTTests {
    let key = SigningKey.generate()
    let now = Timestamp(microseconds: 1_790_000_000_000_000)

    var claims: JWT.Claims {
        JWT.Claims(
            subject: "0199a2b4-0000-7000-8000-000000000001", session: "s-1", issuedAt: now,
            expiresAt: now.adding(seconds: 900), issuer: "florin", audience: "florin",
            role: "customer")
    }

    var keys: [String: VerifyingKey] {
        let other = SigningKey.generate()
        return [key.kid: key.verifyingKey, other.kid: other.verifyingKey]
    }

    func verify(_ token: String, at time: Timestamp? = nil) throws(JWTError) -> JWT.Claims {
        try JWT.verify(
            token, keys: keys, issuer: "florin", audience: "florin", now: time ?? now)
    }

    /// A token of ours in everything but the part given.
    func token(header: String? = nil, payload: String? = nil, signature: String? = nil) -> String {
        let own = JWT.sign(claims, with: key).split(separator: ".").map(String.init)
        let head = header.map { Base64URL.encode(Array($0.utf8)) } ?? own[0]
        let body = payload.map { Base64URL.encode(Array($0.utf8)) } ?? own[1]
        let sealed = signature ?? Base64URL.encode(key.sign(Array("\(head).\(body)".utf8)))
        return "\(head).\(body).\(sealed)"
    }

    @Test func whatWasSignedIsRead() throws {
        #expect(try verify(JWT.sign(claims, with: key)) == claims)
        #expect(try verify(token()) == claims)
    }

    @Test func anotherReaderSeesTheStandardForm() throws {
        let parts = JWT.sign(claims, with: key).split(separator: ".")
        let header = try #require(Base64URL.decode(parts[0]))
        let payload = try #require(Base64URL.decode(parts[1]))
        #expect(
            String(decoding: header, as: UTF8.self)
                == #"{"alg":"ES256","kid":"\#(key.kid)","typ":"JWT"}"#)
        #expect(
            String(decoding: payload, as: UTF8.self)
                == #"{"iss":"florin","sub":"\#(claims.subject)","aud":"florin","sid":"s-1","#
                + #""role":"customer","iat":1790000000,"exp":1790000900}"#)
    }

    @Test func everyByteIsProtected() {
        let token = Array(JWT.sign(claims, with: key).utf8)
        for index in token.indices {
            var changed = token
            changed[index] =
                changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
            let text = String(decoding: changed, as: UTF8.self)
            #expect(throws: JWTError.self) { try verify(text) }
        }
    }

    @Test func noOtherAlgorithm() {
        for header in [
            #"{"alg":"none","kid":"\#(key.kid)","typ":"JWT"}"#,
            #"{"alg":"HS256","kid":"\#(key.kid)","typ":"JWT"}"#,
            #"{"alg":"es256","kid":"\#(key.kid)","typ":"JWT"}"#,
            #"{"alg":"ES256","kid":"\#(key.kid)","typ":"JOSE"}"#,
            #"{"alg":"ES256","alg":"none","kid":"\#(key.kid)","typ":"JWT"}"#,
            #"{"alg":"ES256","kid":"\#(key.kid)","typ":"JWT","jwk":{}}"#,
            #"{"alg":"ES256","typ":"JWT"}"#, "{}", "",
        ] {
            #expect(throws: JWTError.unknownHeader) { try verify(token(header: header)) }
            #expect(throws: JWTError.unknownHeader) {
                try verify(token(header: header, signature: ""))
            }
        }
    }

    @Test func thePublicKeyIsNoSharedSecret() {
        let header = #"{"alg":"HS256","kid":"\#(key.kid)","typ":"JWT"}"#
        let signed = token(header: header).split(separator: ".").prefix(2).joined(separator: ".")
        let tag = Hash.hmacSHA256(key: key.publicKey, Array(signed.utf8))
        #expect(throws: JWTError.unknownHeader) {
            try verify(signed + "." + Base64URL.encode(tag))
        }
    }

    @Test func anotherKeyDoesNotSpeakForOurs() {
        let stranger = SigningKey.generate()
        #expect(throws: JWTError.unknownHeader) { try verify(JWT.sign(claims, with: stranger)) }
        let payload = JWT.sign(claims, with: key).split(separator: ".")
        let signed = payload.prefix(2).joined(separator: ".")
        let signature = Base64URL.encode(stranger.sign(Array(signed.utf8)))
        #expect(throws: JWTError.wrongSignature) { try verify(signed + "." + signature) }
    }

    @Test func timeAndPlaceMustFit() throws {
        let token = JWT.sign(claims, with: key)
        #expect(try verify(token, at: now.adding(seconds: 899)) == claims)
        #expect(throws: JWTError.expired) { try verify(token, at: now.adding(seconds: 900)) }
        #expect(try verify(token, at: now.adding(seconds: -5)) == claims)
        #expect(throws: JWTError.issuedInFuture) { try verify(token, at: now.adding(seconds: -6)) }
        #expect(throws: JWTError.otherAudience) {
            try JWT.verify(token, keys: keys, issuer: "florin", audience: "staff", now: now)
        }
        #expect(throws: JWTError.otherIssuer) {
            try JWT.verify(token, keys: keys, issuer: "other", audience: "florin", now: now)
        }
        #expect(throws: JWTError.unknownHeader) {
            try JWT.verify(token, keys: [:], issuer: "florin", audience: "florin", now: now)
        }
    }

    @Test func shapeMustFit() {
        let good = JWT.sign(claims, with: key)
        #expect(throws: JWTError.tooLong) { try verify(String(repeating: "a", count: 2049)) }
        for text in ["", ".", "a.b", good + ".", good + ".a"] {
            #expect(throws: JWTError.malformed) { try verify(text) }
        }
        #expect(throws: JWTError.unknownHeader) { try verify(String(good.drop { $0 != "." })) }
        #expect(throws: JWTError.malformed) { try verify(good + "=") }
    }

    @Test func spareBitsMustBeZero() throws {
        // 64 bytes leave four spare bits in the last character; any other letter spells the same
        // bytes to a lenient reader.
        let good = JWT.sign(claims, with: key)
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
        let last = try #require(good.last)
        let position = try #require(alphabet.firstIndex(of: last))
        let twin = good.dropLast() + String(alphabet[position + 1])
        #expect(throws: JWTError.malformed) { try verify(String(twin)) }
    }

    /// All claims but the times, in good order.
    static let fields = #"{"iss":"florin","sub":"a","aud":"florin","sid":"s","role":"r","#

    @Test(
        "signed by us and still not claims",
        arguments: [
            "", "{}", "[]", "null", #"{"iss":"florin"}"#,
            fields + #""iat":1,"exp":2,"exp":3}"#,
            fields + #""iat":1,"exp":2,"x":3}"#,
            fields + #""iat":1,"exp":2} "#,
            #"{"iss":"florin", "sub":"a","aud":"florin","sid":"s","role":"r","iat":1,"exp":2}"#,
            fields + #""iat":1,"exp":"2"}"#,
            fields + #""iat":1,"exp":2.5}"#,
            fields + #""iat":1,"exp":-2}"#,
            fields + #""iat":1,"exp":02}"#,
            #"{"iss":"florin","sub":"a","aud":["florin"],"sid":"s","role":"r","iat":1,"exp":2}"#,
            #"{"iss":"florin","sub":"\u0061","aud":"florin","sid":"s","role":"r","iat":1,"exp":2}"#,
            fields + #""iat":1,"exp":2"#,
            fields + #""iat":1,"exp":9999999999999}"#,
        ])
    func payloadMustFit(payload: String) {
        #expect(throws: JWTError.malformed) { try verify(token(payload: payload)) }
    }
}
