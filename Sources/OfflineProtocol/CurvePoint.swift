/// Points of P-256 (FIPS 186-5, SEC 2) in compressed form, as certificates carry them.
///
/// Browsers import only uncompressed keys, and every decoder refuses what is no point: *y* is
/// found as a square root, which exists exactly for the *x* of points. The prime is 3 modulo 4, so
/// the root is the power (*p* + 1) / 4.
package enum CurvePoint {
    package static let compressedBytes = 33
    package static let uncompressedBytes = 65

    /// `04 ‖ x ‖ y` for `02 ‖ x` or `03 ‖ x`; nil when that is no point of the curve.
    package static func uncompressed(_ point: [UInt8]) -> [UInt8]? {
        guard point.count == compressedBytes, point[0] == 2 || point[0] == 3 else { return nil }
        let x = FieldElement(bigEndian: point, from: 1)
        guard x.isReduced else { return nil }
        let square = x.squared.times(x).minus(x).minus(x).minus(x).plus(.b)
        let root = square.squareRoot
        guard root.squared == square else { return nil }
        let y = root.isOdd == (point[0] == 3) ? root : FieldElement.zero.minus(root)
        return [4] + x.bytes + y.bytes
    }

    /// The form of certificates, for `04 ‖ x ‖ y`.
    package static func compressed(_ point: [UInt8]) -> [UInt8] {
        precondition(point.count == uncompressedBytes)
        return [2 + point[64] & 1] + point[1..<33]
    }

    package static func isValid(_ point: [UInt8]) -> Bool { uncompressed(point) != nil }
}

/// A number modulo p = 2²⁵⁶ − 2²²⁴ + 2¹⁹² + 2⁹⁶ − 1, in eight words of 32 bits, lowest first: the
/// widest whose products every target multiplies without a library.
struct FieldElement: Equatable {
    /// Eight words where the value is, without an allocation for each step.
    private typealias Words = InlineArray<8, UInt32>

    private var words: Words

    static let zero = FieldElement(words: Words(repeating: 0))

    /// The constant of the curve's equation y² = x³ − 3x + b.
    static let b = FieldElement(words: [
        0x27d2_604b, 0x3bce_3c3e, 0xcc53_b0f6, 0x651d_06b0, 0x7698_86bc, 0xb3eb_bd55, 0xaa3a_93e7,
        0x5ac6_35d8,
    ])

    private static let prime: Words = [
        0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0, 0, 0, 1, 0xffff_ffff,
    ]

    private init(words: Words) { self.words = words }

    init(bigEndian bytes: [UInt8], from start: Int) {
        words = Words(repeating: 0)
        for index in 0..<8 { words[7 - index] = UInt32(bigEndian: bytes, at: start + 4 * index) }
    }

    var bytes: [UInt8] {
        var writer = ByteWriter(capacity: 32)
        for index in 0..<8 { writer.put(words[7 - index]) }
        return writer.bytes
    }

    var isOdd: Bool { words[0] & 1 == 1 }

    static func == (left: FieldElement, right: FieldElement) -> Bool {
        compare(left.words, right.words) == 0
    }

    /// Whether the number is below p, as the bytes of a coordinate must be.
    var isReduced: Bool { Self.compare(words, Self.prime) < 0 }

    func plus(_ other: FieldElement) -> FieldElement {
        var sum = Words(repeating: 0)
        var carry: UInt64 = 0
        for index in 0..<8 {
            carry += UInt64(words[index]) + UInt64(other.words[index])
            sum[index] = UInt32(truncatingIfNeeded: carry)
            carry >>= 32
        }
        return FieldElement(words: Self.reduced(sum, carry: Int64(carry)))
    }

    func minus(_ other: FieldElement) -> FieldElement {
        var difference = Words(repeating: 0)
        var borrow: Int64 = 0
        for index in 0..<8 {
            borrow += Int64(words[index]) - Int64(other.words[index])
            difference[index] = UInt32(truncatingIfNeeded: borrow)
            borrow >>= 32
        }
        return FieldElement(words: Self.reduced(difference, carry: borrow))
    }

    var squared: FieldElement { times(self) }

    func times(_ other: FieldElement) -> FieldElement {
        var product = InlineArray<16, UInt32>(repeating: 0)
        for row in 0..<8 {
            var carry: UInt64 = 0
            for column in 0..<8 {
                carry += UInt64(words[row]) * UInt64(other.words[column])
                carry += UInt64(product[row + column])
                product[row + column] = UInt32(truncatingIfNeeded: carry)
                carry >>= 32
            }
            product[row + 8] = UInt32(carry)
        }
        return Self.reduced(product)
    }

    /// The number to the power (p + 1) / 4 = 2²⁵⁴ − 2²²² + 2¹⁹⁰ + 2⁹⁴: a root, if there is one.
    var squareRoot: FieldElement {
        // 32 ones, one one 95 places down, then zeros: from the binary form of the exponent.
        var power = self
        for _ in 1..<32 { power = power.squared.times(self) }
        for _ in 0..<32 { power = power.squared }
        power = power.times(self)
        for _ in 0..<96 { power = power.squared }
        power = power.times(self)
        for _ in 0..<94 { power = power.squared }
        return power
    }

    // MARK: Steps

    /// FIPS 186-4 D.2.3: the high words folded into the low ones as nine terms.
    private static func reduced(_ c: InlineArray<16, UInt32>) -> FieldElement {
        func w(_ index: Int) -> Int64 { Int64(c[index]) }
        let sums: InlineArray<8, Int64> = [
            w(0) + w(8) + w(9) - w(11) - w(12) - w(13) - w(14),
            w(1) + w(9) + w(10) - w(12) - w(13) - w(14) - w(15),
            w(2) + w(10) + w(11) - w(13) - w(14) - w(15),
            w(3) + 2 * w(11) + 2 * w(12) + w(13) - w(15) - w(8) - w(9),
            w(4) + 2 * w(12) + 2 * w(13) + w(14) - w(9) - w(10),
            w(5) + 2 * w(13) + 2 * w(14) + w(15) - w(10) - w(11),
            w(6) + 3 * w(14) + 2 * w(15) + w(13) - w(8) - w(9),
            w(7) + 3 * w(15) + w(8) - w(10) - w(11) - w(12) - w(13),
        ]
        var words = Words(repeating: 0)
        var carry: Int64 = 0
        for index in 0..<8 {
            carry += sums[index]
            words[index] = UInt32(truncatingIfNeeded: carry)
            carry >>= 32
        }
        return FieldElement(words: reduced(words, carry: carry))
    }

    /// Brings `words + carry · 2²⁵⁶`, a few primes away at most, below p.
    private static func reduced(_ words: Words, carry: Int64) -> Words {
        var (words, carry) = (words, carry)
        while carry < 0 || carry > 0 || compare(words, prime) >= 0 {
            let sign: Int64 = carry < 0 ? 1 : -1
            var sum: Int64 = 0
            for index in 0..<8 {
                sum += Int64(words[index]) + sign * Int64(prime[index])
                words[index] = UInt32(truncatingIfNeeded: sum)
                sum >>= 32
            }
            carry += sum
        }
        return words
    }

    private static func compare(_ left: Words, _ right: Words) -> Int {
        for index in (0..<8).reversed() where left[index] != right[index] {
            return left[index] < right[index] ? -1 : 1
        }
        return 0
    }
}
