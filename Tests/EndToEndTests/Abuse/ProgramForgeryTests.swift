import HTTP
import Postgres
import TestSupport
import Testing
import Values

@testable import Cryptography
@testable import Identity

/// Tokens of programs that nobody gave out. Those of people are forged in `TokenForgeryTests`.
@Suite("Abuse: forged tokens of programs", .timeLimit(.minutes(1)))
struct ProgramForgeryTests {
    private struct Place {
        let api: Api
        let key: SigningKey
        /// What the server itself gave a program, and what it says.
        let token: String
        let claims: ClientJWT.Claims

        /// Signed as the server signs, with something else said.
        func signed(
            client: String? = nil, secret: String? = nil, scopes: [String]? = nil,
            later seconds: Int64 = 0, issuer: String? = nil, audience: String? = nil,
            with other: SigningKey? = nil
        ) -> String {
            let changed = ClientJWT.Claims(
                id: claims.id, client: client ?? claims.client, secret: secret ?? claims.secret,
                scopes: scopes ?? claims.scopes, issuedAt: claims.issuedAt.adding(seconds: seconds),
                expiresAt: claims.expiresAt.adding(seconds: seconds),
                issuer: issuer ?? claims.issuer, audience: audience ?? claims.audience)
            return ClientJWT.sign(changed, with: other ?? key)
        }

        /// The claims with another one behind them.
        func extended(_ claim: String) -> String {
            let payload = claims.encoded().dropLast() + Array(",\(claim)}".utf8)
            return JWS.sign(Array(payload), type: ClientJWT.type, with: key)
        }

        /// The same claims under another header.
        func under(_ header: String, signedBy sign: ([UInt8]) -> [UInt8]) -> String {
            let text = Base64URL.encode(Array(header.utf8)) + "." + token.split(separator: ".")[1]
            return text + "." + Base64URL.encode(sign(Array(text.utf8)))
        }
    }

    private static let place = Task {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(
            database: database, ["FLORIN_MASTER_KEY": Forge.master])
        let merchant = try await Person.signUp(server.api)
        try database.connection().execute(
            "UPDATE identity.users SET role = 'merchant' WHERE username = \(merchant.username)")
        try await merchant.stepUpByPassword()
        let made = try await merchant.post("/v1/api_keys", .key(scopes: ["wallets:read"]))
        let given = try await server.api.form(
            "/oauth/token",
            "grant_type=client_credentials&client_id=\(made.id)"
                + "&client_secret=\(made["key"]?.string ?? "")")
        let token = try #require(given.json["access_token"]?.string)
        let payload = try #require(Base64URL.decode(String(token.split(separator: ".")[1])))
        return Place(
            api: server.api, key: try await Forge.signingKey(of: database), token: token,
            claims: try #require(ClientJWT.Claims(encoded: payload)))
    }

    /// Without this, all that follow could be refused for some mistake of the forger's.
    @Test func whoeverHasTheServersKeyIsBelieved() async throws {
        let place = try await Self.place.value
        let token = place.signed(later: -1)
        #expect(token != place.token)
        _ = try await place.api.expect(200, .get, "/v1/wallets", token: token)
    }

    private typealias Make = @Sendable (Place) -> String

    /// Whatever was wrong, the words are those of RFC 6750 and say no more.
    @Test(arguments: claims.map(\.0) + heads.map(\.0))
    func anythingElseIsRefused(_ name: String) async throws {
        let make = try #require((Self.claims + Self.heads).first { $0.0 == name }).1
        let place = try await Self.place.value
        let reply = try await place.api.reply(.get, "/v1/wallets", token: make(place))
        #expect(reply.status == 401, "\(reply.text)")
        #expect(reply.code == "session_invalid")
        #expect(reply.json["detail"]?.string == "Log in to continue.")
        #expect(reply.header("WWW-Authenticate") == #"Bearer error="invalid_token""#)
    }

    private static let claims: [(String, Make)] = [
        ("another's key", { $0.signed(with: SigningKey.generate()) }),
        ("expired", { $0.signed(later: -7200) }),
        ("expired this second", { $0.signed(later: -600) }),
        ("from the future", { $0.signed(later: 3600) }),
        ("from a minute ahead", { $0.signed(later: 60) }),
        ("not good before tomorrow", { $0.extended(#""nbf":4102444800"#) }),
        ("for another audience", { $0.signed(audience: "florin-staff") }),
        ("for people", { $0.signed(audience: TokenMint.audience) }),
        ("for nobody", { $0.signed(audience: "") }),
        ("by another issuer", { $0.signed(issuer: "https://evil.example") }),
        ("by the issuer of people's tokens", { $0.signed(issuer: TokenMint.issuer) }),
        ("of a client that never was", { $0.signed(client: nobody) }),
        ("of no client", { $0.signed(client: "' OR 1=1 --") }),
        ("for another secret", { $0.signed(secret: "0000") }),
        ("with a claim too many", { $0.extended(#""admin":1"#) }),
        ("with the scope twice", { $0.extended(#""scope":"transfers:write""#) }),
    ]

    private static let heads: [(String, Make)] = [
        ("no algorithm", { $0.under(#"{"alg":"none","typ":"at+jwt"}"#) { _ in [] } }),
        (
            "no algorithm, and a signature",
            { place in
                place.under(#"{"alg":"none","kid":"\#(place.key.kid)","typ":"at+jwt"}"#) {
                    place.key.sign($0)
                }
            }
        ),
        (
            "HS256 with the public key",
            { place in
                place.under(
                    #"{"alg":"HS256","kid":"\#(place.key.kid)","typ":"at+jwt"}"#,
                    signedBy: Forge.hmac(place.key.publicKey))
            }
        ),
        (
            "a foreign key's name",
            { place in
                place.under(
                    #"{"alg":"ES256","kid":"\#(SigningKey.generate().kid)","typ":"at+jwt"}"#
                ) { place.key.sign($0) }
            }
        ),
    ]

    private static let nobody = "01912d68-783e-7a03-8467-5661c1243ad4"

    /// A scope in the token is not one of the key.
    @Test func aScopeThatTheKeyHasNotIsNotGained() async throws {
        let place = try await Self.place.value
        let reply = try await place.api.reply(
            .post, "/v1/transfers", .send(1, to: "somebody"),
            token: place.signed(scopes: ["wallets:read", "transfers:write"]), key: Api.newKey())
        #expect(reply.status == 403)
        #expect(reply.code == "insufficient_scope")
    }
}
