import OfflineProtocol
import TestSupport

/// The way from one screen to another camera, or from a phone to the server: what is sent may come
/// not at all, twice, late, changed in one bit, or without its end.
struct Channel {
    private var before: [UInt8]?

    struct Arrival {
        let bytes: [UInt8]
        let isDamaged: Bool
    }

    mutating func carry(_ object: [UInt8], _ random: inout SplitMix64) -> [Arrival] {
        defer { before = object }
        guard random.chance(12) else { return [Arrival(bytes: object, isDamaged: false)] }
        switch Int.random(in: 0..<6, using: &random) {
        case 0: return []
        case 1:
            let whole = Arrival(bytes: object, isDamaged: false)
            return [whole, whole]
        case 2:
            // What was shown before comes once more, and first.
            let late = before.map { Arrival(bytes: $0, isDamaged: false) }
            return [late, Arrival(bytes: object, isDamaged: false)].compactMap { $0 }
        case 3:
            let damaged = Arrival(bytes: Self.flip(object, &random), isDamaged: true)
            return [damaged] + (random.chance(60) ? [Arrival(bytes: object, isDamaged: false)] : [])
        case 4:
            let length = Int.random(in: 0..<object.count, using: &random)
            return [Arrival(bytes: Array(object.prefix(length)), isDamaged: true)]
        default: return Self.throughCodes(object, &random)
        }
    }

    static func flip(_ object: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
        var object = object
        object[Int.random(in: object.indices, using: &random)] ^=
            1 << UInt8.random(in: 0..<8, using: &random)
        return object
    }

    /// As texts of QR codes: whole, or in frames of which one is lost and the rest come in any
    /// order.
    private static func throughCodes(
        _ object: [UInt8], _ random: inout SplitMix64
    ) -> [Arrival] {
        var texts = [CodeText.whole(object)]
        if random.chance(50) {
            texts = CodeText.frames(of: object).shuffled(using: &random)
            texts.removeLast()
        }
        var assembler = FrameAssembler()
        for text in texts {
            switch try? CodeText.decode(text) {
            case .object(let bytes): return [Arrival(bytes: bytes, isDamaged: false)]
            case .frame(let frame):
                guard let whole = assembler.add(frame) else { continue }
                return [Arrival(bytes: whole, isDamaged: false)]
            case nil: return []
            }
        }
        return []
    }
}
