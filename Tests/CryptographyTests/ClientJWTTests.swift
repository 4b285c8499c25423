import Testing
import Values

@testable import Cryptography

@Suite("Access tokens of programs")
struct ClientJWTTests {
    private let key = SigningKey.generate()
    private let now = Timestamp(microseconds: 1_790_000_000_000_000)

    private func claims(_ audience: String = "programs") -> ClientJWT.Claims {
        ClientJWT.Claims(
            id: "0199a2b4-0000-7000-8000-000000000002",
            client: "0199a2b4-0000-7000-8000-000000000001", secret: "florin_sk_live_0123abcd",
            scopes: ["wallets:read", "transfers:write"], issuedAt: now,
            expiresAt: now.adding(seconds: 600), issuer: "https://wallet.example",
            audience: audience)
    }

    private func verify(
        _ token: String, issuer: String = "https://wallet.example", at moment: Timestamp? = nil
    ) throws(JWTError) -> ClientJWT.Claims {
        try ClientJWT.verify(
            token, keys: [key.kid: key.verifyingKey], issuer: issuer, audience: "programs",
            now: moment ?? now)
    }

    @Test func whatWasSignedIsReadAndKnownByItsHead() throws {
        let token = ClientJWT.sign(claims(), with: key)
        #expect(try verify(token) == claims())
        #expect(ClientJWT.isOne(token))
        for other in ["", ".", "at+jwt", JWS.sign([], type: "JWT", with: key)] {
            #expect(!ClientJWT.isOne(other))
        }
    }

    @Test func anotherReaderSeesTheStandardForm() throws {
        let parts = ClientJWT.sign(claims(), with: key).split(separator: ".")
        let header = try #require(Base64URL.decode(parts[0]))
        let payload = try #require(Base64URL.decode(parts[1]))
        #expect(
            String(decoding: header, as: UTF8.self)
                == #"{"alg":"ES256","kid":"\#(key.kid)","typ":"at+jwt"}"#)
        #expect(
            String(decoding: payload, as: UTF8.self)
                == #"{"iss":"https://wallet.example","sub":"\#(claims().client)","#
                + #""aud":"programs","client_id":"\#(claims().client)","jti":"\#(claims().id)","#
                + #""key":"florin_sk_live_0123abcd","scope":"wallets:read transfers:write","#
                + #""iat":1790000000,"exp":1790000600}"#)
    }

    @Test func aSessionAndAProgramNeverPassForEachOther() {
        let session = JWT.Claims(
            subject: "0199a2b4-0000-7000-8000-000000000001", session: "s-1", issuedAt: now,
            expiresAt: now.adding(seconds: 900), issuer: "https://wallet.example",
            audience: "programs", role: "customer")
        #expect(throws: JWTError.unknownHeader) { try verify(JWT.sign(session, with: key)) }
        #expect(throws: JWTError.unknownHeader) {
            try JWT.verify(
                ClientJWT.sign(claims(), with: key), keys: [key.kid: key.verifyingKey],
                issuer: "https://wallet.example", audience: "programs", now: now)
        }
        // Not even with a head of the other kind: the claims are others.
        let dressed = JWS.sign(session.encoded(), type: ClientJWT.type, with: key)
        #expect(throws: JWTError.malformed) { try verify(dressed) }
    }

    @Test func placeAndTimeMustFit() {
        let token = ClientJWT.sign(claims(), with: key)
        #expect(throws: JWTError.otherIssuer) { try verify(token, issuer: "https://elsewhere") }
        #expect(throws: JWTError.otherAudience) {
            try verify(ClientJWT.sign(claims("florin"), with: key))
        }
        #expect(throws: JWTError.expired) { try verify(token, at: now.adding(seconds: 600)) }
        #expect(throws: JWTError.issuedInFuture) { try verify(token, at: now.adding(seconds: -6)) }
    }
}
