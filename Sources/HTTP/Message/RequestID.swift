/// The name of one request: the client's own if it is sane, else made here.
enum RequestID {
    static let charactersMax = 128

    /// Names go into logs and headers as they are, so they must be harmless there.
    static func isSane(_ text: String) -> Bool {
        (1...charactersMax).contains(text.utf8.count) && text.utf8.allSatisfy(isHarmless)
    }

    private static func isHarmless(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

/// Makes request ids: unique, unguessable enough for a name, and without a system call each.
///
/// They are no secrets; nothing may be authorised by knowing one.
struct RequestIDSource {
    private var state: UInt64

    init() {
        var random = SystemRandomNumberGenerator()
        state = random.next()
    }

    /// 32 hexadecimal digits from two steps of SplitMix64 (Steele, Lea and Flood, 2014).
    mutating func next() -> String {
        var text: [UInt8] = []
        text.reserveCapacity(32)
        for word in [step(), step()] {
            for shift in stride(from: 60, through: 0, by: -4) {
                text.append(JSONText.hexDigit(UInt8(truncatingIfNeeded: word >> shift & 0xF)))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func step() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
