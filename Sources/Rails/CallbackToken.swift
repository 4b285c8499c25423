internal import Cryptography
package import Values

/// The part of a callback's address that nobody can guess: which payment, what for, and a proof
/// that we made it. Providers that sign nothing are believed no further than this, and then asked.
package struct CallbackToken: Sendable, Equatable {
    package enum Purpose: UInt8, Sendable, CaseIterable {
        /// What the provider says of its own accord.
        case outcome = 1
        /// Where the provider's answer to a question of ours comes.
        case answer = 2
        /// The provider gave up before it tried.
        case timeOut = 3
    }

    package let payment: ID<RailPayment>
    package let purpose: Purpose
}

/// Makes and proves tokens.
package struct CallbackTokens: Sendable {
    /// 128 bits: nobody tries so many.
    private static let proofBytes = 16
    private static let payloadBytes = 17

    private let keys: [[UInt8]]

    /// The first proves; what the others have proven is believed too.
    package init(keys: [[UInt8]]) {
        precondition(!keys.isEmpty && keys.allSatisfy { $0.count >= 32 })
        self.keys = keys
    }

    package func text(_ payment: ID<RailPayment>, _ purpose: CallbackToken.Purpose) -> String {
        let payload = Self.bytes(payment.high) + Self.bytes(payment.low) + [purpose.rawValue]
        return Base64URL.encode(payload + Self.proof(payload, keys[0]))
    }

    package func token(_ text: String) -> CallbackToken? {
        guard let bytes = Base64URL.decode(text),
            bytes.count == Self.payloadBytes + Self.proofBytes
        else { return nil }
        let payload = Array(bytes.prefix(Self.payloadBytes))
        let given = Array(bytes.suffix(Self.proofBytes))
        guard keys.contains(where: { constantTimeEquals(given, Self.proof(payload, $0)) }),
            let purpose = CallbackToken.Purpose(rawValue: payload[16])
        else { return nil }
        return CallbackToken(
            payment: ID(high: Self.word(payload[0..<8]), low: Self.word(payload[8..<16])),
            purpose: purpose)
    }

    private static func proof(_ payload: [UInt8], _ key: [UInt8]) -> [UInt8] {
        Array(Hash.hmacSHA256(key: key, payload).prefix(proofBytes))
    }

    private static func bytes(_ word: UInt64) -> [UInt8] {
        (0..<8).reversed().map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }

    private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }
}

/// Where a provider reaches us about one payment.
package struct CallbackAddresses: Sendable {
    let base: String
    let provider: String
    let payment: ID<RailPayment>
    let tokens: CallbackTokens

    package func url(_ purpose: CallbackToken.Purpose) -> String {
        "\(base)/v1/callbacks/\(provider)/\(tokens.text(payment, purpose))"
    }

    /// Where a person's browser comes back to from the provider's page.
    package var returnURL: String { "\(base)/?payment=\(payment)" }
}
