import HTTP
import TestSupport
import Testing

@testable import Cryptography
@testable import Identity

/// Access tokens that nobody gave out.
@Suite("Abuse: forged tokens", .timeLimit(.minutes(1)))
struct TokenForgeryTests {
    private struct Place {
        let person: Person
        let forge: Forge
    }

    private static let place = Task {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(
            database: database, ["FLORIN_MASTER_KEY": Forge.master])
        let person = try await Person.signUp(server.api)
        return Place(person: person, forge: try await Forge(person, in: database))
    }

    typealias Make = @Sendable (Forge) -> String

    /// Without this, all that follow could be refused for some mistake of the forger's.
    @Test func whoeverHasTheServersKeyIsBelieved() async throws {
        let place = try await Self.place.value
        let token = place.forge.signed(expiresAt: 1)
        #expect(token != place.person.token)
        _ = try await place.person.api.expect(200, .get, "/v1/me", token: token)
    }

    @Test(arguments: heads.map(\.0) + claims.map(\.0) + spellings.map(\.0))
    func anythingElseIsRefused(_ name: String) async throws {
        let all = Self.heads + Self.claims + Self.spellings
        let make = try #require(all.first { $0.0 == name }).1
        let place = try await Self.place.value
        let reply = try await place.person.api.reply(
            .get, "/v1/me", token: make(place.forge))
        reply.expectProblem(401, "session_invalid")
        // Whatever was wrong, nobody is told what.
        #expect(reply.json["detail"]?.string == "Log in to continue.", "\(name)")
        #expect(reply.header("WWW-Authenticate") == "Bearer")
    }

    private static let heads: [(String, Make)] = [
        ("no algorithm", { $0.under(#"{"alg":"none","typ":"JWT"}"#) { _ in [] } }),
        ("No algorithm, in capitals", { $0.under(#"{"alg":"NONE","typ":"JWT"}"#) { _ in [] } }),
        (
            "no algorithm, and the key's name",
            { $0.under(#"{"alg":"none","kid":"\#($0.key.kid)","typ":"JWT"}"#) { _ in [] } }
        ),
        (
            "no algorithm, and a signature",
            { forge in
                forge.under(#"{"alg":"none","kid":"\#(forge.key.kid)","typ":"JWT"}"#) {
                    forge.rightlySigned($0)
                }
            }
        ),
        ("HS256 with the public key", { hs256($0, $0.key.publicKey) }),
        (
            "HS256 with the public key's coordinates",
            { hs256($0, Array($0.key.publicKey.dropFirst())) }
        ),
        ("HS256 with the published key", { hs256($0, Array($0.publicJWK.utf8)) }),
        ("HS256 with nothing", { hs256($0, []) }),
        ("another algorithm by the right key", { resigned($0, "ES384", $0.key.kid) }),
        ("the algorithm in small letters", { resigned($0, "es256", $0.key.kid) }),
        ("a foreign key's name", { resigned($0, "ES256", SigningKey.generate().kid) }),
        ("a key's name that is a path", { resigned($0, "ES256", "../../../../dev/null") }),
        ("a key's name that is a query", { resigned($0, "ES256", "x' OR '1'='1") }),
        ("no key's name", { resigned($0, "ES256", "") }),
        (
            "a key of one's own in the header",
            { forge in
                let own = SigningKey.generate()
                let (x, y) = own.verifyingKey.coordinates
                let jwk = #"{"crv":"P-256","kty":"EC","x":"\#(x)","y":"\#(y)"}"#
                let header =
                    #"{"alg":"ES256","jwk":\#(jwk),"kid":"\#(forge.key.kid)","typ":"JWT"}"#
                return forge.under(header) { own.sign($0) }
            }
        ),
        (
            "a place to fetch the key from",
            { forge in
                let own = SigningKey.generate()
                let header =
                    #"{"alg":"ES256","jku":"https://example.org/jwks.json","kid":"\#(own.kid)","#
                    + #""typ":"JWT"}"#
                return forge.under(header) { own.sign($0) }
            }
        ),
        ("another type, rightly signed", { resigned($0, "ES256", $0.key.kid, "act-commitment") }),
    ]

    private static let claims: [(String, Make)] = [
        ("another's key", { $0.signed(with: SigningKey.generate()) }),
        ("expired", { $0.signed(issuedAt: -7200, expiresAt: -7200) }),
        ("expired this second", { $0.signed(issuedAt: -900, expiresAt: -900) }),
        ("from the future", { $0.signed(issuedAt: 3600, expiresAt: 3600) }),
        ("from a minute ahead", { $0.signed(issuedAt: 60) }),
        ("for another audience", { $0.signed(audience: "florin-staff") }),
        ("for programs", { $0.signed(audience: ClientTokenRules.audience) }),
        ("not good before tomorrow", { forge in extended(forge, #""nbf":\#(forge.tomorrow)"#) }),
        ("good since yesterday", { forge in extended(forge, #""nbf":1"#) }),
        ("for nobody", { $0.signed(audience: "") }),
        ("by another issuer", { $0.signed(issuer: "https://evil.example") }),
        ("of a session that never was", { $0.signed(session: Self.nobody) }),
        ("of no session", { $0.signed(session: "") }),
        ("of a session that is none", { $0.signed(session: "' OR 1=1 --") }),
        ("with a claim too many", { forge in extended(forge, #""admin":1"#) }),
        ("with the role twice", { forge in extended(forge, #""role":"admin""#) }),
    ]

    private static let spellings: [(String, Make)] = [
        ("no signature", { cut($0, parts: 2) + "." }), ("two parts", { cut($0, parts: 2) }),
        ("one part", { cut($0, parts: 1) }), ("four parts", { $0.token + ".AAAA" }),
        ("padded", { $0.token + "=" }), ("a byte more", { $0.token + "A" }),
        (
            "zeros for a signature",
            { cut($0, parts: 2) + "." + Base64URL.encode([UInt8](repeating: 0, count: 64)) }
        ),
        (
            "a role that was put in later",
            { forge in
                let parts = forge.token.split(separator: ".").map { String($0) }
                let payload = String(
                    decoding: Base64URL.decode(parts[1]) ?? [], as: UTF8.self
                ).replacing("customer", with: "admin")
                return "\(parts[0]).\(Base64URL.encode(Array(payload.utf8))).\(parts[2])"
            }
        ),
        ("twice as long as any", { $0.token + String(repeating: "A", count: 2048) }),
    ]

    private static let nobody = "01912d68-783e-7a03-8467-5661c1243ad4"

    private static func hs256(_ forge: Forge, _ secret: [UInt8]) -> String {
        forge.under(
            #"{"alg":"HS256","kid":"\#(forge.key.kid)","typ":"JWT"}"#,
            signedBy: Forge.hmac(secret))
    }

    private static func resigned(
        _ forge: Forge, _ algorithm: String, _ kid: String, _ type: String = "JWT"
    ) -> String {
        forge.under(#"{"alg":"\#(algorithm)","kid":"\#(kid)","typ":"\#(type)"}"#) {
            forge.rightlySigned($0)
        }
    }

    private static func extended(_ forge: Forge, _ claim: String) -> String {
        let payload = forge.claims.encoded().dropLast() + Array(",\(claim)}".utf8)
        return JWT.sign(payload: Array(payload), with: forge.key)
    }

    private static func cut(_ forge: Forge, parts: Int) -> String {
        forge.token.split(separator: ".").prefix(parts).joined(separator: ".")
    }

    /// Tokens stand in a header and nowhere else, and each kind opens its own door.
    @Test func aTokenInAnotherPlaceIsNone() async throws {
        let place = try await Self.place.value
        let (api, token) = (place.person.api, place.person.token)
        for query in ["access_token", "token", "authorization"] {
            try await api.refused(401, "session_invalid", .get, "/v1/me?\(query)=\(token)")
        }
        for header in [
            ("Authorization", "Basic " + token), ("Authorization", token),
            ("Authorization", "Bearer  " + token), ("X-Access-Token", token),
            ("Cookie", "access_token=\(token); session=\(token); florin=\(token)"),
        ] {
            let reply = try await api.reply(.get, "/v1/me", headers: [header])
            reply.expectProblem(401, "session_invalid")
        }
        try await api.refused(
            401, "session_invalid", .get, "/v1/me", token: place.person.refreshToken)
        try await api.refused(
            401, "refresh_token_invalid", .post, "/v1/sessions/refresh",
            ["refresh_token": .string(String(token.prefix(128)))])
    }
}
