import Cryptography
import HTTP
import TestSupport
import Testing
import Values

/// Keys that sign access tokens, and tokens that are none. Clocks move, so servers are theirs.
@Suite("Signing keys", .serialized, .timeLimit(.minutes(1)))
struct SigningKeyTests {
    private static let jwks = "/.well-known/jwks.json"

    @Test func aNewKeySignsInEveryProcessAndTheOldOneVerifies() async throws {
        let pair = try await FlorinServer.pair(on: TestPostgres.database())
        let person = try await Person.signUp(pair[0].api)
        let old = try kid(of: person.token)
        #expect(try await kids(at: pair[0]) == [old])
        let new = try await rotate(pair[0])
        for server in pair {
            while try await kids(at: server) != [new, old] {}
            let session = try await server.api.logIn(person.username)
            let token = try #require(session["access_token"]?.string)
            #expect(try kid(of: token) == new)
            for server in pair {
                for token in [token, person.token] {
                    _ = try await server.api.expect(200, .get, "/v1/me", token: token)
                }
            }
        }
        // Six hours and a minute later no token of the old one can be good any more.
        try await pair[1].api.advanceClock(seconds: 6 * 3600 + 61)
        #expect(try await kids(at: pair[1]) == [new])
        for server in pair { try await server.stop() }
    }

    @Test func aKeyThatOthersSawStopsAtOnce() async throws {
        let pair = try await FlorinServer.pair(on: TestPostgres.database())
        let person = try await Person.signUp(pair[0].api)
        for server in pair {
            _ = try await server.api.expect(200, .get, "/v1/me", token: person.token)
        }
        let new = try await rotate(pair[0], isAtOnce: true)
        for server in pair {
            while try await server.api.reply(.get, "/v1/me", token: person.token).status == 200 {}
            try await server.api.refused(
                401, "session_invalid", .get, "/v1/me", token: person.token)
            #expect(try await kids(at: server) == [new])
        }
        // The session lives on with the next token.
        let next = try await pair[1].api.expect(
            201, .post, "/v1/sessions/refresh", ["refresh_token": .string(person.refreshToken)])
        for server in pair {
            let token = next["access_token"]?.string
            _ = try await server.api.expect(200, .get, "/v1/me", token: token)
        }
        for server in pair { try await server.stop() }
    }

    @Test func keysGrowOldByThemselves() async throws {
        let server = try await World.own(["FLORIN_SIGNING_KEY_DAYS": "1"])
        let old = try await kids(at: server)
        try await server.api.advanceClock(seconds: 86_400 + 3600)
        while try await kids(at: server) == old {}
        #expect(try await kids(at: server).contains(old[0]))
        try await server.stop()
    }

    @Test func whatOthersSignedIsRefused() async throws {
        let server = try await World.own()
        let person = try await Person.signUp(server.api)
        let parts = person.token.split(separator: ".").map(String.init)
        let key = try #require(
            try await server.api.expect(200, .get, Self.jwks)["keys"]?.array?.first)
        let kid = key["kid"]?.string ?? ""
        let stranger = SigningKey.generate()
        // Another's key under its own name and under ours.
        let foreign = "\(Self.header("ES256", stranger.kid)).\(parts[1])"
        let named = "\(parts[0]).\(parts[1])"
        var tokens = [foreign, named].map { text in
            "\(text).\(Base64URL.encode(stranger.sign(Array(text.utf8))))"
        }
        // The public key as a shared secret, in the forms in which libraries would take it.
        let point = try [4] + bytes(key, "x") + bytes(key, "y")
        for secret in [point, Array(key.encoded()), Array(kid.utf8)] {
            let text = "\(Self.header("HS256", kid)).\(parts[1])"
            let tag = Hash.hmacSHA256(key: secret, Array(text.utf8))
            tokens.append("\(text).\(Base64URL.encode(tag))")
        }
        for algorithm in ["none", "None", "NONE"] {
            tokens.append("\(Self.header(algorithm, kid)).\(parts[1]).")
            tokens.append("\(Self.header(algorithm, kid)).\(parts[1]).\(parts[2])")
        }
        for token in tokens {
            try await server.api.refused(401, "session_invalid", .get, "/v1/me", token: token)
        }
        _ = try await server.api.expect(200, .get, "/v1/me", token: person.token)
        try await server.stop()
    }

    @Test func tokensOfYesterdayAndTomorrowAreRefused() async throws {
        let pair = try await FlorinServer.pair(on: TestPostgres.database())
        let person = try await Person.signUp(pair[0].api)
        _ = try await pair[1].api.expect(200, .get, "/v1/me", token: person.token)
        // The other one's clock is a quarter of an hour ahead.
        try await pair[1].api.advanceClock(seconds: 901)
        try await pair[1].api.refused(401, "session_invalid", .get, "/v1/me", token: person.token)
        let next = try await pair[1].api.expect(
            201, .post, "/v1/sessions/refresh", ["refresh_token": .string(person.refreshToken)])
        let token = next["access_token"]?.string
        _ = try await pair[1].api.expect(200, .get, "/v1/me", token: token)
        try await pair[0].api.refused(401, "session_invalid", .get, "/v1/me", token: token)
        _ = try await pair[0].api.expect(200, .get, "/v1/me", token: person.token)
        for server in pair { try await server.stop() }
    }

    @Test func tokensLastSixHoursAtMost() async throws {
        let database = try await TestPostgres.database()
        let server = try await FlorinServer.start(
            database: database, ["FLORIN_SESSION_SECONDS": "21600"])
        let person = try await Person.signUp(server.api)
        #expect(try await server.api.logIn(person.username)["expires_in"]?.integer == 21_600)
        try await server.stop()
    }

    // MARK: Steps

    private func rotate(
        _ server: FlorinServer, isAtOnce: Bool = false
    ) async throws -> String {
        let command = "rotate-signing-keys"
        let (program, ending) =
            isAtOnce
            ? try await server.run(command, "--reason", "Seen by others.", "--at-once")
            : try await server.run(command, "--reason", "Yearly.")
        #expect(ending == .exited(0), "\(program.complaints)")
        // A thumbprint has 43 characters.
        let words = program.output.split(separator: " ")
        return String(try #require(words.first { $0.utf8.count == 43 }))
    }

    private func kids(at server: FlorinServer) async throws -> [String] {
        let set = try await server.api.expect(200, .get, Self.jwks)
        return set["keys"]?.array?.compactMap { $0["kid"]?.string } ?? []
    }

    private func kid(of token: String) throws -> String {
        let bytes = try #require(Base64URL.decode(token.prefix { $0 != "." }))
        return try JSON(parsing: bytes)["kid"]?.string ?? ""
    }

    private func bytes(_ key: JSON, _ name: String) throws -> [UInt8] {
        try #require(Base64URL.decode(key[name]?.string ?? ""))
    }

    private static func header(_ algorithm: String, _ kid: String) -> String {
        Base64URL.encode(Array(#"{"alg":"\#(algorithm)","kid":"\#(kid)","typ":"JWT"}"#.utf8))
    }
}
