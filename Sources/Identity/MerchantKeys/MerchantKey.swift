package import Values

/// What a merchant gives a program to call with: named, limited, and taken back at any moment.
package struct MerchantKey: Sendable {
    package let id: ID<MerchantKey>
    package let name: String
    package let scopes: [Scope]
    /// The most that one payment may move, in major units; 0 for a key that moves nothing.
    package let paymentMax: Int64
    /// From where it may be used; everywhere when it is empty.
    package let addresses: [String]
    package let createdAt: Timestamp
    package let expiresAt: Timestamp?
    /// To five minutes: a use is written down when the key is looked up, not with each request.
    package let lastUsedAt: Timestamp?
    /// The beginnings of the texts that open, the newest first, with the end of those replaced.
    package let secrets: [(hint: String, endsAt: Timestamp?)]

    /// What somebody asks for.
    package struct Draft: Sendable {
        package let name: String
        package let scopes: Set<Scope>
        package let paymentMax: Int64
        package let addresses: [String]
        package let seconds: Int64?

        package init(
            name: String, scopes: Set<Scope>, paymentMax: Int64, addresses: [String],
            seconds: Int64?
        ) {
            self.name = name
            self.scopes = scopes
            self.paymentMax = paymentMax
            self.addresses = addresses
            self.seconds = seconds
        }

        /// Money goes out on these alone, so they and a limit belong together.
        private static let paying: Set<Scope> = [.transfersWrite, .holdsWrite]

        func check() throws(IdentityRejection) {
            guard (paymentMax > 0) == !scopes.isDisjoint(with: Self.paying) else {
                throw .keyPaymentMaxMismatch
            }
            guard NetworkRanges(addresses) != nil else { throw .keyAddressesInvalid }
        }
    }
}

/// What bounds a merchant's keys.
package enum MerchantKeyRules {
    package static let perMerchantMax = 50
    package static let nameCharactersMax = 64
    package static let addressesMax = 20
    package static let addressCharactersMax = 64
    /// Major units.
    package static let paymentMaxMost: Int64 = 1_000_000_000
    package static let secondsMin: Int64 = 60
    package static let secondsMax: Int64 = 5 * 366 * 86_400
    /// How long a replaced key may go on, so that programs are told of the new one meanwhile.
    package static let overlapSecondsMax: Int64 = 7 * 86_400
    /// How long a look-up is good for, unless something changes before.
    static let lookSeconds: Int64 = 300
}

/// The text of a key: `florin_sk_live_`, 43 random characters of base 62, and 6 that check them.
///
/// The end is the CRC-32 of all before it, so that a scanner of leaked secrets, and a person who
/// mistyped, can tell without asking. The beginning, with 8 of the random characters, names the key
/// in lists and logs; the 35 others hold 208 bits that nobody else knows.
package struct KeyText: Sendable {
    package let text: String

    static let tag = "florin_sk_"
    private static let randomCount = 43
    private static let hintCount = 8
    private static let checkCount = 6
    private static let alphabet = Array(
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)

    private static func beginning(isSandbox: Bool) -> String {
        tag + (isSandbox ? "test_" : "live_")
    }

    /// - Parameter random: bytes without end, each as likely as any other.
    static func make(isSandbox: Bool, random: () -> UInt8) -> KeyText {
        var characters: [UInt8] = []
        while characters.count < randomCount {
            let byte = random()
            // 248 is 4 times 62: each character stays as likely as any other.
            if byte < 248 { characters.append(alphabet[Int(byte % 62)]) }
        }
        let body = beginning(isSandbox: isSandbox) + String(decoding: characters, as: UTF8.self)
        return KeyText(text: body + check(body))
    }

    private init(text: String) {
        self.text = text
    }

    /// Nil for what was never given out, as far as can be seen from the text alone.
    package init?(_ text: String, isSandbox: Bool) {
        let beginning = Self.beginning(isSandbox: isSandbox)
        let count = beginning.utf8.count + Self.randomCount
        guard text.hasPrefix(beginning), text.utf8.count == count + Self.checkCount else {
            return nil
        }
        let body = String(decoding: text.utf8.prefix(count), as: UTF8.self)
        guard body.utf8.suffix(Self.randomCount).allSatisfy(Self.alphabet.contains),
            text == body + Self.check(body)
        else { return nil }
        self.text = text
    }

    package var hint: String {
        String(text.prefix(Self.beginning(isSandbox: true).count + Self.hintCount))
    }

    private static func check(_ body: String) -> String {
        var (rest, digits) = (crc32(body.utf8), [UInt8]())
        for _ in 0..<checkCount {
            digits.append(alphabet[Int(rest % 62)])
            rest /= 62
        }
        return String(decoding: digits.reversed(), as: UTF8.self)
    }

    /// Of ISO 3309, as zlib and every language has it.
    private static func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
        ~bytes.reduce(~0) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { sum, _ in
                sum >> 1 ^ (sum & 1 == 1 ? 0xEDB8_8320 : 0)
            }
        }
    }
}
