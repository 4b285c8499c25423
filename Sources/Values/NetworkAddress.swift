/// An IPv4 or IPv6 address; IPv4 as its mapped form ::ffff:0:0/96 (RFC 4291 §2.5.5.2).
package struct NetworkAddress: Sendable, Hashable {
    package let high: UInt64
    package let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    package static let unspecified = NetworkAddress(high: 0, low: 0)

    package var isIPv4: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// An IPv4 address itself, and of an IPv6 address its network of 64 bits: that much one
    /// household is given (RFC 6177), so a stranger can change the rest at will.
    package var subscriber: NetworkAddress {
        isIPv4 ? self : NetworkAddress(high: high, low: 0)
    }

    /// Accepts what RFC 4291 §2.2 and RFC 6943 §3.1.1 ("strict") call an address, and a zone at its
    /// end, which is dropped.
    package init?(_ text: some StringProtocol) {
        let address = Substring(text).prefix { $0 != "%" }
        if address.utf8.contains(UInt8(ascii: ":")) {
            guard let (high, low) = Self.sixteenBytes(address.utf8) else { return nil }
            self.init(high: high, low: low)
        } else {
            guard let number = Self.fourBytes(text.utf8) else { return nil }
            self.init(high: 0, low: 0xFFFF << 32 | UInt64(number))
        }
    }

    private static func fourBytes(_ text: some Collection<UInt8>) -> UInt32? {
        var (number, digits, part, parts): (UInt32, Int, UInt32, Int) = (0, 0, 0, 1)
        for byte in text {
            if byte == UInt8(ascii: ".") {
                guard digits > 0, parts < 4 else { return nil }
                (number, part, digits, parts) = (number << 8 | part, 0, 0, parts + 1)
                continue
            }
            // A zero in front means octal to some readers.
            guard (0x30...0x39).contains(byte), !(digits > 0 && part == 0) else { return nil }
            part = part * 10 + UInt32(byte - 0x30)
            digits += 1
            guard part <= 255 else { return nil }
        }
        return parts == 4 && digits > 0 ? number << 8 | part : nil
    }

    private static func sixteenBytes(_ text: Substring.UTF8View) -> (UInt64, UInt64)? {
        let halves = halves(text)
        guard let before = groups(halves.before, mayEndInIPv4: halves.after == nil),
            let after = groups(halves.after ?? halves.before, mayEndInIPv4: true)
        else { return nil }
        var groups = before
        if halves.after != nil {
            // `::` stands for one group at least.
            guard before.count + after.count < 8 else { return nil }
            groups += repeatElement(0, count: 8 - before.count - after.count) + after
        }
        guard groups.count == 8 else { return nil }
        let words = groups.map { UInt64($0) }
        return (
            words[0] << 48 | words[1] << 32 | words[2] << 16 | words[3],
            words[4] << 48 | words[5] << 32 | words[6] << 16 | words[7]
        )
    }

    /// What stands before the first `::`, and after it if there is one.
    private static func halves(
        _ text: Substring.UTF8View
    ) -> (before: Substring.UTF8View, after: Substring.UTF8View?) {
        let colon = UInt8(ascii: ":")
        for place in text.indices where text[place] == colon {
            let next = text.index(after: place)
            guard next < text.endIndex, text[next] == colon else { continue }
            return (text[..<place], text[text.index(after: next)...])
        }
        return (text, nil)
    }

    private static func groups(
        _ text: Substring.UTF8View, mayEndInIPv4: Bool
    ) -> [UInt16]? {
        guard !text.isEmpty else { return [] }
        let fields = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (place, field) in fields.enumerated() {
            if mayEndInIPv4, place == fields.count - 1, let number = fourBytes(field) {
                groups += [UInt16(number >> 16), UInt16(truncatingIfNeeded: number)]
            } else if (1...4).contains(field.count), field.allSatisfy(isHexadecimal),
                let group = UInt16(Substring(field), radix: 16)
            {
                groups.append(group)
            } else {
                return nil
            }
        }
        return groups
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x46, 0x61...0x66: true
        default: false
        }
    }
}

extension NetworkAddress: CustomStringConvertible {
    /// `192.0.2.1`, or the form of RFC 5952.
    package var description: String {
        guard !isIPv4 else {
            return [24, 16, 8, 0].map { String(low >> $0 & 0xFF) }.joined(separator: ".")
        }
        let groups = [high, low].flatMap { word in [48, 32, 16, 0].map { word >> $0 & 0xFFFF } }
        guard let gap = Self.longestZeros(groups) else {
            return groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        let before = groups[..<gap.lowerBound].map { String($0, radix: 16) }
        let after = groups[gap.upperBound...].map { String($0, radix: 16) }
        return before.joined(separator: ":") + "::" + after.joined(separator: ":")
    }

    private static func longestZeros(_ groups: [UInt64]) -> Range<Int>? {
        var best = 0..<0
        var start = 0
        for place in 0...groups.count where place == groups.count || groups[place] != 0 {
            if place - start > best.count { best = start..<place }
            start = place + 1
        }
        return best.count > 1 ? best : nil
    }
}

/// A list of networks, such as `10.0.0.0/8` and `2001:db8::1`.
package struct NetworkRanges: Sendable, Equatable {
    private struct Network: Sendable, Equatable {
        let address: NetworkAddress
        let bits: Int

        func contains(_ other: NetworkAddress) -> Bool {
            guard address.isIPv4 == other.isIPv4 else { return false }
            let high = Self.mask(bits), low = Self.mask(bits - 64)
            return address.high & high == other.high & high
                && address.low & low == other.low & low
        }

        private static func mask(_ bits: Int) -> UInt64 {
            bits <= 0 ? 0 : bits >= 64 ? .max : .max << (64 - bits)
        }
    }

    private let networks: [Network]

    package static let none = NetworkRanges(networks: [])

    private init(networks: [Network]) {
        self.networks = networks
    }

    /// Nil when one of them is no address, or no network.
    package init?(_ texts: [String]) {
        var networks: [Network] = []
        for text in texts {
            guard let network = Self.network(text) else { return nil }
            networks.append(network)
        }
        self.networks = networks
    }

    private static func network(_ text: String) -> Network? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count <= 2, let address = NetworkAddress(parts[0]) else { return nil }
        let bitsMax = address.isIPv4 ? 32 : 128
        let bits = parts.count == 2 ? Int(parts[1]) : bitsMax
        guard let bits, (0...bitsMax).contains(bits) else { return nil }
        return Network(address: address, bits: 128 - bitsMax + bits)
    }

    package var isEmpty: Bool { networks.isEmpty }

    package func contains(_ address: NetworkAddress) -> Bool {
        networks.contains { $0.contains(address) }
    }
}
