import Cryptography
import Glibc
import HTTP
import TestSupport
import Testing

/// Guesses at passwords, codes and PINs, from one address and from many.
@Suite("Abuse: guessing", .timeLimit(.minutes(1)))
struct GuessingTests {
    /// The tests' own address is a proxy's, so that each request can come from anywhere.
    private static let proxied = ["FLORIN_TRUSTED_PROXIES": "127.0.0.1"]
    private static let server = Task { try await World.own(proxied) }

    private var api: Api {
        get async throws { try await Self.server.value.api }
    }

    // MARK: Passwords

    @Test func aListOfPasswordsFromElsewhereIsTriedFromOneAddressForSoLong() async throws {
        let limits = "address=1000000/1,address.authentication=40/3600"
        let server = try await World.own(
            Self.proxied.merging(["FLORIN_RATE_LIMITS": limits]) { $1 })
        let victim = try await Person.signUp(server.api)
        for number in 0..<40 {
            let login = number % 20 == 0 ? victim.username : "leaked-\(number)"
            let reply = try await server.api.guess(
                login, "password \(number)", from: "198.51.100.7")
            reply.expectProblem(401, "credentials_invalid")
        }
        // Now nothing more is even looked at, right or wrong.
        for password in ["password 41", Person.password] {
            let reply = try await server.api.guess(victim.username, password, from: "198.51.100.7")
            reply.expectProblem(429, "rate_limited")
            #expect(reply.json["scope"]?.string == "address")
        }
        // The owner comes from elsewhere and notices nothing.
        let reply = try await server.api.guess(
            victim.username, Person.password, from: "203.0.113.9")
        #expect(reply.status == 201, "\(reply.text)")
    }

    @Test func anIPv6NetworkIsOneAddress() async throws {
        let limits = "address=1000000/1,address.authentication=10/3600"
        let server = try await World.own(
            Self.proxied.merging(["FLORIN_RATE_LIMITS": limits]) { $1 })
        for number in 0..<10 {
            let reply = try await server.api.guess(
                "leaked-\(number)", "wrong", from: "2001:db8:1:2::\(number + 1)")
            reply.expectProblem(401, "credentials_invalid")
        }
        let same = try await server.api.guess("leaked-11", "wrong", from: "2001:db8:1:2:ffff::1")
        same.expectProblem(429, "rate_limited")
        let other = try await server.api.guess("leaked-11", "wrong", from: "2001:db8:1:3::1")
        other.expectProblem(401, "credentials_invalid")
    }

    @Test func manyAddressesGuessNoMoreThanOne() async throws {
        let person = try await Person.signUp(api)
        for number in 0..<5 {
            let reply = try await person.api.guess(
                person.username, "wrong \(number)", from: "198.51.100.\(number)")
            reply.expectProblem(401, "credentials_invalid")
        }
        for login in [person.username, person.phone, person.email.uppercased()] {
            let reply = try await person.api.guess(login, Person.password, from: "192.0.2.77")
            reply.expectProblem(429, "too_many_attempts")
            #expect((1...30).contains(reply.json["retry_after"]?.integer ?? 0))
        }
        // Locking out is no way to harm who is in already.
        _ = try await person.get("/v1/me")
    }

    @Test func nobodyChoosesTheAddressThatTheyAreCountedBy() async throws {
        let limits = "address=1000000/1,address.authentication=3/3600"
        let server = try await World.own([
            "FLORIN_RATE_LIMITS": limits, "FLORIN_TRUSTED_PROXIES": "10.0.0.0/8",
        ])
        for number in 0..<3 {
            let reply = try await server.api.guess("x-\(number)", "y", from: "192.0.2.\(number)")
            reply.expectProblem(401, "credentials_invalid")
        }
        let reply = try await server.api.guess("x-4", "y", from: "192.0.2.200")
        reply.expectProblem(429, "rate_limited")
    }

    // MARK: Codes

    @Test func aCodeIsGuessedAtFiveTimesFromWhereverTheyCome() async throws {
        let (api, names) = (try await api, Person.Names())
        _ = try await api.expect(201, .post, "/v1/users", names.signUp)
        let code = try await api.code(for: names.phone)
        for number in 0..<5 {
            let reply = try await api.reply(
                .post, "/v1/phone_verifications",
                ["phone": .string(names.phone), "code": .string(Self.another(code, number))],
                headers: [("X-Forwarded-For", "198.51.100.\(number)")])
            reply.expectProblem(422, "code_incorrect")
            #expect(reply.json["tries_left"]?.integer == Int64(4 - number))
        }
        let late = try await api.reply(
            .post, "/v1/phone_verifications",
            ["phone": .string(names.phone), "code": .string(code)],
            headers: [("X-Forwarded-For", "192.0.2.1")])
        late.expectProblem(429, "too_many_attempts")
        // Nor is a new one had at once by asking from elsewhere.
        let more = try await api.reply(
            .post, "/v1/phone_codes", ["phone": .string(names.phone)],
            headers: [("X-Forwarded-For", "192.0.2.2")])
        more.expectProblem(429, "too_many_attempts")
    }

    @Test func aCodeForOneThingIsNoneForAnother() async throws {
        let person = try await Person.signUp(api)
        _ = try await person.api.expect(
            202, .post, "/v1/password_resets", ["to": .string(person.phone)])
        let code = try await person.api.code(for: person.phone)
        try await person.refused(
            410, "code_expired", .post, "/v1/me/pin_resets/completions",
            [
                "pin": "739104", "code": .string(code), "password": .string(Person.password),
            ])
        // It was not used up by that.
        let reply = try await person.api.reply(
            .post, "/v1/password_resets/completions",
            [
                "to": .string(person.phone), "code": .string(code),
                "new_password": "another slow boat in May",
            ])
        #expect(reply.status == 204, "\(reply.text)")
    }

    /// A code that is wrong, another one for each number.
    private static func another(_ code: String, _ number: Int) -> String {
        let wrong = (Int(code)! + 1 + number) % 1_000_000
        let digits = String(wrong)
        return String(repeating: "0", count: 6 - digits.count) + digits
    }

    // MARK: PIN and authenticator

    @Test func aPinIsGuessedAtFiveTimesInAllSessionsTogether() async throws {
        let person = try await Person.signUp(api, money: 10_000_000)
        let friend = try await Person.signUp(api)
        try await person.setPin(PinTests.pin)
        let stepUps = "/v1/sessions/current/step_ups"
        let elsewhere = try await person.api.logIn(person.username)["access_token"]?.string
        let guesses = ["260597", "840512", "471930", "925048", "608253"]
        for (number, guess) in guesses.enumerated() {
            let reply =
                number % 2 == 0
                ? try await person.api.reply(
                    .post, stepUps, ["pin": .string(guess)], token: elsewhere)
                : try await person.pay(500_000, friend, pin: guess)
            reply.expectProblem(403, "pin_incorrect")
            #expect(reply.json["tries_left"]?.integer == Int64(4 - number))
        }
        for token in [person.token, elsewhere] {
            try await person.api.refused(
                429, "too_many_attempts", .post, stepUps, ["pin": .string(PinTests.pin)],
                token: token)
        }
        let payment = try await person.pay(500_000, friend, pin: PinTests.pin)
        payment.expectProblem(429, "too_many_attempts")
        let wallets = try await friend.get("/v1/wallets").rows
        #expect(wallets.allSatisfy { $0["available"]?.integer == 0 })
    }

    @Test func anAuthenticatorIsGuessedAtFiveTimesAndACodeIsGoodOnce() async throws {
        let person = try await Person.signUp(api)
        try await person.stepUpByPassword()
        let made = try await person.post("/v1/totp")
        let secret = try #require(made["secret"]?.string.flatMap { Base32.decode($0) })
        let now = TOTP.step(atSecond: Int64(time(nil)))
        let code = TOTP.code(secret, step: now)
        _ = try await person.post("/v1/totp/confirmations", ["code": .string(code)])
        // The code that set it up shows nothing any more, nor does the one before it.
        for used in [code, TOTP.code(secret, step: now - 1)] {
            try await person.refused(
                422, "second_factor_incorrect", .post, "/v1/recovery_codes",
                ["method": "totp", "code": .string(used)])
        }
        // Of the one that was good once, its owner hears; `StaffFactorTests` looks into the log.
        let told = try await person.api.messages(to: person.phone)
        #expect(told.count { $0.contains("entered again") } == 1)
        for left in [2, 1, 0] as [Int64] {
            let problem = try await person.refused(
                422, "second_factor_incorrect", .post, "/v1/recovery_codes",
                ["method": "totp", "code": "000000"])
            #expect(problem["tries_left"]?.integer == left)
        }
        let right = TOTP.code(secret, step: TOTP.step(atSecond: Int64(time(nil))) + 1)
        try await person.refused(
            429, "too_many_attempts", .post, "/v1/recovery_codes",
            ["method": "totp", "code": .string(right)])
    }
}

extension Api {
    /// A log-in that a proxy says comes from that address.
    func guess(_ login: String, _ password: String, from address: String) async throws -> Reply {
        try await reply(
            .post, "/v1/sessions", .logIn(login, password),
            headers: [("X-Forwarded-For", address)])
    }
}
