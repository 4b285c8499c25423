import HTTP
import Postgres
import TestSupport
import Testing

@Suite("Know your customer", .timeLimit(.minutes(2)))
struct KycTests {
    private static let path = "/v1/kyc/submissions"
    private static let staffPath = "/v1/staff/kyc/submissions"

    private static let limits = """
        FREE.0 transfer=100,day=none,month=none,hour_count=none,day_count=none,balance=none; \
        FREE.2 transfer=150,day=none,month=none,hour_count=none,day_count=none,balance=none
        """

    @Test func twoMembersOfStaffRaiseTheTierAndWithItTheLimits() async throws {
        let office = try await Office([
            "FLORIN_LIMITS": Self.limits, "FLORIN_LIMIT_TRANSFER": "", "FLORIN_LIMIT_DAY": "",
            "FLORIN_LIMIT_MONTH": "",
        ])
        let (first, second) = (try await office.hire("support"), try await office.hire("support"))
        let person = try await Person.signUp(office.api, money: 100)
        #expect(try await person.left("per_transfer") == 10_000)
        #expect(try await person.get("/v1/kyc")["kyc_tier"]?.integer == 0)

        let sent = try await person.sendDocuments(.kycForm(tier: 2))
        #expect(sent["state"]?.string == "submitted")
        let queue = try await first.get(Self.staffPath).rows
        try #require(queue.map(\.id) == [sent.id])
        #expect(queue[0]["full_name"]?.string == "A••• W••• Ò•••")
        #expect(queue[0][at: "document", "number"]?.string == "•••567")

        try await first.look(sent.id)
        let reviewed = try await first.judge(sent.id, "reviews")
        #expect(reviewed.status == 201 && reviewed.json["state"]?.string == "reviewed")
        #expect(reviewed.json["reviewed_by"]?.string == first.username)
        #expect(try await person.get("/v1/kyc")[at: "submission", "state"]?.string == "reviewed")
        #expect(try await person.left("per_transfer") == 10_000)

        try await second.look(sent.id)
        let approved = try await second.judge(sent.id, "approvals")
        #expect(approved.status == 201 && approved.json["state"]?.string == "approved")
        #expect(try await person.left("per_transfer") == 15_000)
        let status = try await person.get("/v1/kyc")
        #expect(status["kyc_tier"]?.integer == 2)
        #expect(status["message"]?.string?.contains("limits are higher") == true)
        #expect(try await person.get("/v1/me")["kyc_tier"]?.integer == 2)
        #expect(try await first.get(Self.staffPath).rows.isEmpty)
        #expect(try await first.get(Self.staffPath + "?state=approved").rows.map(\.id) == [sent.id])
        try await expectActs(of: person, first, second, at: office)
    }

    private func expectActs(
        of person: Person, _ first: Person, _ second: Person, at office: Office
    ) async throws {
        // The name and the day of the document are the person's now.
        let shown = try await first.post(
            "/v1/staff/people/\(person.id)/disclosures",
            ["reason": "A call.", "fields": ["full_name", "birth_date"]])
        #expect(shown["full_name"]?.string == "Asha Wanjirũ Òjó-Smith")
        #expect(shown["birth_date"]?.string == "1990-03-31")
        let pin: JSON = ["pin": "310390", "password": .string(Person.password)]
        let weak = try await person.refused(422, "pin_too_weak", .put, "/v1/me/pin", pin)
        #expect(weak["reason"]?.string == "birth_date")
        for (kind, actor) in [
            ("kyc_submitted", person), ("kyc_reviewed", first), ("kyc_approved", second),
        ] {
            let acts = try await office.acts(kind)
            #expect(acts.map { $0[at: "actor", "id"]?.string } == [actor.id], "\(kind)")
            #expect(acts.map { $0[at: "subject", "id"]?.string } == [person.id], "\(kind)")
        }
        #expect(try await office.server.run("audit").ending == .exited(0))
    }

    @Test func nobodyDecidesAlone() async throws {
        let office = try await Office()
        let clerk = try await office.hire("support")
        let person = try await Person.signUp(office.api)
        let sent = try await person.sendDocuments()
        let no: JSON = ["cause": "expired", "reason": "Of last year."]
        // Without looking, nothing is judged; before a review nothing is approved.
        try await clerk.judge(sent.id, "reviews").expectProblem(409, "documents_not_seen")
        try await clerk.judge(sent.id, "refusals", no).expectProblem(409, "documents_not_seen")
        try await clerk.look(sent.id)
        let early = try await clerk.judge(sent.id, "approvals")
        early.expectProblem(409, "submission_decided")
        #expect(early.json["state"]?.string == "submitted")
        #expect(try await clerk.judge(sent.id, "reviews").status == 201)
        try await clerk.judge(sent.id, "approvals").expectProblem(403, "second_person_needed")
        try await clerk.judge(sent.id, "reviews").expectProblem(409, "submission_decided")
        try await office.admin.judge(sent.id, "approvals")
            .expectProblem(409, "documents_not_seen")

        // Of two who approve at once, one does.
        let others = [office.admin, try await office.hire("support")]
        for other in others { try await other.look(sent.id) }
        let codes = try await together(2) {
            try await others[$0].judge(sent.id, "approvals").status
        }
        #expect(codes.sorted() == [201, 409])
        for what in ["reviews", "approvals"] {
            try await clerk.judge(sent.id, what).expectProblem(409, "submission_decided")
        }
        try await clerk.judge(sent.id, "refusals", no).expectProblem(409, "submission_decided")
        try await person.refused(
            409, "submission_decided", .post, Self.path + "/\(sent.id)/withdrawals")
        try await person.refused(409, "tier_reached", .post, Self.path, .kycForm())
    }

    @Test func staffDoesNotJudgeItself() async throws {
        let office = try await Office()
        let clerk = try await office.hire("support")
        let sent = try await clerk.sendDocuments()
        try await clerk.look(sent.id)
        for what in ["reviews", "approvals"] {
            try await clerk.judge(sent.id, what).expectProblem(403, "own_submission")
        }
        let no: JSON = ["cause": "expired", "reason": "Mine."]
        try await clerk.judge(sent.id, "refusals", no).expectProblem(403, "own_submission")
        for role in ["finance", "auditor", "merchant", "customer"] {
            let other = try await office.hire(role)
            try await other.judge(sent.id, "reviews").expectProblem(403, "forbidden")
        }
        let missing = "00000000-0000-7000-8000-000000000000"
        for (what, body) in [("reviews", nil), ("approvals", nil), ("refusals", no)] {
            try await clerk.judge(missing, what, body).expectProblem(404, "submission_not_found")
        }
        try await clerk.refused(
            404, "submission_not_found", .post, Self.staffPath + "/\(missing)/disclosures",
            ["reason": "x", "fields": ["face"]])
        try await clerk.refused(
            404, "submission_not_found", .get, Self.staffPath + "/\(missing)")
    }

    @Test func aRefusalTellsWhatToDoAndMayBeFollowedByAnother() async throws {
        let office = try await Office()
        let person = try await Person.signUp(office.api)
        let sent = try await person.sendDocuments()
        try await office.admin.look(sent.id)
        let refused = try await office.admin.judge(
            sent.id, "refusals", ["cause": "unreadable", "reason": "Glare on both sides."])
        #expect(refused.status == 201, "\(refused.text)")
        let seen = try await person.get(Self.path + "/\(sent.id)")
        #expect(seen["state"]?.string == "refused")
        #expect(seen["cause"]?.string == "unreadable")
        #expect(seen["message"]?.string?.contains("in daylight") == true)
        #expect(!seen.text.contains("Glare"))
        let outbox = try await office.api.expect(
            200, .get, "/sandbox/messages?to=%2B\(person.phone.dropFirst())")
        #expect(outbox.rows.contains { $0["body"]?.string?.contains("in daylight") == true })
        let act = try await office.acts("kyc_refused").first
        #expect(act?["reason"]?.string == "Glare on both sides.")

        // The photographs stay with what was refused; new ones are needed.
        try await person.refused(422, "images_missing", .post, Self.path, .kycForm())
        #expect(try await person.sendDocuments()["state"]?.string == "submitted")
    }

    @Test func oneIsOpenAtATimeAndMayBeTakenBack() async throws {
        let office = try await Office()
        let person = try await Person.signUp(office.api)
        let other = try await Person.signUp(office.api)
        let sent = try await person.sendDocuments()
        try await person.refused(409, "submission_open", .post, Self.path, .kycForm())
        for (method, end) in [(Method.get, ""), (.post, "/withdrawals")] {
            try await other.refused(
                404, "submission_not_found", method, Self.path + "/\(sent.id)" + end)
        }
        let taken = try await person.post(Self.path + "/\(sent.id)/withdrawals")
        #expect(taken["state"]?.string == "withdrawn")
        try await person.refused(
            409, "submission_decided", .post, Self.path + "/\(sent.id)/withdrawals")
        let images: Int64 = try office.hands().query(
            "SELECT count(*) FROM identity.kyc_images")[0][0]
        #expect(images == 0)
        #expect(try await person.sendDocuments()["state"]?.string == "submitted")

        // Of two at once, one is open.
        let friend = try await Person.signUp(office.api)
        for side in ["front", "back"] { _ = try await friend.sendImage(side) }
        let codes = try await together(2) { _ in
            try await friend.reply(.post, Self.path, .kycForm()).status
        }
        #expect(codes.sorted() == [201, 409])
    }

    @Test func documentsAreSealedAndShownForAReasonAlone() async throws {
        let office = try await Office()
        let person = try await Person.signUp(office.api)
        let marked = Photograph.jpeg() + Array("MARKED-PHOTOGRAPH".utf8)
        _ = try await person.sendImage("front", marked)
        let sent = try await person.post(
            Self.path, .kycForm(name: "Marked Ngugi", number: "MARKED 77"))
        let everything = try office.hands().everything()
        for text in ["MARKED", "Marked", "Ngugi", "1990-03-31"] {
            #expect(!everything.contains(text))
            #expect(!everything.contains(text.utf8.map { String($0, radix: 16) }.joined()))
        }
        let address = Self.staffPath + "/\(sent.id)/disclosures"
        for (body, field) in [
            (["fields": ["front"]], "/reason"), (["fields": ["front"], "reason": ""], "/reason"),
            (["reason": "x", "fields": []], "/fields"),
            (["reason": "x", "fields": ["all"]], "/fields/0"),
        ] as [(JSON, String)] {
            let problem = try await office.admin.refused(
                400, "invalid_request", .post, address, body)
            #expect(problem["field"]?.string == field)
        }
        let shown = try await office.admin.look(sent.id, ["details", "front", "face"])
        #expect(shown[at: "details", "full_name"]?.string == "Marked Ngugi")
        #expect(shown[at: "details", "document", "number"]?.string == "MARKED 77")
        let images = shown["images"]?.array ?? []
        #expect(images.map { $0["side"]?.string } == ["front"])
        let url = try #require(images.first?["data_url"]?.string)
        #expect(url.hasPrefix("data:image/jpeg;base64,/9j//g"))
        let act = try #require(try await office.acts("kyc_disclosed").last)
        #expect(act["reason"]?.string == "To review it.")
        let fields = act[at: "after", "fields"]?.array?.compactMap(\.string)
        #expect(fields == ["details", "face", "front"])
        #expect(act[at: "subject", "id"]?.string == person.id)
        // Whom it is about sees that somebody looked.
        let own = try await person.get("/v1/me/acts").rows
        #expect(
            own.contains { $0["kind"]?.string == "kyc_disclosed" && $0["by"]?.string == "staff" })
        // Only details: no photograph is opened.
        let less = try await office.admin.look(sent.id)
        #expect(less["images"]?.array?.isEmpty == true)
    }

    @Test func theSameDocumentInTwoWalletsIsNoticed() async throws {
        let office = try await Office()
        var ids: [String] = []
        for number in ["AB 12-34", "ab1234", "AB1235"] {
            let person = try await Person.signUp(office.api)
            ids.append(try await person.sendDocuments(.kycForm(number: number)).id)
        }
        let queue = try await office.admin.get(Self.staffPath).rows
        #expect(queue.map(\.id) == ids)
        #expect(queue.map { $0["others_with_document"]?.integer } == [1, 1, 0])
        // Page by page is the same as at once.
        let first = try await office.admin.get(Self.staffPath + "?limit=2")
        let cursor = try #require(first["next_cursor"]?.string)
        let rest = try await office.admin.get(Self.staffPath + "?limit=2&cursor=\(cursor)")
        #expect((first.rows + rest.rows).map(\.id) == ids)
        #expect(rest["next_cursor"]?.string == nil)
        try await office.admin.refused(400, "cursor_invalid", .get, Self.staffPath + "?cursor=x")
    }

    @Test func photographsThatNobodyNeedsAreRemoved() async throws {
        let office = try await Office()
        let (waiting, refused) = (
            try await Person.signUp(office.api), try await Person.signUp(office.api)
        )
        _ = try await waiting.sendImage("front")
        let sent = try await refused.sendDocuments()
        try await office.admin.look(sent.id)
        _ = try await office.admin.judge(
            sent.id, "refusals", ["cause": "expired", "reason": "Of last year."])
        let hands = try office.hands()
        let images: SQL = "SELECT count(*) FROM identity.kyc_images"
        for (days, left) in [(8, 3), (31, 0)] as [(Int64, Int64)] {
            try await office.api.advanceClock(seconds: days * 86_400)
            while try hands.query(images)[0][0] as Int64 != left {
                try await Task.yieldUnlessCancelled()
            }
        }
    }
}
