import HTTP
import Postgres
import TestSupport
import Testing

@Suite("People for staff", .timeLimit(.minutes(1)))
struct PeopleTests {
    private static let searches = "/v1/staff/people/searches"
    private static let missing = "00000000-0000-7000-8000-000000000000"

    private func found(_ text: String, by staff: Person) async throws -> [JSON] {
        try await staff.post(Self.searches, ["text": .string(text)], status: 200).rows
    }

    @Test func peopleAreFoundByAnythingAndShownMasked() async throws {
        let office = try await Office()
        let person = try await Person.signUp(office.api)
        for role in ["support", "finance", "auditor"] {
            let staff = try await office.hire(role)
            for text in [
                person.id, person.phone, person.email, person.username,
                person.email.uppercased(), String(person.username.dropLast()),
                "\(person.phone.prefix(4)) \(person.phone.dropFirst(4))",
            ] {
                let people = try await found(text, by: staff)
                #expect(people.contains { $0.id == person.id }, "\(text)")
                for person in people { expectMasked(person) }
            }
            let shown = try await staff.get("/v1/staff/people/\(person.id)")
            expectMasked(shown)
            #expect(shown["username"]?.string == person.username)
            #expect(shown["phone"]?.string == person.phone.masked)
            #expect(shown["kyc_tier"]?.integer == 0)
            for text in ["nobody-here", "+19990001111", "x@example.org", "%%", "a b", "?!"] {
                #expect(try await found(text, by: staff).isEmpty, "\(text)")
            }
        }
        try await office.admin.refused(
            404, "user_not_found", .get, "/v1/staff/people/\(Self.missing)")
        #expect(try await found(Self.missing, by: office.admin).isEmpty)
        // An underscore is a letter, not any letter.
        #expect(try await found("person_", by: office.admin).isEmpty)
        try await office.admin.refused(
            400, "invalid_request", .post, Self.searches, ["text": "x"])
    }

    private func expectMasked(_ person: JSON) {
        #expect(person["phone"]?.string?.contains("••••") == true, "\(person.text)")
        #expect(person["email"]?.string?.contains("•••@") == true, "\(person.text)")
    }

    @Test func pagesGoOnByUsername() async throws {
        let office = try await Office()
        for _ in 0..<5 { _ = try await Person.signUp(office.api) }
        let whole = try await found("person", by: office.admin)
        #expect(whole.count == 6)
        var (paged, cursor) = ([JSON](), String?.none)
        repeat {
            var body = JSONObject([("text", "person"), ("limit", 2)])
            if let cursor { body.append("cursor", .string(cursor)) }
            let page = try await office.admin.post(Self.searches, .object(body), status: 200)
            paged += page.rows
            cursor = page["next_cursor"]?.string
        } while cursor != nil
        #expect(paged == whole)
    }

    @Test func aReasonShowsThemInTheClearAndIsKept() async throws {
        let office = try await Office()
        let person = try await Person.signUp(office.api)
        let clerk = try await office.hire("support")
        let address = "/v1/staff/people/\(person.id)/disclosures"
        let shown = try await clerk.post(
            address, ["reason": "Case 17: wrong number.", "fields": ["phone", "full_name"]])
        #expect(shown["phone"]?.string == person.phone)
        #expect(
            shown.object?.members.map(\.name) == ["id", "username", "phone", "full_name"])
        let act = try #require(try await office.acts("person_disclosed").last)
        #expect(act["reason"]?.string == "Case 17: wrong number.")
        #expect(act[at: "actor", "id"]?.string == clerk.id)
        let fields = act[at: "after", "fields"]?.array?.compactMap(\.string)
        #expect(fields == ["full_name", "phone"])
        #expect(!act.text.contains(person.phone))
        let own = try await person.get("/v1/me/acts").rows
        #expect(own.first?["kind"]?.string == "person_disclosed")
        #expect(own.first?["by"]?.string == "staff")

        for (body, field) in [
            (["fields": ["phone"]], "/reason"), (["fields": ["phone"], "reason": ""], "/reason"),
            (["reason": "x", "fields": []], "/fields"),
            (["reason": "x", "fields": ["password"]], "/fields/0"),
        ] as [(JSON, String)] {
            let problem = try await clerk.refused(400, "invalid_request", .post, address, body)
            #expect(problem["field"]?.string == field)
        }
        let body: JSON = ["reason": "x", "fields": ["phone"]]
        for role in ["auditor", "customer", "merchant"] {
            try await office.hire(role).refused(403, "forbidden", .post, address, body)
        }
        try await clerk.refused(
            404, "user_not_found", .post, "/v1/staff/people/\(Self.missing)/disclosures", body)
    }

    @Test func nobodyCarriesThePeopleAway() async throws {
        let office = try await Office()
        let person = try await Person.signUp(office.api)
        let clerk = try await office.hire("support")
        let address = "/v1/staff/people/\(person.id)/disclosures"
        let body: JSON = ["reason": "To call them all.", "fields": ["phone"]]
        let codes = try await together(64) { _ in
            try await clerk.reply(.post, address, body).status
        }
        #expect(codes.count { $0 == 201 } == 60)
        #expect(codes.count { $0 == 429 } == 4)
        let over = try await clerk.refused(429, "disclosures_exhausted", .post, address, body)
        #expect((1...3600).contains(over["retry_after"]?.integer ?? 0))
        #expect(try await office.acts("person_disclosed").count == 60)
        // Documents count as well, and colleagues count for themselves.
        let sent = try await person.sendDocuments()
        try await clerk.refused(
            429, "disclosures_exhausted", .post,
            "/v1/staff/kyc/submissions/\(sent.id)/disclosures",
            ["reason": "x", "fields": ["front"]])
        _ = try await office.admin.post(address, body)
        try await office.api.advanceClock(seconds: 3601)
        // Nor does a session alone show anything.
        let later = try await clerk.again()
        try later.letWork(by: office.hands())
        try await later.refused(403, "step_up_required", .post, address, body)
        try await later.stepUpByPassword()
        _ = try await later.post(address, body)
    }

    @Test func whatPeopleWriteIsReadForAReasonAlone() async throws {
        let office = try await Office()
        let (payer, friend) = (
            try await Person.signUp(office.api, money: 500), try await Person.signUp(office.api)
        )
        let note = "For the doctor, as we said"
        let sent = try await payer.post(
            "/v1/transfers", .send(100, to: friend.username, note: note)
        ).id
        let plain = try await payer.send(100, to: friend).id
        for role in ["support", "finance", "admin", "auditor"] {
            let staff = try await office.hire(role)
            #expect(try await staff.get("/v1/transfers/\(sent)")["note"]?.string == "•••")
            #expect(try await staff.get("/v1/transfers/\(plain)")["note"]?.string == nil)
        }
        let clerk = try await office.hire("support")
        let shown = try await clerk.post(
            "/v1/staff/transfers/\(sent)/disclosures", ["reason": "Case 18: a complaint."])
        #expect(shown["note"]?.string == note)
        let act = try #require(try await office.acts("note_disclosed").last)
        #expect(act["reason"]?.string == "Case 18: a complaint.")
        #expect(act[at: "actor", "id"]?.string == clerk.id)
        #expect(act[at: "subject", "id"]?.string == payer.id)
        #expect(act[at: "after", "transfer"]?.string == sent)
        #expect(!act.text.contains("doctor"))
        #expect(
            try await payer.get("/v1/me/acts").rows.first?["kind"]?.string == "note_disclosed")
        // Both sides go on reading it, and who sends it back for them does not.
        for person in [payer, friend] {
            #expect(try await person.get("/v1/transfers/\(sent)")["note"]?.string == note)
        }
        let back = try await office.admin.post(
            "/v1/staff/transfers/\(sent)/reversals", ["reason": "Paid twice."])
        #expect(!back.text.contains("doctor"))
        for (id, status, code) in [
            (Self.missing, 404, "transfer_not_found"), ("x", 404, "not_found"),
        ] {
            try await clerk.refused(
                status, code, .post, "/v1/staff/transfers/\(id)/disclosures", ["reason": "x"])
        }
        try await clerk.refused(
            400, "invalid_request", .post, "/v1/staff/transfers/\(sent)/disclosures")
        try await payer.refused(
            403, "forbidden", .post, "/v1/staff/transfers/\(sent)/disclosures", ["reason": "x"])
    }

    @Test func staffReadsNoAddressesOnTheSimpleSurfaceEither() async throws {
        let office = try await Office()
        let (payer, friend) = (
            try await Person.signUp(office.api, money: 500), try await Person.signUp(office.api)
        )
        try await payer.send(100, to: friend)
        let days = "?startDate=2020-01-01&endDate=2100-01-01"
        for role in ["support", "auditor"] {
            let staff = try await office.hire(role)
            for path in [
                "/api/users/\(payer.id)", "/api/users/by-email/\(payer.email)",
                "/api/transactions/user/\(payer.id)", "/api/reports/users/\(payer.id)",
                "/api/reports/transactions" + days,
            ] {
                let reply = try await staff.reply(.get, path)
                #expect(reply.status == 200 && reply.text.contains(payer.username), "\(path)")
                for email in [payer.email, friend.email] {
                    #expect(!reply.text.contains(email), "\(path)")
                }
            }
        }
        #expect(try await payer.get("/api/users/\(payer.id)")["email"]?.string == payer.email)
    }
}

extension String {
    /// As staff sees a telephone number.
    fileprivate var masked: String {
        prefix(5) + String(repeating: "•", count: count - 8) + suffix(3)
    }
}
