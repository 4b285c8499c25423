import Cryptography
import HTTP
import TestSupport
import Testing
import Values

/// The second step of a log-in by other means than an SMS. The clock moves, so it is theirs alone.
@Suite("Second steps", .serialized, .timeLimit(.minutes(1)))
struct SecondStepTests {
    private static let origin = "https://wallet.example"
    private static let server = Task { try await World.own(["FLORIN_WEB_ORIGIN": origin]) }

    private var api: Api {
        get async throws { try await Self.server.value.api }
    }

    @Test func whoSetUpAnAppIsAskedEachTime() async throws {
        let (person, app) = try await personWithApp()
        for _ in 1...2 {
            let asked = try await asked(.logIn(person.username))
            #expect(asked["methods"] == ["totp", "recovery_code"])
            #expect(asked["sent_to"] == nil)
            try await person.api.refused(
                422, "method_not_available", .post, asked.challenge + "/codes")
            let code = try await app.nextCode()
            let session = try await person.api.expect(
                201, .post, asked.challenge + "/answers", .answer("totp", code))
            // The device was known before, and nobody is told of it again.
            #expect(session["device"] == nil)
            // A code opens once.
            let again = try await self.asked(.logIn(person.username))
            let problem = try await person.api.refused(
                422, "second_factor_incorrect", .post, again.challenge + "/answers",
                .answer("totp", code))
            #expect(problem["tries_left"]?.integer == 4)
        }
        #expect(
            try await person.api.messages(to: person.email)
                .allSatisfy { !$0.contains("new device") })
    }

    @Test func aRecoveryCodeOpensOnce() async throws {
        let (person, app) = try await personWithApp()
        let code = app.recoveryCodes[0].lowercased().replacing("-", with: " ")
        let asked = try await asked(.logIn(person.username, isNewDevice: true))
        let session = try await person.api.expect(
            201, .post, asked.challenge + "/answers", .answer("recovery_code", code))
        // Whoever logs in so is told on every channel, and the device is known from now on.
        #expect(session["device"]?.string?.isEmpty == false)
        let words = try await person.api.messages(to: person.email)
        #expect(words.contains { $0.contains("9 are left") })
        #expect(words.contains { $0.contains("new device") })
        let again = try await self.asked(.logIn(person.username))
        try await person.api.refused(
            422, "second_factor_incorrect", .post, again.challenge + "/answers",
            .answer("recovery_code", code))
    }

    @Test func anAppIsAskedForWhereNewDevicesAreNot() async throws {
        let server = try await World.own(["FLORIN_NEW_DEVICE_CODE": "off"])
        let (person, app) = try await personWithApp(at: server.api)
        let asked = try await asked(.logIn(person.username), at: server.api)
        _ = try await server.api.expect(
            201, .post, asked.challenge + "/answers", .answer("totp", try await app.nextCode()))
        try await server.stop()
    }

    @Test func aPasskeyAnswersInPlaceOfACode() async throws {
        let person = try await Person.signUp(try await api)
        let passkey = SoftPasskey(origin: Self.origin, domain: "wallet.example")
        try await person.addPasskey(passkey)
        let asked = try await asked(.logIn(person.username, isNewDevice: true))
        #expect(asked["methods"] == ["sms_code", "passkey"])
        #expect(asked["sent_to"] == nil)
        let sent = try await person.api.messages(to: person.phone).count
        let options = try await person.api.expect(
            201, .post, asked.challenge + "/passkey_challenges")
        // Another's passkey is no answer, nor is one that signed something else.
        let stranger = SoftPasskey(origin: Self.origin, domain: "wallet.example")
        try await person.api.refused(
            401, "passkey_unknown", .post, asked.challenge + "/answers",
            .answer(stranger.assertion(options)))
        try await person.api.refused(
            410, "passkey_challenge_expired", .post, asked.challenge + "/answers",
            .answer(passkey.assertion(options)))
        let fresh = try await person.api.expect(
            201, .post, asked.challenge + "/passkey_challenges")
        _ = try await person.api.expect(
            201, .post, asked.challenge + "/answers", .answer(passkey.assertion(fresh)))
        // A code would have been sent only for the asking; of the new device the person is told.
        #expect(try await person.api.messages(to: person.phone).count == sent + 1)
    }

    @Test func aCodeIsSentForTheAskingToWhoHasAPasskeyToo() async throws {
        let person = try await Person.signUp(try await api)
        try await person.addPasskey(
            SoftPasskey(origin: Self.origin, domain: "wallet.example"))
        let asked = try await asked(.logIn(person.username, isNewDevice: true))
        try await person.api.advanceClock(seconds: 61)
        _ = try await person.api.expect(202, .post, asked.challenge + "/codes")
        _ = try await person.api.expect(
            201, .post, asked.challenge + "/answers",
            .answer("sms_code", try await person.api.code(for: person.phone)))
    }

    @Test func aStepWithoutItsProofIsMalformed() async throws {
        let person = try await Person.signUp(try await api)
        let asked = try await asked(.logIn(person.username, isNewDevice: true))
        for body in [["method": "passkey", "code": "1"], ["method": "totp"]] as [JSON] {
            try await person.api.refused(
                400, "invalid_request", .post, asked.challenge + "/answers", body)
        }
        try await person.api.refused(
            422, "method_not_available", .post, asked.challenge + "/answers",
            .answer("totp", "123456"))
    }

    // MARK: Steps

    /// What the log-in was asked for.
    private func asked(_ body: JSON, at api: Api? = nil) async throws -> JSON {
        let server = if let api { api } else { try await self.api }
        return try await server.refused(401, "second_step_required", .post, "/v1/sessions", body)
    }

    private func personWithApp(at api: Api? = nil) async throws -> (Person, AuthenticatorApp) {
        let server = if let api { api } else { try await self.api }
        let person = try await Person.signUp(server)
        try await person.stepUpByPassword()
        let secret = try await person.post("/v1/totp")
        var app = AuthenticatorApp(
            api: server, secret: try #require(Base32.decode(secret["secret"]?.string ?? "")))
        let code = try await app.nextCode()
        let codes = try await person.post("/v1/totp/confirmations", ["code": .string(code)])
        app.recoveryCodes = codes["recovery_codes"]?.array?.compactMap(\.string) ?? []
        return (person, app)
    }
}

/// An app on the person's telephone, whose clock is the server's.
struct AuthenticatorApp: Sendable {
    let api: Api
    let secret: [UInt8]
    var recoveryCodes: [String] = []

    /// A code that was not shown before; without waiting, the one that is shown now.
    func nextCode(after seconds: Int64 = TOTP.stepSeconds) async throws -> String {
        let clock = try await api.expect(
            200, .post, "/sandbox/clock", ["advance_seconds": .integer(seconds)])
        let now = try #require(Timestamp(clock["now"]?.string ?? ""))
        return TOTP.code(secret, step: TOTP.step(atSecond: now.microseconds / 1_000_000))
    }
}

extension JSON {
    fileprivate var challenge: String {
        "/v1/session_challenges/\(self["challenge"]?.string ?? "")"
    }

    fileprivate static func answer(_ method: String, _ code: String) -> JSON {
        ["method": .string(method), "code": .string(code)]
    }

    fileprivate static func answer(_ assertion: JSON) -> JSON {
        ["method": "passkey", "assertion": assertion]
    }
}
