import HTTP
import OfflineProtocol
import Postgres
import TestSupport
import Testing
import Values

/// Who calls, as far as it makes a difference to a door.
enum Who: Hashable, CustomStringConvertible {
    case nobody
    case unverified
    case person(role: String)
    /// A program with the key of a merchant, for one scope.
    case key(scope: String)
    /// The same with the token that it got for a key of all scopes.
    case client(scope: String)

    static let scopes = [
        "wallets:read", "transfers:read", "transfers:write", "holds:read", "holds:write",
        "requests:read", "requests:write",
    ]
    static let roles = [
        "customer", "worker", "merchant", "support", "finance", "admin", "auditor",
    ]
    static let all: [Who] =
        [.nobody, .unverified] + roles.map { .person(role: $0) }
        + scopes.flatMap { [.key(scope: $0), .client(scope: $0)] }

    var description: String {
        switch self {
        case .nobody: "nobody"
        case .unverified: "somebody unverified"
        case .person(let role): role
        case .key(let scope): "a key for \(scope)"
        case .client(let scope): "a client for \(scope)"
        }
    }

    var role: String? {
        switch self {
        case .nobody: nil
        case .unverified: "customer"
        case .person(let role): role
        case .key, .client: "merchant"
        }
    }
}

/// People of every kind at one server. One of them, the owner, has things that the others try to
/// get at; the neighbour has had to do with the owner.
struct Neighbourhood: Sendable {
    let api: Api
    let owner: Person
    let neighbour: Person
    private let people: [Who: Person]
    private let keys: [Who: String]
    private let database: Database
    private let vendors: Vendors

    init() async throws {
        let database = try await TestPostgres.database()
        self.database = database.pool()
        let vendors = try Vendors()
        self.vendors = vendors
        api = try await FlorinServer.start(database: database, vendors.settings).api
        let hands = try database.connection()
        owner = try await Self.person("merchant", api, hands)
        // Some of the owner's things are passkeys, and who has one shows more than the password.
        try await owner.stepUp()
        neighbour = try await Self.person("customer", api, hands)
        let unverified = try await Person.signUp(api, isVerified: false)
        try await unverified.stepUpByPassword()
        var people = [Who.unverified: unverified]
        let body: JSON = [
            "from": .string(unverified.username), "amount": 1, "currency": "KES",
        ]
        _ = try await neighbour.post("/v1/requests", body)
        for role in Who.roles {
            people[.person(role: role)] = try await Self.person(role, api, hands)
        }
        var keys: [Who: String] = [:]
        for scope in Who.scopes {
            let made = try await people[.person(role: "merchant")]?.post(
                "/v1/api_keys", .key(scopes: [scope]))
            keys[.key(scope: scope)] = made?["key"]?.string
        }
        let client = try await people[.person(role: "merchant")]?.post(
            "/v1/api_keys", .key(scopes: Who.scopes))
        for scope in Who.scopes {
            let given = try await api.form(
                "/oauth/token",
                "grant_type=client_credentials&client_id=\(client?.id ?? "")"
                    + "&client_secret=\(client?["key"]?.string ?? "")&scope=\(scope)")
            try #require(given.status == 200, "\(given.text)")
            keys[.client(scope: scope)] = given.json["access_token"]?.string
        }
        (self.people, self.keys) = (people, keys)
    }

    /// The role is given before the first request, so nobody has looked it up yet.
    private static func person(
        _ role: String, _ api: Api, _ hands: Connection
    ) async throws -> Person {
        let person = try await Person.signUp(api)
        try hands.execute(
            "UPDATE identity.users SET role = \(role) WHERE username = \(person.username)")
        try person.letWork(by: hands)
        try await person.stepUpByPassword()
        if role != "auditor" { try await person.topUp(1_000_000) }
        return person
    }

    func token(of who: Who) -> String? { people[who]?.token ?? keys[who] }

    func person(_ who: Who) -> Person? { people[who] }

    /// A log-in of the same person that nothing else depends on.
    func freshToken(of who: Who) async throws -> String? {
        guard let person = people[who] else { return nil }
        return try await api.logIn(person.username)["access_token"]?.string
    }
}

// MARK: What is the owner's

extension Neighbourhood {
    func wallet() async throws -> String { try await owner.wallet().id }

    /// A payment that the owner received.
    func received() async throws -> String { try await neighbour.send(100, to: owner).id }

    /// A hold for the owner.
    func hold() async throws -> String {
        try await neighbour.post(
            "/v1/holds", .send(100, to: owner.username, expiresIn: 86_400)
        ).id
    }

    /// A request that the owner made.
    func asked() async throws -> String {
        try await owner.post("/v1/requests", ask(neighbour)).id
    }

    /// A request that the owner is to pay.
    func owed() async throws -> String {
        try await neighbour.post("/v1/requests", ask(owner)).id
    }

    func key() async throws -> String {
        try await owner.post("/v1/api_keys", .key(scopes: ["wallets:read"])).id
    }

    /// One that opens nothing: who may rename and remove it is what matters here.
    func passkey() async throws -> String {
        let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
        let owner = try #require(ID<Person>(owner.id))
        return try await database.transaction { transaction in
            try transaction.execute(
                """
                INSERT INTO identity.passkey_owners (user_id, handle)
                VALUES (\(owner), \(bytes)) ON CONFLICT DO NOTHING
                """)
            let row = try transaction.query(
                """
                INSERT INTO identity.passkeys (id, user_id, credential_id, public_key, sign_count,
                    name, created_at)
                VALUES (gen_random_uuid(), \(owner), \(bytes), \(bytes), 0, 'Old phone', now())
                RETURNING id::text
                """)[0]
            return try row[0]
        }
    }

    /// A new offline wallet of the owner's; so many are in use at once at most.
    func device() async throws -> String {
        try await endDevices()
        return try await Device.enrol(owner).hex
    }

    private func endDevices() async throws {
        for wallet in try await owner.get("/v1/offline/wallets").rows
        where wallet.status == "live" {
            _ = try await owner.post(
                "/v1/offline/wallets/\(wallet["wallet"]?.string ?? "")/lost")
        }
    }

    /// An offline payment of the owner's that nobody else has seen.
    func offlineRecord() async throws -> String {
        try await endDevices()
        var phone = try await Device.enrol(owner, own: 10)
        var other = try await Device.enrol(Person.signUp(api))
        let payment = try phone.pay(other.ask(1))
        try await phone.show(payment.encoded)
        return payment.last.hex
    }

    /// A top-up of the owner's that their telephone asks about.
    func outsidePayment() async throws -> String {
        try await owner.post(
            "/v1/topups", ["rail": "mpesa", "amount": 1_000, "currency": "KES"]
        ).id
    }

    /// Documents of the owner's that wait for staff.
    func submission() async throws -> String {
        let newest = try await owner.get("/v1/kyc")["submission"]
        if let newest, newest["state"]?.string == "submitted" { return newest.id }
        return try await owner.sendDocuments().id
    }

    func ask(_ person: Person) -> JSON {
        ["from": .string(person.username), "amount": 100, "currency": "KES"]
    }
}
