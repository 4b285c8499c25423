package import HTTP

/// Florin's API for one person: every call of `/v1`, and the sandbox's.
///
/// Calls throw `FlorinError`, or `CancellationError` when their task is cancelled. Calls that move
/// money are commands with a key. The client repeats them with the same key, a few times, when it
/// cannot know whether they arrived. When it gives up, repeat them later with the key that you
/// chose:
///
/// ```swift
/// let client = WalletClient(server: "https://wallet.example")
/// try await client.logIn(login: "amina", password: password)
/// let key = WalletClient.makeKey()
/// let transfer = try await client.send(to: "brian", amount: 1250, currency: "KES", key: key)
/// ```
public final class WalletClient: Sendable {
    let exchange: Exchange

    /// - Parameter server: such as `https://wallet.example`, without a path.
    /// - Parameter unixSocket: connects to this socket instead of the server's host and port.
    /// - Parameter credentials: of an earlier log-in.
    /// - Parameter guarding: stands around every renewal of the tokens, to lock and to store.
    public init(
        server: String, unixSocket: String? = nil, credentials: Credentials? = nil,
        guarding: @escaping CredentialsGuard = { stale, refresh in try await refresh(stale) }
    ) {
        let base = server.hasSuffix("/") ? String(server.dropLast()) : server
        exchange = Exchange(
            server: base, unixSocket: unixSocket, http: HTTPClient(),
            tokens: TokenKeeper(credentials, guarding: guarding))
    }

    /// A new name for a command: 128 random bits.
    public static func makeKey() -> String {
        var random = SystemRandomNumberGenerator()
        let words = [random.next(), random.next()] as [UInt64]
        return words.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// The tokens in use.
    public var credentials: Credentials? {
        get async { await exchange.tokens.credentials }
    }

    /// Any call, for what has no method of its own: the status and the JSON of a success.
    package func call(
        _ method: Method, _ path: String, body: JSON? = nil, key: String? = nil,
        isOpen: Bool = false
    ) async throws -> (status: Int, json: JSON) {
        let answer = try await exchange.perform(
            Call(method: method, path: path, body: body, key: key, isOpen: isOpen))
        return (answer.status, answer.fields.json)
    }
}

// MARK: Oneself

extension WalletClient {
    /// Signs up; the server sends a code to the telephone number.
    public func signUp(
        phone: String, username: String, password: String, email: String? = nil
    ) async throws -> User {
        var body = JSONObject([
            ("phone", .string(phone)), ("username", .string(username)),
            ("password", .string(password)),
        ])
        if let email { body.append("email", .string(email)) }
        return try await post("/v1/users", .object(body), isOpen: true).read(User.init)
    }

    /// - Parameter deviceName: what the person calls this device, which becomes known by it.
    public func verifyPhone(
        _ phone: String, code: String, deviceName: String? = nil
    ) async throws -> Verification {
        var body = JSONObject([("phone", .string(phone)), ("code", .string(code))])
        if let deviceName { body.append("device_name", .string(deviceName)) }
        return try await post("/v1/phone_verifications", .object(body), isOpen: true)
            .read(Verification.init)
    }

    /// Asks for a new code; answers the seconds for which it will be good.
    @discardableResult
    public func resendCode(to phone: String) async throws -> Int64 {
        try await post("/v1/phone_codes", ["phone": .string(phone)], isOpen: true)
            .read { fields throws(Fields.Missing) in try fields.integer("expires_in") }
    }

    /// Logs in with username, telephone number or e-mail, and keeps the tokens for the calls to
    /// come. On a device that is not known this throws; `SecondStep` reads from the error what to
    /// `answer`.
    ///
    /// - Parameter device: what an earlier log-in of the person gave on this device.
    /// - Parameter mode: `standard` or `strict`; the person's own setting when it is nil.
    @discardableResult
    public func logIn(
        login: String, password: String, device: String? = nil, deviceName: String? = nil,
        mode: String? = nil
    ) async throws -> Session {
        var body = JSONObject([("login", .string(login)), ("password", .string(password))])
        if let device { body.append("device", .string(device)) }
        if let deviceName { body.append("device_name", .string(deviceName)) }
        if let mode { body.append("mode", .string(mode)) }
        return try await enter("/v1/sessions", .object(body))
    }

    /// Answers the second step of a log-in with a code.
    @discardableResult
    public func answer(
        _ challenge: String, method: String = "sms_code", code: String
    ) async throws -> Session {
        try await enter(
            "/v1/session_challenges/\(PercentEncoding.encode(challenge))/answers",
            ["method": .string(method), "code": .string(code)])
    }

    /// Has the code of a log-in sent, for who could answer with something else as well.
    public func sendCode(for challenge: String) async throws {
        let path = "/v1/session_challenges/\(PercentEncoding.encode(challenge))/codes"
        _ = try await post(path, isOpen: true)
    }

    private func enter(_ path: String, _ body: JSON) async throws -> Session {
        let session = try await post(path, body, isOpen: true).read(Session.init)
        await exchange.tokens.set(session.credentials)
        return session
    }

    /// Ends the session on the server, and forgets the tokens once that is done.
    public func logOut() async throws {
        _ = try await exchange.perform(Call(method: .delete, path: "/v1/sessions/current"))
        await exchange.tokens.set(nil)
    }

    public func me() async throws -> User {
        try await get("/v1/me").read(User.init)
    }
}

// MARK: Wallets

extension WalletClient {
    public func wallets() async throws -> [Wallet] {
        try await get("/v1/wallets").read { fields throws(Fields.Missing) in
            try fields.listing(Wallet.init).elements
        }
    }

    /// Opens a wallet, or finds the one there is.
    public func openWallet(currency: String) async throws -> Wallet {
        try await post("/v1/wallets", ["currency": .string(currency)]).read(Wallet.init)
    }

    public func wallet(_ id: String) async throws -> Wallet {
        try await get("/v1/wallets/" + PercentEncoding.encode(id)).read(Wallet.init)
    }

    /// History, newest first. `from` is included and `to` is not; both are RFC 3339.
    public func entries(
        of wallet: String, cursor: String? = nil, limit: Int? = nil, from: String? = nil,
        to: String? = nil
    ) async throws -> Listing<Entry> {
        let call = Call(
            path: "/v1/wallets/\(PercentEncoding.encode(wallet))/entries",
            query: [
                ("cursor", cursor), ("limit", limit.map { String($0) }), ("from", from), ("to", to),
            ])
        return try await exchange.perform(call).read { fields throws(Fields.Missing) in
            try fields.listing(Entry.init)
        }
    }
}

// MARK: Steps

extension WalletClient {
    func get(_ path: String, _ query: [(name: String, value: String?)] = []) async throws -> Answer
    {
        try await exchange.perform(Call(path: path, query: query))
    }

    func send(_ method: Method, _ path: String, _ body: JSON? = nil) async throws -> Answer {
        try await exchange.perform(Call(method: method, path: path, body: body))
    }

    func post(
        _ path: String, _ body: JSON? = nil, key: String? = nil, isOpen: Bool = false,
        pin: String? = nil
    ) async throws -> Answer {
        let headers = pin.map { [("X-Florin-PIN", $0)] } ?? []
        return try await exchange.perform(
            Call(
                method: .post, path: path, body: body, key: key, isOpen: isOpen, headers: headers))
    }
}
