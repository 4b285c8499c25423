/// Where a Redis is, who may speak to it, and which of its databases is ours.
///
/// `redis://[[user]:password@]host[:port][/database]`, or `unix://[[user]:password@]/path` with
/// `?db=database`, or the path of a socket alone. Its description never holds the password.
package struct RedisAddress: Sendable, Equatable {
    package enum Place: Sendable, Equatable {
        case host(String, port: Int32)
        case socket(path: String)
    }

    package let place: Place
    package let user: String?
    package let password: String?
    package let database: Int64

    static let portDefault: Int32 = 6379
    /// A Redis may be set up with more, which nobody does.
    static let databaseMax: Int64 = 1023
    /// The size of `sun_path`, its last zero left out.
    static let socketBytesMax = 107

    package init?(_ text: String) {
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else { return nil }
        if text.hasPrefix("/") {
            self.init(path: text[...], credentials: nil, database: nil)
        } else if let rest = text.removingPrefix("unix://") {
            let (credentials, path) = Self.split(rest)
            let parts = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
            let query = parts.count == 2 ? parts[1] : nil
            guard query == nil || query?.hasPrefix("db=") == true else { return nil }
            self.init(path: parts[0], credentials: credentials, database: query?.dropFirst(3))
        } else if let rest = text.removingPrefix("redis://") {
            let (credentials, place) = Self.split(rest)
            let parts = place.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
            let database = parts.count == 2 && !parts[1].isEmpty ? parts[1] : nil
            self.init(host: parts[0], credentials: credentials, database: database)
        } else {
            return nil
        }
    }

    private init?(path: Substring, credentials: Substring?, database: Substring?) {
        guard path.hasPrefix("/"), (2...Self.socketBytesMax).contains(path.utf8.count) else {
            return nil
        }
        self.init(.socket(path: String(path)), credentials, database)
    }

    private init?(host: Substring, credentials: Substring?, database: Substring?) {
        let isBracketed = host.hasPrefix("[")
        let name = isBracketed ? host.dropFirst().prefix { $0 != "]" } : host.prefix { $0 != ":" }
        let rest = host.dropFirst(name.count + (isBracketed ? 2 : 0))
        guard !name.isEmpty, !isBracketed || host.contains("]"),
            rest.isEmpty || rest.hasPrefix(":"),
            let port = rest.isEmpty ? Self.portDefault : Int32(rest.dropFirst()),
            (1...65_535).contains(port)
        else { return nil }
        self.init(.host(String(name), port: port), credentials, database)
    }

    private init?(_ place: Place, _ credentials: Substring?, _ database: Substring?) {
        let number = database.map { Int64($0) ?? -1 } ?? 0
        guard (0...Self.databaseMax).contains(number) else { return nil }
        self.place = place
        self.database = number
        guard let credentials else {
            (user, password) = (nil, nil)
            return
        }
        let parts = credentials.split(
            separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let name = Self.unescaped(parts[0]),
            let secret = Self.unescaped(parts[1]), !secret.isEmpty
        else { return nil }
        user = name.isEmpty ? nil : name
        password = secret
    }

    /// What stands before the last `@`, and after it.
    private static func split(_ text: Substring) -> (credentials: Substring?, rest: Substring) {
        guard let at = text.lastIndex(of: "@") else { return (nil, text) }
        return (text[..<at], text[text.index(after: at)...])
    }

    /// RFC 3986 §2.1.
    private static func unescaped(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let digits = Optional(rest.prefix(2)), digits.count == 2,
                let value = UInt8(String(decoding: digits, as: UTF8.self), radix: 16), value != 0
            else { return nil }
            rest = rest.dropFirst(2)
            bytes.append(value)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension RedisAddress: CustomStringConvertible {
    package var description: String {
        switch place {
        case .host(let name, let port): "\(name):\(port)"
        case .socket(let path): path
        }
    }
}

extension String {
    fileprivate func removingPrefix(_ prefix: String) -> Substring? {
        hasPrefix(prefix) ? dropFirst(prefix.count) : nil
    }
}
