/// Where a process of the installation can be reached by the others: a host and a port.
package struct PeerAddress: Sendable, Hashable {
    package let host: String
    package let port: UInt16

    /// On this machine only, on whatever port is free.
    package static let loopback = PeerAddress(host: "127.0.0.1", port: 0)

    private static let hostBytesMax = 253

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `host:port`, where the host is a name, an IPv4 address, or an IPv6 address in brackets.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[colon...].dropFirst())
        else { return nil }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
        } else if host.contains(":") {
            return nil
        }
        guard !host.isEmpty, host.utf8.count <= Self.hostBytesMax else { return nil }
        self.init(host: String(host), port: port)
    }
}

extension PeerAddress: CustomStringConvertible {
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
