import HTTP
import Postgres
import TestSupport
import Testing

@Suite("What strangers send as documents", .timeLimit(.minutes(1)))
struct KycInputTests {
    private static let path = "/v1/kyc/submissions"

    @Test func whatCannotBeTrueIsRefusedByName() async throws {
        let person = try await Person.signUp(World.api)
        for (form, field) in [
            (.kycForm(name: "X"), "full_name"), (.kycForm(name: " Asha"), "full_name"),
            (.kycForm(name: "Asha 2"), "full_name"), (.kycForm(name: "A\u{202E}sha"), "full_name"),
            (.kycForm(name: "'''"), "full_name"), (.kycForm(name: "<b>Asha</b>"), "full_name"),
            (.kycForm(birthDate: "1990-02-30"), "birth_date"),
            (.kycForm(birthDate: "31.03.1990"), "birth_date"),
            (.kycForm(birthDate: "2025-01-01"), "birth_date"),
            (.kycForm(birthDate: "1890-01-01"), "birth_date"),
            (.kycForm(number: "ABCDE"), "document/number"),
            (.kycForm(number: "12"), "document/number"),
            (.kycForm(number: "12;DROP"), "document/number"),
            (.kycForm(country: "ke"), "document/country"),
            (.kycForm(country: "XX"), "document/country"),
        ] as [(JSON, String)] {
            let problem = try await person.refused(
                422, "kyc_details_invalid", .post, Self.path, form)
            #expect(problem["field"]?.string == field, "\(form.text)")
        }
        for form in [
            .kycForm(tier: 0), .kycForm(tier: 3), .kycForm(kind: "library_card"),
        ] as [JSON] {
            try await person.refused(400, "invalid_request", .post, Self.path, form)
        }
        for (form, missing) in [
            (.kycForm(), ["front"]), (.kycForm(kind: "national_id"), ["front", "back"]),
            (.kycForm(tier: 2, kind: "driving_licence"), ["front", "back", "face"]),
            (.kycForm(name: "علی\u{200C}رضا"), ["front"]),
            (.kycForm(name: "வாங்காரி 'அம்மா'", kind: "residence_permit"), ["front", "back"]),
        ] as [(JSON, [String])] {
            let problem = try await person.refused(422, "images_missing", .post, Self.path, form)
            #expect(problem["missing"]?.array?.compactMap(\.string) == missing)
        }
    }

    @Test func aPhotographIsWhatItsBytesSay() async throws {
        let person = try await Person.signUp(World.api)
        for (file, type) in [
            (Photograph.jpeg(), "image/jpeg"), (Photograph.png(), "image/png"),
            (Photograph.jpeg(bytes: 2_000_000), "image/jpeg"),
        ] {
            let kept = try await person.sendImage("front", file)
            #expect(kept.status == 200, "\(kept.text)")
            #expect(kept.json["media_type"]?.string == type)
        }
        for (file, reason) in [
            (Array("%PDF-1.7 and so on".utf8), "type_unknown"),
            (Array("<svg xmlns='http://www.w3.org/2000/svg'/>".utf8), "type_unknown"),
            (Array("GIF89a".utf8) + Photograph.png(), "type_unknown"), ([0xFF], "type_unknown"),
            ([0xFF, 0xD8, 0xFF, 0xDA, 0, 2], "type_unknown"),
            ([0xFF, 0xD8, 0xFF, 0xC0, 0, 2], "type_unknown"),
            ([0xFF, 0xD8, 0xFF, 0xFE, 0xFF, 0xFF], "type_unknown"),
            ([0xFF, 0xD8, 0xFF, 0xFE, 0, 0], "type_unknown"),
            (Photograph.png(width: 239), "too_small"), (Photograph.jpeg(height: 0), "too_small"),
            (Photograph.png(width: 10_001), "too_large"),
            (Photograph.png(width: 8_000, height: 8_000), "too_large"),
            (Photograph.png(width: .max, height: .max), "too_large"),
        ] as [([UInt8], String)] {
            let reply = try await person.sendImage("front", file)
            reply.expectProblem(422, "image_invalid")
            #expect(reply.json["reason"]?.string == reason)
        }
        let path = "/v1/kyc/images/front"
        try await person.api.send(
            Photograph.jpeg(), as: "image/jpeg", .put, path, token: person.token
        ).expectProblem(415, "unsupported_media_type")
        try await person.sendImage("front", []).expectProblem(400, "invalid_request")
        try await person.sendImage("left").expectProblem(404, "not_found")
        let large = try await person.sendImage("front", Photograph.jpeg(bytes: 2 * 1024 * 1024))
        large.expectProblem(413, "content_too_large")
        #expect(large.json["bytes_max"]?.integer == 2_097_152)
    }

    @Test func cutAnywhereItIsAPhotographOrNoneAndNeverAFault() async throws {
        let person = try await Person.signUp(World.api)
        for file in [Photograph.jpeg(), Photograph.png()] {
            for count in 1..<64 {
                let status = try await person.sendImage("back", Array(file.prefix(count))).status
                #expect(status == 200 || status == 422, "\(count)")
            }
        }
    }

    @Test func theDatabaseForbidsWhatTheProgramRefuses() async throws {
        let office = try await Office()
        let clerk = try await office.hire("support")
        let sent = try await Person.signUp(office.api).sendDocuments()
        try expectForbidden(
            [
                "state = 'approved'",
                "state = 'approved', decided_by = reviewed_by, decided_at = now()",
                "state = 'reviewed'",
                "state = 'reviewed', reviewed_by = user_id, reviewed_at = now()",
                "state = 'refused', cause = 'expired', decided_by = user_id, decided_at = now()",
                "state = 'lost'", "tier = 2", "details_sealed = 'x'",
                "submitted_at = now() - interval '1 day'", "document_index = sha256('x')",
                "user_id = gen_random_uuid()",
            ], at: office)
        try await clerk.look(sent.id)
        #expect(try await clerk.judge(sent.id, "reviews").status == 201)
        try expectForbidden(
            [
                "state = 'submitted'",
                "state = 'submitted', reviewed_by = NULL, reviewed_at = NULL",
                "state = 'approved', decided_by = reviewed_by, decided_at = now()",
                "reviewed_at = now()",
            ], at: office)
        let hands = try office.hands()
        #expect(throws: DatabaseError.self) {
            try hands.execute("DELETE FROM identity.kyc_submissions")
        }
        #expect(throws: DatabaseError.self) {
            try hands.execute(
                """
                INSERT INTO identity.kyc_submissions SELECT gen_random_uuid(), user_id, tier,
                    details_sealed, NULL, now(), 'submitted' FROM identity.kyc_submissions
                """)
        }
        try await office.admin.look(sent.id)
        #expect(try await office.admin.judge(sent.id, "approvals").status == 201)
        try expectForbidden(["decided_at = now()", "state = 'withdrawn'"], at: office)
        try hands.execute("UPDATE identity.kyc_submissions SET document_index = NULL")
    }

    private func expectForbidden(_ changes: [SQL], at office: Office) throws {
        let hands = try office.hands()
        for change in changes {
            #expect(throws: DatabaseError.self, "\(change.text)") {
                try hands.execute("UPDATE identity.kyc_submissions SET \(change)")
            }
        }
    }

    @Test func whoIsErasedHasNoPapers() async throws {
        let office = try await Office()
        let person = try await Person.signUp(office.api)
        let sent = try await person.sendDocuments()
        let hands = try office.hands()
        try hands.execute("DELETE FROM identity.person_keys WHERE user_id = \(person.id)::uuid")
        try hands.execute(
            """
            UPDATE identity.users SET erased_at = now(), username = 'former user ' || id,
                phone_index = NULL, phone_sealed = NULL, email_index = NULL, email_sealed = NULL,
                password_hash = ''
            WHERE id = \(person.id)::uuid
            """)
        let row = try hands.query(
            """
            SELECT state, document_index IS NULL, (SELECT count(*) FROM identity.kyc_images)
            FROM identity.kyc_submissions
            """)[0]
        #expect(try row[0] as String == "withdrawn")
        #expect(try row[1] as Bool)
        #expect(try row[2] as Int64 == 0)
        let file = try await office.admin.get("/v1/staff/kyc/submissions/\(sent.id)")
        #expect(file["full_name"]?.string == nil && file["document"]?.object == nil)
        #expect(file[at: "person", "username"]?.string == "a former user")
    }
}
