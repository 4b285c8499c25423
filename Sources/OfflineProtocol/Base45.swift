/// Base45 (RFC 9285): bytes in the 45 characters of a QR code's alphanumeric mode.
package enum Base45 {
    private static let characters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:".octets

    package static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count * 3 + 1) / 2)
        for index in stride(from: 0, to: bytes.count - 1, by: 2) {
            let pair = Int(bytes[index]) << 8 | Int(bytes[index + 1])
            text.append(characters[pair % 45])
            text.append(characters[pair / 45 % 45])
            text.append(characters[pair / 2025])
        }
        if bytes.count % 2 == 1, let last = bytes.last {
            text.append(characters[Int(last) % 45])
            text.append(characters[Int(last) / 45])
        }
        return text
    }

    /// Only what `encode` can have written is read.
    package static func decode(_ text: some Sequence<UInt8>) throws(DecodingFault) -> [UInt8] {
        var values: [Int] = []
        for character in text {
            guard let value = characters.firstIndex(of: character) else { throw .alphabet }
            values.append(value)
        }
        guard values.count % 3 != 1 else { throw .wrongLength }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * 2 / 3)
        for index in stride(from: 0, to: values.count - 2, by: 3) {
            let pair = values[index] + values[index + 1] * 45 + values[index + 2] * 2025
            guard pair <= 0xFFFF else { throw .notCanonical }
            bytes.append(UInt8(pair >> 8))
            bytes.append(UInt8(pair & 0xFF))
        }
        if values.count % 3 == 2 {
            let last = values[values.count - 2] + values[values.count - 1] * 45
            guard last <= 0xFF else { throw .notCanonical }
            bytes.append(UInt8(last))
        }
        return bytes
    }
}
