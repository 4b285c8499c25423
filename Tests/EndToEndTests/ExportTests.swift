import FoundationEssentials
import HTTP
import Postgres
import TestSupport
import Testing

@Suite("A copy of everything", .timeLimit(.minutes(2)))
struct ExportTests {
    @Test func holdsWhatAPersonDidAndWhoTheyAre() async throws {
        let api = try await World.api
        let (person, friend) = (
            try await Person.signUp(api, money: 100_000), try await Person.signUp(api)
        )
        _ = try await person.api.expect(
            200, .patch, "/v1/me", ["full_name": "Wanjirũ Kamau", "birth_date": "1987-06-05"],
            token: person.token)
        _ = try await person.post(
            "/v1/transfers", .send(500, to: friend.username, note: "For the tea"))
        try await friend.send(100, to: person)
        let asked: JSON = ["from": .string(friend.username), "amount": 7, "currency": "KES"]
        _ = try await person.post("/v1/requests", asked)
        try await person.stepUpByPassword()
        _ = try await person.post("/v1/totp")

        let copy = try await person.post(
            "/v1/me/exports", Person.proof, status: 200)
        #expect(copy["format"]?.string == "florin-export-1")
        #expect(copy[at: "person", "phone"]?.string == person.phone)
        #expect(copy[at: "person", "full_name"]?.string == "Wanjirũ Kamau")
        #expect(copy[at: "person", "birth_date"]?.string == "1987-06-05")
        #expect(copy["sessions"]?.array?.count == 1)
        #expect(copy["authenticator_apps"]?.array?.count == 1)
        #expect(copy["limits"]?.array?.count == 1)
        #expect(copy["requests"]?.array?.map { $0["direction"]?.string } == ["asked"])
        let acts = copy["acts"]?.array?.compactMap { $0["kind"]?.string } ?? []
        #expect(acts.first == "data_exported" && acts.last == "signed_up")

        let payments = copy["payments"]?.array ?? []
        #expect(payments.map { $0["amount"]?.integer } == [100, 500, 100_000])
        #expect(payments[0]["from"]?.string == friend.username)
        #expect(payments[0]["to"]?.string == person.username)
        #expect(payments[1]["to"]?.string == friend.username)
        #expect(payments[1]["note"]?.string == "For the tea")
        // Not a word about the other side but the public name, and no secret.
        let text = String(decoding: copy.encoded(), as: UTF8.self)
        for other in [friend.phone, friend.email, friend.id] { #expect(!text.contains(other)) }
        for secret in [Person.password, person.token, person.refreshToken, "argon2"] {
            #expect(!text.contains(secret))
        }
    }

    @Test func holdsThePapersThatWereSentIn() async throws {
        let person = try await Person.signUp(try await World.api)
        let sent = try await person.sendDocuments(.kycForm(number: "A 7654-321"))
        // Of the largest that are taken, so that it does not fit into what is held at once.
        let large = Photograph.png(bytes: 2 * 1024 * 1024 - 1024)
        #expect(try await person.sendImage("front", large).status == 200)
        let copy = try await person.post("/v1/me/exports", Person.proof, status: 200)
        let submission = try #require(copy["kyc_submissions"]?[0])
        #expect(submission.id == sent.id && submission["state"]?.string == "submitted")
        let number = submission[at: "details", "document", "number"] ?? submission["details"]
        #expect(number.map { "\($0)" }?.contains("A 7654-321") == true)
        let images = copy["kyc_images"]?.array ?? []
        #expect(images.map { $0["side"]?.string } == ["front", "back", "face", "front"])
        #expect(images.last?["base64"]?.string == Data(large).base64EncodedString())
        #expect(images[0]["base64"]?.string == Data(Photograph.jpeg()).base64EncodedString())
    }

    /// Who has somebody's session, and not their telephone, must not read codes in a copy.
    @Test func withholdsTheTextOfNewMessages() async throws {
        let server = try await World.own()
        let person = try await Person.signUp(server.api)
        let young = try await person.post(
            "/v1/me/exports", Person.proof, status: 200)
        let messages = try #require(young["messages"]?.array)
        #expect(messages.count >= 1 && messages.allSatisfy { $0["body"] == nil })
        let to = Set(messages.compactMap { $0["to"]?.string })
        #expect(to == [person.phone, person.email])

        try await server.api.advanceClock(seconds: 3_700)
        let token = try await server.api.logIn(person.username)["access_token"]?.string
        let old = try await server.api.expect(
            200, .post, "/v1/me/exports", Person.proof, token: token)
        let bodies = old["messages"]?.array?.compactMap { $0["body"]?.string } ?? []
        #expect(bodies.contains { $0.contains("Your Florin code is") })
    }

    /// Some hundred lines take several pages of every part, none twice and none left out.
    @Test func goesThroughALongLifePageByPage() async throws {
        let api = try await World.api
        let (person, friend) = (
            try await Person.signUp(api, money: 200_000), try await Person.signUp(api)
        )
        try await person.topUp(1_000, "USD")
        let many = JSON.array(
            (1...450).map { ["to": .string(friend.username), "amount": .integer($0)] })
        _ = try await person.post(
            "/v1/transfer_batches", ["mode": "independent", "transfers": many], status: 200)
        let copy = try await person.post(
            "/v1/me/exports", Person.proof, status: 200)
        let payments = copy["payments"]?.array ?? []
        #expect(payments.count == 452)
        #expect(Set(payments.map(\.id)).count == 452)
        #expect(Set(payments.map { $0["currency"]?.string }) == ["KES", "USD"])
        #expect(copy["transfer_batches"]?.array?.count == 1)
        #expect(copy["wallets"]?.array?.count == 2)
    }

    @Test func isTakenAFewTimesADayAndTold() async throws {
        let server = try await World.own()
        let person = try await Person.signUp(server.api)
        for _ in 1...3 {
            _ = try await person.post(
                "/v1/me/exports", Person.proof, status: 200)
        }
        let problem = try await person.refused(
            429, "too_many_attempts", .post, "/v1/me/exports", Person.proof)
        #expect((86_000...86_400).contains(problem["retry_after"]?.integer ?? 0))
        let outbox = try await server.api.expect(
            200, .get, "/sandbox/messages?to=%2B\(person.phone.dropFirst())")
        let told = outbox.rows.filter { $0["body"]?.string?.contains("A copy of") == true }
        #expect(told.count == 3)

        try await server.api.advanceClock(seconds: 86_400)
        let token = try await server.api.logIn(person.username)["access_token"]?.string
        _ = try await server.api.expect(200, .post, "/v1/me/exports", Person.proof, token: token)
    }
}
