import FlorinClient
import HTTP
import Synchronization
import TestSupport
import Testing

/// Someone with a wallet, logged in.
struct Person: Sendable {
    static let password = "a quiet river in June"

    let api: Api
    let id: String
    let username: String
    let phone: String
    let email: String
    let token: String
    let refreshToken: String

    /// What is needed to sign up, and nobody else has.
    struct Names: Sendable {
        let username: String
        let phone: String
        let email: String

        private static let made = Atomic<Int>(0)

        init() {
            let number = Self.made.add(1, ordering: .relaxed).newValue
            username = "person-\(number)"
            phone = "+2547\(10_000_000 + number)"
            email = "person-\(number)@example.com"
            KnownDevices.add(self)
        }

        var signUp: JSON {
            [
                "phone": .string(phone), "username": .string(username), "email": .string(email),
                "password": .string(Person.password),
            ]
        }
    }

    /// Signs up, proves the telephone number, logs in, and tops up.
    static func signUp(
        _ api: Api, money: Int64 = 0, currency: String = "KES", isVerified: Bool = true
    ) async throws -> Person {
        let names = Names()
        _ = try await api.expect(201, .post, "/v1/users", names.signUp)
        if isVerified { try await api.verify(names.phone) }
        let session = try await api.logIn(names.username)
        let person = Person(
            api: api, id: session[at: "user", "id"]?.string ?? "", username: names.username,
            phone: names.phone, email: names.email,
            token: session["access_token"]?.string ?? "",
            refreshToken: session["refresh_token"]?.string ?? "")
        if money > 0 { try await person.topUp(money, currency) }
        return person
    }

    func get(
        _ path: String, at location: SourceLocation = #_sourceLocation
    ) async throws -> JSON {
        try await api.expect(200, .get, path, token: token, at: location)
    }

    func post(
        _ path: String, _ body: JSON? = nil, key: String = Api.newKey(), status: Int = 201,
        at location: SourceLocation = #_sourceLocation
    ) async throws -> JSON {
        try await api.expect(status, .post, path, body, token: token, key: key, at: location)
    }

    func reply(
        _ method: Method, _ path: String, _ body: JSON? = nil, key: String? = Api.newKey()
    ) async throws -> Reply {
        try await api.reply(method, path, body, token: token, key: key)
    }

    @discardableResult
    func refused(
        _ status: Int, _ code: String, _ method: Method, _ path: String, _ body: JSON? = nil,
        key: String? = Api.newKey(), at location: SourceLocation = #_sourceLocation
    ) async throws -> JSON {
        try await api.refused(
            status, code, method, path, body, token: token, key: key, at: location)
    }

    /// The same person, with the same session, at another server on the same database.
    func at(_ server: FlorinServer) -> Person {
        Person(
            api: server.api, id: id, username: username, phone: phone, email: email, token: token,
            refreshToken: refreshToken)
    }

    /// The same person in the hands of the client library.
    var client: WalletClient {
        WalletClient(
            server: api.url,
            credentials: Credentials(accessToken: token, refreshToken: refreshToken))
    }

    /// Shows that it is the owner, who has nothing better than the password.
    func stepUpByPassword() async throws {
        _ = try await post(
            "/v1/sessions/current/step_ups", ["password": .string(Person.password)])
    }

    // MARK: Money

    @discardableResult
    func topUp(_ amount: Int64, _ currency: String = "KES") async throws -> JSON {
        try await post(
            "/sandbox/topups", ["amount": .integer(amount), "currency": .string(currency)])
    }

    @discardableResult
    func send(_ amount: Int64, to recipient: Person) async throws -> JSON {
        try await post("/v1/transfers", .send(amount, to: recipient.username))
    }

    /// The wallet of a currency, as the list of wallets shows it.
    func wallet(_ currency: String = "KES") async throws -> JSON {
        let wallets = try await get("/v1/wallets").rows
        return try #require(wallets.first { $0["currency"]?.string == currency })
    }

    func available(_ currency: String = "KES") async throws -> Int64? {
        try await wallet(currency)["available"]?.integer
    }
}

extension JSON {
    /// The body of a payment or a preview; with `expiresIn` that of a hold.
    static func send(
        _ amount: Int64, to recipient: String, currency: String = "KES", note: String? = nil,
        expiresIn: Int64? = nil
    ) -> JSON {
        var body = JSONObject([
            ("to", .string(recipient)), ("amount", .integer(amount)),
            ("currency", .string(currency)),
        ])
        if let note { body.append("note", .string(note)) }
        if let expiresIn { body.append("expires_in", .integer(expiresIn)) }
        return .object(body)
    }

    /// From the device on which the person proved their telephone number, if they did.
    static func logIn(
        _ login: String, _ password: String = Person.password, isNewDevice: Bool = false
    ) -> JSON {
        var body = JSONObject([("login", .string(login)), ("password", .string(password))])
        if !isNewDevice, let token = KnownDevices.token(for: login) {
            body.append("device", .string(token))
        }
        return .object(body)
    }
}

extension Api {
    /// The newest code that was sent to the number.
    func code(for phone: String) async throws -> String {
        let words = try await messages(to: phone).flatMap { $0.split { !$0.isNumber } }
        return String(try #require(words.first { $0.count == 6 }))
    }

    /// What was sent to the number or the e-mail address, newest first.
    func messages(to recipient: String) async throws -> [String] {
        let name = recipient.replacing("+", with: "%2B")
        let outbox = try await expect(200, .get, "/sandbox/messages?to=\(name)")
        return outbox.rows.compactMap { $0["body"]?.string }
    }

    func verify(_ phone: String) async throws {
        let code = try await code(for: phone)
        let proven = try await expect(
            201, .post, "/v1/phone_verifications",
            ["phone": .string(phone), "code": .string(code)])
        KnownDevices.add(proven["device"]?.string, for: phone)
    }

    func logIn(_ login: String) async throws -> JSON {
        try await expect(201, .post, "/v1/sessions", .logIn(login))
    }

    /// Logs in on a device that is not known, with the code that is sent to the number.
    func logIn(
        _ login: String, _ password: String = Person.password, onNewDeviceOf phone: String
    ) async throws -> JSON {
        let asked = try await refused(
            401, "second_step_required", .post, "/v1/sessions",
            .logIn(login, password, isNewDevice: true))
        let challenge = asked["challenge"]?.string ?? ""
        return try await expect(
            201, .post, "/v1/session_challenges/\(challenge)/answers",
            ["method": "sms_code", "code": .string(try await code(for: phone))])
    }

    /// Moves the clock of the server, and of everyone on it.
    func advanceClock(seconds: Int64) async throws {
        _ = try await expect(
            200, .post, "/sandbox/clock", ["advance_seconds": .integer(seconds)])
    }
}

/// What the devices of these tests keep: the token of each person.
enum KnownDevices {
    private struct State {
        var names: [String: Person.Names] = [:]
        var tokens: [String: String] = [:]
    }

    private static let state = Mutex(State())

    static func add(_ names: Person.Names) {
        state.withLock { $0.names[names.phone] = names }
    }

    static func add(_ token: String?, for phone: String) {
        state.withLock { state in
            guard let names = state.names[phone] else { return }
            for name in [phone, names.username, names.email] { state.tokens[name] = token }
        }
    }

    static func token(for login: String) -> String? {
        state.withLock { $0.tokens[login.lowercased()] }
    }
}
