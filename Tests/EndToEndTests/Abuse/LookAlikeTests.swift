import HTTP
import Testing

/// Names that look like another's, and numbers in every spelling.
@Suite("Abuse: look-alikes", .timeLimit(.minutes(1)))
struct LookAlikeTests {
    /// Each looks like `amina` somewhere, or becomes it in some program.
    @Test(arguments: [
        "аmina", "amіna", "ami\u{200B}na", "ami\u{200D}na", "amina\u{FE0F}", "ａｍｉｎａ", "amınа",
        "AM\u{0130}NA", "a\u{0301}mina", "\u{00E1}mina", "amina\u{202E}", "\u{FEFF}amina",
        "ami\u{00AD}na", "𝐚𝐦𝐢𝐧𝐚", "ⓐmina", "amina ", " amina", "ami na", "amina\t", "\u{212A}amau",
        "amina\u{0000}", "admin\u{2024}x", "١amina", "amina@florin", "+254712345678", "12345678",
    ])
    func namesAreASCIIAndNothingElse(_ name: String) async throws {
        let body = Person.Names().signUp.replacing("username", .string(name))
        let reply = try await World.api.reply(.post, "/v1/users", body)
        guard !name.contains("\0") else { return reply.expectProblem(400, "invalid_request") }
        reply.expectProblem(422, "username_invalid")
    }

    /// Whoever writes a look-alike where a recipient goes pays nobody by mistake.
    @Test func aLookAlikeIsNobody() async throws {
        let payer = try await Person.signUp(World.api, money: 100)
        let payee = try await Person.signUp(World.api)
        for name in [
            payee.username.replacing("p", with: "р"), payee.username.replacing("o", with: "о"),
            payee.username + "\u{200B}", "\u{FEFF}" + payee.username,
            payee.username.replacing("-", with: "\u{2010}"),
            payee.phone.replacing("2", with: "٢"), payee.phone.replacing("+", with: "＋"),
            payee.email.replacing("@", with: "＠"), payee.email.replacing("e", with: "е"),
        ] {
            try await payer.refused(
                404, "recipient_not_found", .post, "/v1/transfers", .send(1, to: name))
            try await payer.api.refused(
                401, "credentials_invalid", .post, "/v1/sessions", .logIn(name))
        }
        // In other cases it is the same person.
        _ = try await payer.post("/v1/transfers", .send(1, to: payee.username.uppercased()))
        #expect(try await payee.available() == 1)
    }

    @Test(arguments: [
        "0712345678", "254712345678", "00254712345678", "011254712345678", "tel:+254712345678",
        "+254 712 345 67x", "+254712345678;ext=1", "+254712345678,,1", "+254712345678#",
        "+0254712345678", "++254712345678", "+254712345678+", "+25471234567８", "+٢٥٤٧١٢٣٤٥٦٧٨",
        "＋254712345678", "+254\u{2011}712345678", "+254\u{00A0}712345678", "+", "+1", "+123456",
        "+1234567890123456", "phone", "+254712345678\n",
    ])
    func numbersAreE164(_ number: String) async throws {
        let body = Person.Names().signUp.replacing("phone", .string(number))
        try await World.api.refused(422, "phone_invalid", .post, "/v1/users", body)
        try await World.api.refused(
            422, "phone_invalid", .post, "/v1/phone_codes", ["phone": .string(number)])
        try await World.api.refused(
            422, "phone_invalid", .post, "/v1/phone_verifications",
            ["phone": .string(number), "code": "123456"])
    }

    /// Every spelling that is read is the same number, so it is counted, found and taken as one.
    @Test func oneNumberIsOnePersonHoweverItIsSpelt() async throws {
        let person = try await Person.signUp(World.api)
        let digits = person.phone.dropFirst()
        let (country, rest) = (digits.prefix(3), digits.dropFirst(3))
        for spelling in [
            "+\(country) \(rest)", "+\(country)-\(rest)", "+\(country).\(rest)",
            "+(\(country)) \(rest)", "+\(country) \(rest.prefix(3)) \(rest.dropFirst(3)) ",
        ] {
            let body = Person.Names().signUp.replacing("phone", .string(spelling))
            try await person.api.refused(409, "phone_taken", .post, "/v1/users", body)
            // Found and right: what is asked for now is the second step of an unknown device.
            try await person.api.refused(
                401, "second_step_required", .post, "/v1/sessions", .logIn(spelling))
        }
        for number in 0..<5 {
            let spelling = "+\(country)" + String(repeating: " ", count: number) + rest
            try await person.api.refused(
                401, "credentials_invalid", .post, "/v1/sessions", .logIn(spelling, "wrong"))
        }
        try await person.api.refused(
            429, "too_many_attempts", .post, "/v1/sessions", .logIn(person.phone))
    }

    /// Every letter of a password counts, in any script, spaces and all of its end included.
    @Test func passwordsAreInAnyScriptAndExact() async throws {
        let api = try await World.api
        let long = String(repeating: "long and ", count: 12) + "winding road"
        for password in ["ねこ は 川 が すき 🙂🙂", "река  в июне, тихая", "  two spaces before", long] {
            let names = Person.Names()
            let body = names.signUp.replacing("password", .string(password))
            _ = try await api.expect(201, .post, "/v1/users", body)
            try await api.verify(names.phone)
            for other in [
                String(password.dropLast()), password + " ", password.replacing("  ", with: " "),
                password.uppercased(), " " + password,
            ] where other != password {
                try await api.refused(
                    401, "credentials_invalid", .post, "/v1/sessions",
                    .logIn(names.username, other))
                _ = try await api.expect(
                    201, .post, "/v1/sessions", .logIn(names.username, password))
            }
        }
    }

    @Test(arguments: [
        "a@b@example.com", "a@exаmple.com", "a@example.com, b@example.com", "<a@example.com>",
        "a@example.com\u{200B}", "a@[127.0.0.1]", "a@example", "\"a b\"@example.com",
        "a@example.com?bcc=b@example.com", "a@example.com%0abcc:b@example.com", "a＠example.com",
    ])
    func addressesAreOneAndPlain(_ address: String) async throws {
        let body = Person.Names().signUp.replacing("email", .string(address))
        try await World.api.refused(422, "email_invalid", .post, "/v1/users", body)
    }
}
