/// A UUID version 7 (RFC 9562) that knows what it identifies: `ID<User>` and `ID<Wallet>` do not
/// mix.
///
/// The first 48 bits are milliseconds since 1970, so ids sort by the time they were made and
/// their index grows at one end.
package struct ID<Owner>: Sendable, Hashable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package static func make(
        at now: Timestamp, using random: inout some RandomNumberGenerator
    ) -> ID {
        let milliseconds = UInt64(max(0, now.microseconds / 1000))
        let version: UInt64 = 0x7000
        let variant: UInt64 = 0x8000_0000_0000_0000
        return ID(
            high: milliseconds << 16 | version | random.next(upperBound: 0x1000),
            low: variant | random.next() >> 2)
    }

    /// No id that was made at this millisecond or later sorts before it.
    package static func earliest(at moment: Timestamp) -> ID {
        ID(high: UInt64(max(0, moment.microseconds / 1000)) << 16, low: 0)
    }

    package static func make(at now: Timestamp) -> ID {
        var random = SystemRandomNumberGenerator()
        return make(at: now, using: &random)
    }
}

extension ID: Comparable {
    package static func < (left: ID, right: ID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }
}

// MARK: Text

extension ID: CustomStringConvertible {
    /// The 36 characters of RFC 9562, in lower case.
    package var description: String {
        let characters = characters
        return String(decoding: characters.indices.map { characters[$0] }, as: UTF8.self)
    }

    /// The same characters in ASCII, for who writes many: they take no memory of their own.
    package var characters: InlineArray<36, UInt8> {
        var text = InlineArray<36, UInt8>(repeating: UInt8(ascii: "-"))
        Self.write(high >> 32, 0..<8, &text)
        Self.write(high >> 16, 9..<13, &text)
        Self.write(high, 14..<18, &text)
        Self.write(low >> 48, 19..<23, &text)
        Self.write(low, 24..<36, &text)
        return text
    }

    /// The lowest digits of the word, from the last one backwards.
    private static func write(
        _ word: UInt64, _ places: Range<Int>, _ text: inout InlineArray<36, UInt8>
    ) {
        var rest = word
        for place in places.reversed() {
            let nibble = UInt8(truncatingIfNeeded: rest & 0xF)
            text[place] = nibble < 10 ? 0x30 + nibble : 0x57 + nibble
            rest >>= 4
        }
    }

    /// Accepts the 36-character form in either case and nothing else.
    package init?(_ text: some StringProtocol) {
        var (high, low) = (UInt64(0), UInt64(0))
        var position = 0
        for byte in text.utf8 {
            let isDash = position == 8 || position == 13 || position == 18 || position == 23
            position += 1
            guard position <= 36, isDash == (byte == 0x2D) else { return nil }
            if isDash { continue }
            guard let nibble = Self.nibble(byte) else { return nil }
            high = high << 4 | low >> 60
            low = low << 4 | nibble
        }
        guard position == 36 else { return nil }
        self.init(high: high, low: low)
    }

    private static func nibble(_ byte: UInt8) -> UInt64? {
        switch byte {
        case 0x30...0x39: UInt64(byte - 0x30)
        case 0x41...0x46: UInt64(byte - 0x37)
        case 0x61...0x66: UInt64(byte - 0x57)
        default: nil
        }
    }
}
