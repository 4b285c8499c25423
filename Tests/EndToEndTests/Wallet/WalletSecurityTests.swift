import Cryptography
import HTTP
import TestSupport
import Testing

/// What guards a wallet, from the terminal.
@Suite("The terminal wallet's locks", .timeLimit(.minutes(1)))
struct WalletSecurityTests {
    @Test func aPinIsSetAskedForChangedAndReset() async throws {
        let api = try await World.api
        let (payer, payee) = (
            try await Person.signUp(api, money: 10_000_000), try await Person.signUp(api)
        )
        let shell = try await Shell.of(payer)
        let large = ["send", payee.username, "6000", "--yes"]
        let unset = try await shell.run(words: large)
        #expect(unset.code == 1 && unset.complaints.contains("florin wallet pin"))
        #expect(
            try await shell.done("pin", settings: ["FLORIN_NEW_PIN": PinTests.pin])
                == "The PIN is set.\n")
        let unasked = try await shell.run(words: large + ["--json"])
        #expect(unasked.complaints.contains(#""code":"pin_required""#))
        #expect(unasked.complaints.contains("FLORIN_PIN"))
        let wrong = try await shell.run(words: large, settings: ["FLORIN_PIN": "602841"])
        #expect(wrong.complaints.contains("more tries"))
        _ = try await shell.done(words: large, settings: ["FLORIN_PIN": PinTests.pin])
        #expect(try await payee.available() == 600_000)

        let other = "260597"
        let trivial = try await shell.refused(
            "pin", settings: ["FLORIN_PIN": PinTests.pin, "FLORIN_NEW_PIN": "123456"])
        #expect(trivial.contains("PIN"))
        try await shell.done(
            "pin", settings: ["FLORIN_PIN": PinTests.pin, "FLORIN_NEW_PIN": other])
        #expect(
            try await shell.refused(
                "pin", settings: ["FLORIN_PIN": PinTests.pin, "FLORIN_NEW_PIN": "514803"]
            ).contains("more tries"))

        let ordered = try await shell.done("pin", "reset")
        #expect(ordered.contains("Next: florin wallet pin reset --code CODE"))
        let code = try await api.code(for: payer.phone)
        #expect(
            try await shell.done(
                "pin", "reset", "--code", code, settings: ["FLORIN_NEW_PIN": PinTests.pin])
                == "The new PIN works now.\n")
    }

    @Test func aPasswordIsChangedAndReset() async throws {
        let api = try await World.api
        let person = try await Person.signUp(api)
        let shell = try await Shell.of(person)
        let (second, third) = ("a calm lake in May 1871", "nine green kettles sing")
        let weak = try await shell.refused(
            "password", settings: ["FLORIN_NEW_PASSWORD": "password1"])
        #expect(weak.contains("too easy to guess"))
        // Its owner has a PIN, so the password alone is not enough.
        try await person.setPin()
        #expect(
            try await shell.refused("password", settings: ["FLORIN_NEW_PASSWORD": second])
                .contains("FLORIN_PIN"))
        #expect(
            try await shell.done(
                "password",
                settings: ["FLORIN_NEW_PASSWORD": second, "FLORIN_PIN": PinTests.pin]
            ).contains("other sessions are over"))
        try await person.refused(401, "session_invalid", .get, "/v1/me")
        #expect(try await shell.done("whoami").contains(person.username))

        let ordered = try await shell.done("password", "reset", person.phone)
        #expect(ordered.contains("password reset \(person.phone) --code CODE"))
        let code = try await api.code(for: person.phone)
        try await shell.done(
            "password", "reset", person.phone, "--code", code,
            settings: ["FLORIN_NEW_PASSWORD": third])
        let over = try await shell.refused("whoami")
        #expect(over.contains("This session is over; log in again."))
        #expect(over.contains("Next: florin wallet log-in NAME"))
        _ = try await shell.run("log-in", person.username, settings: ["FLORIN_PASSWORD": third])
        try await shell.done(
            "log-in", person.username, "--code", try await api.code(for: person.phone),
            settings: ["FLORIN_PASSWORD": third])
    }

    @Test func anAuthenticatorAppIsSetUpUsedAndRemoved() async throws {
        let server = try await World.own()
        let person = try await Person.signUp(server.api)
        let shell = try await Shell.of(person)
        #expect(try await shell.done("app").contains("Next: florin wallet app set-up"))
        let secret = try await shell.run("app", "set-up", "--json").json
        let uri = secret?["uri"]?.string ?? ""
        #expect(uri.hasPrefix("otpauth://totp/"))
        let app = AuthenticatorApp(
            api: server.api,
            secret: try #require(Base32.decode(secret?["secret"]?.string ?? "")))
        #expect(try await shell.refused("app", "confirm", "000000").contains("wrong"))
        let told = try await shell.done("app", "confirm", try await app.nextCode())
        let codes = told.split(separator: "\n").filter { $0.hasPrefix("  ") }
            .map { $0.trimmingPrefix("  ") }
        #expect(codes.count == 10)
        #expect(try await shell.done("app").contains("10 recovery codes are left"))

        try await shell.done("log-out")
        let asked = try await shell.refused("log-in", person.username)
        #expect(asked.contains("authenticator app") && asked.contains("--code CODE"))
        try await shell.done("log-in", person.username, "--code", try await app.nextCode())
        try await shell.done("log-in", person.username, "--code", String(codes[0]).lowercased())
        #expect(try await shell.done("app").contains("9 recovery codes are left"))
        let renewed = try await shell.done("app", "codes", "--code", try await app.nextCode())
        #expect(renewed.contains("take the place of the recovery codes before"))
        #expect(try await shell.refused("app", "remove", "--code", "000000").contains("wrong"))
        try await shell.done("app", "remove", "--code", try await app.nextCode())
        #expect(try await shell.done("app").contains("No authenticator app"))
        try await server.stop()
    }

    @Test func passkeysAreListedNamedAndRemoved() async throws {
        let origin = "https://wallet.example"
        let server = try await World.own(["FLORIN_WEB_ORIGIN": origin])
        let person = try await Person.signUp(server.api)
        let shell = try await Shell.of(person)
        #expect(try await shell.done("passkeys").contains("Only a browser makes passkeys"))
        try await person.addPasskey(SoftPasskey(origin: origin, domain: "wallet.example"))
        let passkey = try await shell.run("passkeys", "--json").json?.rows.first
        let id = try #require(passkey?.id)
        #expect(try await shell.done("passkeys", "name", id, "Ring").contains("called Ring"))
        #expect(try await shell.done("passkeys").contains("Ring"))
        // All that its owner can show is the passkey itself, and a terminal cannot ask for it.
        let refused = try await shell.refused("passkeys", "remove", id)
        #expect(refused.contains("only a browser can ask"))
        let pin = try await shell.refused("pin", settings: ["FLORIN_NEW_PIN": PinTests.pin])
        #expect(pin.contains("only a browser can ask"))
        try await server.stop()
    }

    @Test func sessionsAreNamedAndEnded() async throws {
        let server = try await World.own()
        let person = try await Person.signUp(server.api)
        let here = try await Shell.of(person)
        // A code is sent once a minute at most.
        try await server.api.advanceClock(seconds: 61)
        let there = try await Shell.of(person)
        let rows = try await here.run("sessions", "--json").json?.rows ?? []
        #expect(rows.count == 3)
        let current = rows.first { $0["is_current"]?.bool == true }?.id ?? ""
        #expect(
            try await here.done("sessions", "name", current, "Kitchen").contains("Kitchen"))
        let listed = try await here.done("devices")
        #expect(listed.contains("Kitchen") && listed.contains("this one"))
        let own = try await there.run("sessions", "--json").json?.rows
            .first { $0["is_current"]?.bool == true }
        #expect(try await here.done("sessions", "end", own?.id ?? "").contains("It is over"))
        #expect(try await there.refused("balance").contains("log-in NAME"))
        #expect(try await here.done("sessions", "end-others") == "The other one is over.\n")
        try await person.refused(401, "session_invalid", .get, "/v1/me")
        let gone = try await here.refused("sessions", "end", own?.id ?? "")
        #expect(gone.contains("no such session") && gone.contains("Next: florin wallet sessions"))
        let acts = try await here.done("activity")
        #expect(acts.contains("session revoked") && acts.contains("session renamed"))
        try await server.stop()
    }

    @Test func leavingEndsAStrictLogIn() async throws {
        let person = try await Person.signUp(try await World.api)
        let shell = try await Shell.of(person)
        #expect(try await shell.done("strict").contains("Strict mode is off"))
        #expect(try await shell.done("strict", "on").contains("Strict mode is on"))
        let entered = try await shell.done("log-in", person.username)
        #expect(entered.contains("This log-in is strict"))
        #expect(try await shell.run("sessions", "--json").output.contains(#""mode":"strict""#))

        // Not even who has copied the file comes in again.
        let copy = shell.folder.path + "/copy.json"
        let kept = try #require(shell.contents)
        try Shell.write(kept, copy)
        #expect(try await shell.done("leave").contains("the session is over"))
        #expect(try await shell.refused("balance").contains("Log in first"))
        let stolen = try await shell.refused("balance", settings: ["FLORIN_WALLET": copy])
        #expect(stolen.contains("This session is over; log in again."))
        #expect(try await shell.done("leave", settings: ["FLORIN_WALLET": copy]).contains("over"))
        // Coming back takes the password, and no code: the terminal is known.
        try await shell.done("log-in", person.username)
        #expect(try await shell.done("strict", "off").contains("Strict mode is off"))
        #expect(
            try await shell.done("log-in", person.username, "--strict").contains("is strict"))
    }
}
