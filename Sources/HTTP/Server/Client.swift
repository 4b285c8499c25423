import Values

/// Who asks, as far as the network tells: the other end of the connection, or whom a trusted proxy
/// speaks for.
struct Client: Sendable, Equatable {
    let address: NetworkAddress
    /// `192.0.2.1` or `2001:db8::1`; made once, as it is wanted with every request.
    let text: String

    init(_ address: NetworkAddress) {
        self.address = address
        text = "\(address)"
    }

    /// Walks `X-Forwarded-For` from the nearest hop outwards, past proxies that are trusted.
    ///
    /// What a stranger writes stands farther out than what the first trusted proxy adds, so it is
    /// never reached; and what is no address ends the walk at the last hop that was one.
    func behind(_ trusted: NetworkRanges, _ fields: HeaderFields) -> Client {
        guard !trusted.isEmpty, trusted.contains(address) else { return self }
        let hops = fields.values("x-forwarded-for").flatMap { $0.split(separator: ",") }
        var client = address
        for hop in hops.reversed() {
            guard let address = Self.address(of: ASCII.trimmed(hop)) else { break }
            client = address
            guard trusted.contains(address) else { break }
        }
        return client == address ? self : Client(client)
    }

    /// Some proxies add the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`.
    private static func address(of hop: String) -> NetworkAddress? {
        if let address = NetworkAddress(hop) { return address }
        if hop.hasPrefix("[") { return NetworkAddress(hop.dropFirst().prefix { $0 != "]" }) }
        let parts = hop.split(separator: ":", omittingEmptySubsequences: false)
        return parts.count == 2 ? NetworkAddress(parts[0]) : nil
    }
}
