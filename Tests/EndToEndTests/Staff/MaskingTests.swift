import HTTP
import Postgres
import TestSupport
import Testing

/// Everything that is personal or secret of one person, marked so that it is found wherever it
/// turns up.
private struct Marks: Sendable {
    let phone = "+254799123987"
    let email = "zebra.marked@example.org"
    let username = "zebra-owner"
    let password = "a zebra crosses the river"
    let wrongPassword = "another zebra altogether"
    let fullName = "Zebra Markedname"
    let birthDate = "1987-06-05"
    let document = "ZX998877"
    let pin = "739104"
    let wrongPin = "260597"
    let photograph = Photograph.jpeg() + Array("ZEBRA-PHOTOGRAPH".utf8)

    /// Words that must stand nowhere, as they are or as addresses and dumps spell them.
    var words: [String] {
        let plain = [
            phone, email, password, wrongPassword, fullName, birthDate, document,
            "ZEBRA-PHOTOGRAPH",
        ]
        let coded = plain.map { word in
            word.utf8.map { byte in
                let digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-._~"
                return digits.utf8.contains(byte)
                    ? String(UnicodeScalar(byte)) : "%" + String(byte, radix: 16, uppercase: true)
            }.joined()
        }
        let dumped = plain.map { $0.utf8.map { String($0, radix: 16) }.joined() }
        // The number is one with and without its plus sign.
        return plain + coded + dumped + [String(phone.dropFirst())]
    }

    /// Six digits stand in every log by chance, behind the point of a second.
    var numbers: [String] { [pin, wrongPin] }
}

@Suite("What is said of people", .timeLimit(.minutes(1)))
struct MaskingTests {
    private let marks = Marks()

    @Test func nothingPersonalAndNoSecretLeavesTheProgramButToItsOwner() async throws {
        let office = try await Office([
            "FLORIN_LOG_LEVEL": "debug", "FLORIN_PIN_THRESHOLD": "10",
        ])
        var life = Life(marks: marks, office: office)
        try await life.begin()
        try await life.pay()
        try await life.showDocuments()
        try await life.meetStrangers()
        try await life.meetFaults()
        #expect(life.refusals.count > 25)

        let (words, numbers) = (marks.words + life.secrets, marks.numbers + life.codes)
        try #require(words.count > 25 && numbers.count > 2)
        for refusal in life.refusals { expectNothing(words, numbers, in: refusal, "a refusal") }
        let metrics = try await office.api.reply(.get, "/metrics").text
        expectNothing(words, numbers, in: metrics, "the metrics")
        let staff = try await office.admin.reply(.get, "/v1/audit_acts?limit=200").text
        expectNothing(words, numbers, in: staff, "the audit log as read")
        try await expectLog(office, words, numbers)
        let acts = try office.hands().query(
            """
            SELECT a::text FROM identity.acts a UNION ALL SELECT o::text FROM identity.act_origins o
            """
        ).map { try $0[0] as String }.joined(separator: "\n")
        #expect(acts.contains("kyc_submitted") && acts.contains("person_disclosed"))
        expectNothing(words, [], in: acts, "the audit log")
    }

    private func expectLog(
        _ office: Office, _ words: [String], _ numbers: [String]
    ) async throws {
        try await office.server.stop()
        let (output, log) = (office.server.current.output, office.server.current.complaints)
        // It did talk, at its most talkative, of every kind of thing.
        for said in ["http_answered", "http_internal_error", "/v1/kyc/images/{side}", "stopped"] {
            #expect(log.contains(said), "\(said)")
        }
        expectNothing(words, numbers, in: output, "standard output")
        expectNothing(words, numbers, in: log, "the log")
    }

    private func expectNothing(
        _ words: [String], _ numbers: [String], in text: String, _ place: String,
        at location: SourceLocation = #_sourceLocation
    ) {
        let lowercased = text.lowercased()
        for word in words where lowercased.contains(word.lowercased()) {
            Issue.record(
                "“\(word)” stands in \(place): \(text.suffix(2000))", sourceLocation: location)
        }
        let said = Set(text.split { !($0.isLetter || $0.isNumber || $0 == ".") })
        for number in numbers where said.contains(Substring(number)) {
            Issue.record("“\(number)” stands in \(place)", sourceLocation: location)
        }
    }

    @Test func whatLooksForMarksFindsThem() {
        let words = marks.words
        for planted in [
            marks.phone, "254799123987", "zebra.marked%40example.org", "ZEBRA.MARKED@EXAMPLE.ORG",
            marks.email.utf8.map { String($0, radix: 16) }.joined(), "%2B254799123987",
        ] {
            #expect(words.contains { planted.lowercased().contains($0.lowercased()) }, "\(planted)")
        }
    }
}

/// What happens to the marked person: every refusal is kept, and every secret that was given out.
private struct Life {
    let marks: Marks
    let office: Office
    var refusals: [String] = []
    var secrets: [String] = []
    var codes: [String] = []
    private var owner: Person

    init(marks: Marks, office: Office) {
        self.marks = marks
        self.office = office
        owner = office.admin
    }

    private var api: Api { office.api }

    private mutating func refuse(
        _ method: Method, _ path: String, _ body: JSON? = nil, token: String? = nil,
        headers: [(String, String)] = [], at location: SourceLocation = #_sourceLocation
    ) async throws {
        let reply = try await api.reply(
            method, path, body, token: token, key: Api.newKey(), headers: headers)
        #expect(reply.status >= 400, "\(path): \(reply.text)", sourceLocation: location)
        refusals.append(reply.text)
    }

    // MARK: Scenes

    mutating func begin() async throws {
        let signUp: JSON = [
            "phone": .string(marks.phone), "username": .string(marks.username),
            "email": .string(marks.email), "password": .string(marks.password),
        ]
        _ = try await api.expect(201, .post, "/v1/users", signUp)
        try await refuse(.post, "/v1/users", signUp)
        try await refuse(.post, "/v1/users", signUp.replacing("username", "zebra-other"))
        try await refuse(.post, "/v1/users", signUp.replacing("password", "password"))
        try await refuse(.post, "/v1/users", signUp.replacing("phone", .string("x" + marks.phone)))
        codes.append(try await api.code(for: marks.phone))
        let verification: JSON = ["phone": .string(marks.phone), "code": "000000"]
        try await refuse(.post, "/v1/phone_verifications", verification)
        try await refuse(.post, "/v1/phone_codes", ["phone": .string(marks.phone)])
        let proven = try await api.expect(
            201, .post, "/v1/phone_verifications",
            verification.replacing("code", .string(codes[0])))
        secrets.append(try #require(proven["device"]?.string))
        for login in [marks.username, marks.phone, marks.email] {
            try await refuse(.post, "/v1/sessions", .logIn(login, marks.wrongPassword))
        }
        let session = try await logIn()
        owner = Person(
            api: api, id: session[at: "user", "id"]?.string ?? "", username: marks.username,
            phone: marks.phone, email: marks.email,
            token: session["access_token"]?.string ?? "",
            refreshToken: session["refresh_token"]?.string ?? "")
        secrets += [owner.token, owner.refreshToken]
        try await refuse(.get, "/v1/me", token: owner.token + "x")
        try await refuse(
            .post, "/v1/sessions/refresh", ["refresh_token": .string(owner.refreshToken + "x")])
    }

    /// From a device that nobody knows.
    private mutating func logIn() async throws -> JSON {
        let asked = try await api.refused(
            401, "second_step_required", .post, "/v1/sessions",
            .logIn(marks.username, marks.password))
        let challenge = try #require(asked["challenge"]?.string)
        secrets.append(challenge)
        codes.append(try await api.code(for: marks.phone))
        let address = "/v1/session_challenges/\(challenge)/answers"
        try await refuse(.post, address, ["method": "sms_code", "code": "000000"])
        return try await api.expect(
            201, .post, address,
            ["method": "sms_code", "code": .string(try await api.code(for: marks.phone))])
    }

    mutating func pay() async throws {
        let pin: JSON = ["pin": .string(marks.pin), "password": .string(marks.password)]
        #expect(try await owner.reply(.put, "/v1/me/pin", pin).status == 204)
        let friend = try await Person.signUp(api)
        try await owner.topUp(50_000)
        try await owner.send(100, to: friend)
        for recipient in ["nobody.zebra@example.org", marks.email, marks.phone] {
            try await refuse(.post, "/v1/transfers", .send(1, to: recipient), token: owner.token)
        }
        try await refuse(
            .post, "/v1/transfers", .send(2_000, to: friend.username), token: owner.token,
            headers: [("X-Florin-PIN", marks.wrongPin)])
        let paid = try await api.reply(
            .post, "/v1/transfers", .send(2_000, to: friend.username), token: owner.token,
            key: Api.newKey(), headers: [("X-Florin-PIN", marks.pin)])
        #expect(paid.status == 201, "\(paid.text)")
        _ = try await owner.post(
            "/v1/sessions/current/step_ups", ["pin": .string(marks.pin)])
        let app = try await owner.post("/v1/totp")
        secrets += [try #require(app["secret"]?.string)]
        try await refuse(
            .post, "/v1/totp/confirmations", ["code": "000000"], token: owner.token)
    }

    mutating func showDocuments() async throws {
        try await refuse(
            .post, "/v1/kyc/submissions",
            .kycForm(name: marks.fullName, birthDate: marks.birthDate, number: marks.document),
            token: owner.token)
        #expect(try await owner.sendImage("front", marks.photograph).status == 200)
        refusals.append(try await owner.sendImage("face", Array("ZEBRA-PHOTOGRAPH".utf8)).text)
        let sent = try await owner.post(
            "/v1/kyc/submissions",
            .kycForm(name: marks.fullName, birthDate: marks.birthDate, number: marks.document))
        for form in [
            .kycForm(name: marks.fullName + "1", number: marks.document),
            .kycForm(birthDate: marks.birthDate, number: marks.document + ";"),
            .kycForm(name: marks.fullName).replacing("zebra", .string(marks.document)),
        ] as [JSON] {
            try await refuse(.post, "/v1/kyc/submissions", form, token: owner.token)
        }
        let colleague = try await office.hire("support")
        for staff in [office.admin, colleague] {
            try await staff.look(sent.id, ["details", "front"])
        }
        #expect(try await office.admin.judge(sent.id, "reviews").status == 201)
        #expect(try await colleague.judge(sent.id, "approvals").status == 201)
        for text in [marks.phone, marks.email, owner.id] {
            _ = try await office.admin.post(
                "/v1/staff/people/searches", ["text": .string(text)], status: 200)
        }
        _ = try await office.admin.post(
            "/v1/staff/people/\(owner.id)/disclosures",
            ["reason": "Case 9.", "fields": ["phone", "email", "full_name", "birth_date"]])
        for path in ["/api/users/by-email/\(marks.email)", "/v1/staff/people/\(owner.id)"] {
            refusals.append(try await office.admin.reply(.get, path).text)
        }
    }

    mutating func meetStrangers() async throws {
        let stranger = try await Person.signUp(api)
        for path in [
            "/api/users/\(owner.id)", "/api/users/by-email/\(marks.email)",
            "/v1/staff/people/\(owner.id)", "/v1/nothing/\(marks.email)?to=\(marks.phone)",
            "/v1/audit_acts?address=\(marks.phone)", "/v1/me?\(marks.email)=%zz",
        ] {
            try await refuse(.get, path, token: stranger.token)
            try await refuse(.get, path)
        }
        // Whom one may pay by number is told by the name that they chose, and no more.
        for recipient in [marks.phone, marks.email, marks.username] {
            let reply = try await stranger.reply(
                .post, "/v1/requests",
                ["from": .string(recipient), "amount": 100, "currency": "KES"])
            #expect(reply.status == 201, "\(reply.text)")
            refusals.append(reply.text)
        }
        try await refuse(.post, "/v1/transfers", .send(1, to: marks.email), token: stranger.token)
        try await refuse(.post, "/v1/users", .string(marks.password))
    }

    /// What the database says when it refuses may quote a row.
    mutating func meetFaults() async throws {
        let hands = try office.hands()
        let broken: SQL = "CONSTRAINT broken"
        for table in ["users", "acts", "kyc_images", "sessions"] {
            let name = SQL(identifier: table)
            try hands.execute("ALTER TABLE identity.\(name) ADD \(broken) CHECK (false) NOT VALID")
            if ["users", "acts"].contains(table) {
                try await refuse(
                    .post, "/v1/users",
                    [
                        "phone": .string(marks.phone + "1"), "username": "zebra-second",
                        "email": .string("x" + marks.email), "password": .string(marks.password),
                    ])
            }
            refusals.append(try await owner.sendImage("back", marks.photograph).text)
            _ = try await api.reply(.post, "/v1/sessions", .logIn(marks.email, marks.password))
            try hands.execute("ALTER TABLE identity.\(name) DROP \(broken)")
        }
        try hands.execute(
            "UPDATE identity.users SET phone_sealed = email_sealed WHERE id = \(owner.id)::uuid")
        try await refuse(.get, "/v1/me", token: owner.token)
    }
}
