package import HTTP
internal import Postgres

/// What becomes of a session when its person leaves the app.
package enum SessionMode: String, Sendable, CaseIterable {
    /// It stays, and is refreshed for weeks.
    case standard
    /// It ends, and so it does after a few idle minutes: for telephones that several people use.
    case strict

    init(stored text: String) throws(DatabaseError) {
        guard let mode = SessionMode(rawValue: text) else {
            throw .decoding(column: 0, expected: "a mode of sessions")
        }
        self = mode
    }
}

/// What a client asks for with a log-in, besides being let in.
package struct LogInWish: Sendable {
    /// Tokens of devices, one of which may be known for this person.
    package var deviceTokens: [String] = []
    package var deviceName = DeviceName.unknown
    /// Nil leaves it to the person's setting.
    package var mode: SessionMode?
    /// Whether the session lives in a browser's cookie instead of in tokens.
    package var usesCookie = false
}

extension SessionMode {
    static let names = allCases.map(\.rawValue)
}

extension LogInWish {
    /// What the body of a log-in says, which its schema has checked.
    package init(_ request: Request) {
        if let token = request.json["device"]?.string { deviceTokens = [token] }
        deviceName = DeviceName.make(
            request.json["device_name"]?.string, agent: request.header("user-agent"))
    }

    /// The same for who may also choose what kind of session it is to be.
    init(choosing request: Request) {
        self.init(request)
        mode = request.json["mode"]?.string.flatMap { SessionMode(rawValue: $0) }
        usesCookie = request.json["cookie"]?.bool ?? false
    }
}

/// What a log-in gives.
package struct OpenedSession: Sendable {
    package let user: User
    /// Not to be given to whoever asked for a cookie, whose page shall hold nothing that opens.
    package let tokens: SessionTokens
    package let cookie: SessionCookie?
    package let mode: SessionMode
    /// The token of the device, when it has just become known.
    package let device: String?
}
