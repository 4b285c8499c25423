/// The name a client gives to a command before sending it, so that sending twice has one effect.
///
/// 1 to 255 visible ASCII characters, as the IETF draft "The Idempotency-Key HTTP Header Field"
/// suggests.
package struct IdempotencyKey: Sendable, Hashable {
    package let text: String

    package static let charactersMax = 255

    package init?(_ text: String) {
        guard (1...Self.charactersMax).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        self.text = text
    }

    private init(unchecked text: String) { self.text = text }

    /// For a command that nobody will repeat: 128 random bits, in hexadecimal.
    package static func random() -> IdempotencyKey {
        let words = [UInt64.random(in: .min ... .max), .random(in: .min ... .max)]
        return IdempotencyKey(unchecked: words.map { String($0, radix: 16) }.joined(separator: "-"))
    }
}
