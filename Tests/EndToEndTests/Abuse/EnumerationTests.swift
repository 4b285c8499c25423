import HTTP
import TestSupport
import Testing

/// Finding out who has a wallet, from what is answered and from how long it takes.
@Suite("Abuse: who has a wallet", .serialized, .timeLimit(.minutes(2)))
struct EnumerationTests {
    /// Hashing costs enough here that leaving it out could not hide among the rest.
    private static let server = Task {
        try await World.own(["FLORIN_ARGON2_MEMORY_KIB": "8192", "FLORIN_ARGON2_PASSES": "2"])
    }
    private static let pairs = 48

    @Test func answersAreTheSameToTheLetter() async throws {
        let api = try await Self.server.value.api
        let (person, stranger) = (try await Person.signUp(api), Person.Names())
        // The code that a sign-up sends is long gone, so nothing is left of it to wait for.
        try await api.advanceClock(seconds: 2 * 3600)
        for (path, field) in [
            ("/v1/sessions", "login"), ("/v1/password_resets", "to"), ("/v1/phone_codes", "phone"),
            ("/v1/phone_verifications", "phone"), ("/v1/password_resets/completions", "to"),
        ] {
            for (known, unknown) in [
                (person.phone, stranger.phone), (person.email, stranger.email),
            ]
            where field != "phone" || known.hasPrefix("+") {
                let replies = [
                    try await api.reply(.post, path, Self.body(path, field, known)),
                    try await api.reply(.post, path, Self.body(path, field, unknown)),
                ]
                #expect(replies[0].status == replies[1].status, "\(path)")
                #expect(
                    replies[0].text.withoutRequestID == replies[1].text.withoutRequestID,
                    "\(path): \(replies[0].text) \(replies[1].text)")
                #expect(replies[0].header("Content-Length") == replies[1].header("Content-Length"))
            }
        }
        #expect(try await api.messages(to: stranger.phone).isEmpty)
        #expect(try await api.messages(to: stranger.email).isEmpty)
    }

    private static func body(_ path: String, _ field: String, _ value: String) -> JSON {
        let name = JSON.string(value)
        switch path {
        case "/v1/sessions": return ["login": name, "password": "not the password"]
        case "/v1/phone_verifications": return ["phone": name, "code": "no code"]
        case "/v1/password_resets/completions":
            return ["to": name, "code": "no code", "new_password": "another slow boat in May"]
        default: return .object(JSONObject([(field, name)]))
        }
    }

    /// Wrong passwords of people and of strangers, in turn, compared by rank. A machine that is
    /// busy makes all of them slow, and changes the ranks of neither.
    @Test func timeDoesNotTellAtTheLogIn() async throws {
        let api = try await Self.server.value.api
        let people = try await together(Self.pairs / 4) { _ in try await Person.signUp(api) }
        let strangers = people.map { _ in Person.Names() }
        let (known, unknown) = try await Self.inTurn { turn in
            try await Self.time {
                try await api.refused(
                    401, "credentials_invalid", .post, "/v1/sessions",
                    .logIn(people[turn / 4].username, "wrong"))
            }
        } and: { turn in
            try await Self.time {
                try await api.refused(
                    401, "credentials_invalid", .post, "/v1/sessions",
                    .logIn(strangers[turn / 4].username, "wrong"))
            }
        }
        Self.expectAlike(known, unknown)
    }

    @Test func timeDoesNotTellWhereCodesAreAskedFor() async throws {
        let api = try await Self.server.value.api
        let people = try await together(Self.pairs) { _ in try await Person.signUp(api) }
        let strangers = people.map { _ in Person.Names() }
        let (known, unknown) = try await Self.inTurn { turn in
            try await Self.time {
                _ = try await api.expect(
                    202, .post, "/v1/password_resets", ["to": .string(people[turn].phone)])
            }
        } and: { turn in
            try await Self.time {
                _ = try await api.expect(
                    202, .post, "/v1/password_resets", ["to": .string(strangers[turn].phone)])
            }
        }
        Self.expectAlike(known, unknown)
    }

    /// The comparison sees a hash that was not made: a log-in that is refused before it.
    @Test func timeWouldTell() async throws {
        let api = try await Self.server.value.api
        let people = try await together(Self.pairs / 4) { _ in try await Person.signUp(api) }
        let (hashed, refused) = try await Self.inTurn { turn in
            try await Self.time {
                try await api.refused(
                    401, "credentials_invalid", .post, "/v1/sessions",
                    .logIn(people[turn / 4].username, "wrong"))
            }
        } and: { _ in
            try await Self.time {
                try await api.refused(
                    400, "invalid_request", .post, "/v1/sessions", .logIn("", "wrong"))
            }
        }
        let score = RankTest.score(hashed, refused)
        #expect(score > Self.scoreMax, "\(score)")
    }

    /// Standard deviations. By chance alone it is passed once in a million runs.
    private static let scoreMax = 5.0

    private static func expectAlike(_ known: [Duration], _ unknown: [Duration]) {
        let score = RankTest.score(known, unknown)
        #expect(
            abs(score) < scoreMax,
            "\(score): people \(RankTest.median(known)), strangers \(RankTest.median(unknown))")
    }

    private static func inTurn(
        _ one: (Int) async throws -> Duration, and other: (Int) async throws -> Duration
    ) async throws -> ([Duration], [Duration]) {
        var (first, second): ([Duration], [Duration]) = ([], [])
        for turn in 0..<pairs {
            // One first, then the other first, so that going second is nobody's.
            if turn % 2 == 0 { first.append(try await one(turn)) }
            second.append(try await other(turn))
            if turn % 2 == 1 { first.append(try await one(turn)) }
        }
        return (first, second)
    }

    private static func time(_ body: () async throws -> Void) async throws -> Duration {
        let start = ContinuousClock.now
        try await body()
        return ContinuousClock.now - start
    }
}

/// Whether two samples are of one distribution: the rank sum of Mann and Whitney (1947), which asks
/// nothing of its shape and hears nothing of single slow ones.
enum RankTest {
    /// How far the first is above the second, in standard deviations of what chance would give.
    static func score(_ first: [Duration], _ second: [Duration]) -> Double {
        var wins = 0.0
        for one in first {
            for other in second { wins += one > other ? 1 : one == other ? 0.5 : 0 }
        }
        let (n, m) = (Double(first.count), Double(second.count))
        return (wins - n * m / 2) / (n * m * (n + m + 1) / 12).squareRoot()
    }

    static func median(_ sample: [Duration]) -> Duration {
        sample.sorted()[sample.count / 2]
    }
}

@Suite struct RankTestTests {
    @Test func theSameIsTheSameAndAnotherIsAnother() {
        var random = SplitMix64(seed: 7)
        func sample(from start: Int) -> [Duration] {
            (0..<48).map { _ in .microseconds(start + Int.random(in: 0..<1000, using: &random)) }
        }
        #expect(abs(RankTest.score(sample(from: 0), sample(from: 0))) < 3)
        #expect(RankTest.score(sample(from: 700), sample(from: 0)) > 5)
        #expect(RankTest.score(sample(from: 0), sample(from: 700)) < -5)
        #expect(RankTest.score([.seconds(1)], [.seconds(1)]) == 0)
    }
}
