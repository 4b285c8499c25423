import Testing
import Values

@Suite("Telephone numbers and e-mail addresses")
struct ContactTests {
    @Test(
        "numbers as people type them",
        arguments: [
            ("+254712345678", "+254712345678"), ("+254 712 345-678", "+254712345678"),
            ("+1 (202) 555.0100", "+12025550100"), ("+1234567", "+1234567"),
            ("+123456789012345", "+123456789012345"),
            // A zero that is dialled inside of the country, and one that belongs to the number.
            ("+44 (0)20 7946 0018", "+442079460018"), ("+2540712345678", "+254712345678"),
            ("+254 (0) 712 345678", "+254712345678"), ("+39 06 698 12345", "+390669812345"),
            ("+2250102030405", "+2250102030405"), ("+49 0151 23456789", "+4915123456789"),
        ])
    func readsPhone(text: String, e164: String) {
        #expect(PhoneNumber(text)?.e164 == e164)
    }

    @Test(
        "no numbers",
        arguments: [
            "", "+", "254712345678", "+0712345678", "+123456", "+1234567890123456", "+25471234567a",
            "++254712345678", "+254+712345678", "+٢٥٤٧١٢٣٤٥", "+254712345678\n",
            "tel:+254712345678", "00254712345678", "+254\u{200B}712345678", "＋254712345678",
            "+254 0 123", "+25400712345678", "+(0)712345678", " +254712345678",
        ])
    func refusesPhone(text: String) {
        #expect(PhoneNumber(text) == nil)
    }

    @Test func phonesDescribeThemselvesQuietly() throws {
        let phone = try #require(PhoneNumber("+254712345678"))
        #expect(phone.description == "+2547•••••678")
        #expect(!"\(phone)".contains("12345"))
    }

    @Test func aShortNumberIsNotShownWhole() throws {
        let phone = try #require(PhoneNumber("+1234567"))
        #expect(phone.description == "+••••567")
    }

    @Test(
        "addresses",
        arguments: [
            ("ann@example.com", "ann@example.com"),
            ("Ann.B+x@Mail.Example.COM", "ann.b+x@mail.example.com"),
            ("o'neil_1@a-b.co", "o'neil_1@a-b.co"),
        ])
    func readsEmail(text: String, address: String) {
        #expect(EmailAddress(text)?.text == address)
    }

    @Test(
        "no addresses",
        arguments: [
            "", "@", "ann", "ann@", "@example.com", "ann@example", "ann@@example.com", "a@b@c.com",
            ".ann@example.com", "ann.@example.com", "a..b@example.com", "ann@-x.com", "ann@x-.com",
            "ann@.com", "ann@x..com", "ann @example.com", "\"ann\"@example.com", "ann@[127.0.0.1]",
            "änn@example.com", "ann@example.com\r\nBcc: x@y.com",
            String(repeating: "a", count: 65) + "@example.com",
            "a@" + String(repeating: "b.", count: 130) + "com",
        ])
    func refusesEmail(text: String) {
        #expect(EmailAddress(text) == nil)
    }

    @Test func addressesDescribeThemselvesQuietly() {
        #expect(EmailAddress("ann@example.com").map(String.init(describing:)) == "a•••@example.com")
    }
}
