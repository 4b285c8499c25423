/// Writes `application/x-www-form-urlencoded`, and the query of an address in the same spelling.
enum FormBody {
    static let mediaType = "application/x-www-form-urlencoded"

    static func text(_ fields: [(String, String)]) -> String {
        fields.map { coded($0.0) + "=" + coded($0.1) }.joined(separator: "&")
    }

    /// Everything but what RFC 3986 section 2.3 leaves as it is.
    private static func coded(_ text: String) -> String {
        var coded: [UInt8] = []
        for byte in text.utf8 {
            if isUnreserved(byte) {
                coded.append(byte)
            } else {
                coded += [UInt8(ascii: "%"), digit(byte >> 4), digit(byte & 15)]
            }
        }
        return String(decoding: coded, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
            UInt8(ascii: "_"), UInt8(ascii: "~"):
            true
        default: false
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }
}
