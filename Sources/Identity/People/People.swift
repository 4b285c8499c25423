internal import Cryptography
internal import Postgres
internal import Telemetry
package import Values

extension Identity {
    /// The person behind a username, a telephone number or an e-mail address; nil when there is
    /// none.
    package func find(_ text: String) async throws -> User? {
        try await database.read { transaction in try find(text, transaction) }
    }

    package func user(_ id: ID<User>) async throws -> User? {
        try await database.read { transaction in
            try users(where: "id = \(id)", transaction).first
        }
    }

    /// Several people at once; who does not exist is absent.
    package func users(_ ids: Set<ID<User>>) async throws -> [ID<User>: User] {
        let found = try await database.read { transaction in
            try users(where: "id = ANY(\(Array(ids)))", transaction)
        }
        return Dictionary(uniqueKeysWithValues: found.map { ($0.id, $0) })
    }

    /// Who is behind each of these usernames, telephone numbers and e-mail addresses; what names
    /// nobody is absent.
    package func find(_ texts: Set<String>) async throws -> [String: Found] {
        var asked: [Handle: [String]] = [:]
        for text in texts {
            if let handle = handle(text) { asked[handle, default: []].append(text) }
        }
        let handles = Array(asked.keys)
        let found = try await database.read { transaction in
            try find(handles, transaction)
        }
        var people: [String: Found] = [:]
        for (handle, person) in found {
            for text in asked[handle] ?? [] { people[text] = person }
        }
        return people
    }

    /// What others may know of a person.
    package struct Found: Sendable {
        package let id: ID<User>
        package let username: Username
    }

    // MARK: Steps

    /// What a person can be found by.
    enum Handle: Sendable, Hashable {
        case phone([UInt8])
        case email([UInt8])
        case username(String)
    }

    private func find(
        _ handles: [Handle], _ transaction: borrowing Transaction
    ) throws -> [(Handle, Found)] {
        var (phones, emails, usernames): ([[UInt8]], [[UInt8]], [String]) = ([], [], [])
        for handle in handles {
            switch handle {
            case .phone(let index): phones.append(index)
            case .email(let index): emails.append(index)
            case .username(let name): usernames.append(name)
            }
        }
        let columns: SQL = "SELECT id, username, phone_index, email_index FROM identity.users"
        let results = try transaction.pipeline([
            "\(columns) WHERE username = ANY(\(usernames))",
            "\(columns) WHERE phone_index = ANY(\(phones))",
            "\(columns) WHERE email_index = ANY(\(emails))",
        ])
        return try results[0].rows.map { (.username(try $0[1]), try Found(row: $0)) }
            + results[1].rows.map { (.phone(try $0[2]), try Found(row: $0)) }
            + results[2].rows.map { (.email(try $0[3]), try Found(row: $0)) }
    }

    func handle(_ text: String) -> Handle? {
        if let phone = PhoneNumber(text) { return .phone(vault.index(phone)) }
        if let email = EmailAddress(text) { return .email(vault.index(email)) }
        return Username(text).map { .username($0.text) }
    }

    func find(_ text: String, _ transaction: borrowing Transaction) throws -> User? {
        guard let condition = condition(text) else { return nil }
        return try users(where: condition, transaction).first
    }

    func find(_ phone: PhoneNumber, _ transaction: borrowing Transaction) throws -> User? {
        try users(where: "phone_index = \(vault.index(phone))", transaction).first
    }

    func condition(_ text: String) -> SQL? {
        switch handle(text) {
        case .phone(let index): "phone_index = \(index)"
        case .email(let index): "email_index = \(index)"
        case .username(let name): "username = \(name)"
        case nil: nil
        }
    }

    func users(
        where condition: SQL, _ transaction: borrowing Transaction
    ) throws -> [User] {
        try transaction.query(
            """
            SELECT id, username, phone_sealed, email_sealed, role, verified_at IS NOT NULL,
                u.created_at, full_name_sealed, birth_date_sealed, wrapped, plan, kyc_tier,
                language, email_proven_at IS NOT NULL, password_advised_at IS NOT NULL
            FROM identity.users u LEFT JOIN identity.person_keys ON user_id = id
            WHERE \(condition)
            """
        ).map { try user($0) }
    }

    private func user(_ row: Row) throws -> User {
        let id: ID<User> = try row[0]
        let wrapped: [UInt8]? = try row[9]
        let key = try wrapped.map { try vault.person(id, $0) }
        let open = { (column: Int, field: PersonalField) throws -> String? in
            guard let sealed: [UInt8] = try row[column] else { return nil }
            guard let key else { throw SealingError.damaged }
            return try key.open(sealed, field)
        }
        return User(
            id: id, username: try Username(stored: row[1]),
            phone: try open(2, .phone).flatMap { PhoneNumber($0) },
            email: try open(3, .email).flatMap { EmailAddress($0) },
            role: try Role(stored: row[4]), isVerified: try row[5], createdAt: try row[6],
            fullName: try open(7, .fullName).flatMap { FullName($0) },
            birthDate: try open(8, .birthDate).flatMap { CalendarDay($0) },
            language: try (row[12] as String?).flatMap { Language($0) }, isEmailProven: try row[13],
            isPasswordAdvised: try row[14],
            standing: Standing(
                plan: try Plan(stored: row[10]), tier: try KycTier(stored: row[11])))
    }

    /// The key under which this person's data are sealed; nil when it was destroyed.
    func key(
        of user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> PersonKey? {
        let row = try transaction.first(
            "SELECT wrapped FROM identity.person_keys WHERE user_id = \(user)")
        return try row.map { try vault.person(user, try $0[0]) }
    }

    /// Tells every process to look this person's sessions up again.
    func announceChange(
        of user: ID<User>, in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.notify(channel: "florin_people", payload: "\(user)")
    }

    /// The channel on which changes of people and their sessions are told.
    package static let channel = "florin_people"

    /// Called with the payload of a notification, or nil when some may have been missed.
    package func forgetSessions(of payload: String?) {
        guard let payload, let user = ID<User>(payload) else { return sessionCache.forgetAll() }
        sessionCache.forget(user: user)
    }

    /// Called when everything was heard that other processes had told before.
    package func trustSessions() { sessionCache.trust(at: clock.now) }

    /// Called when something may be missed from now on: each request looks its session up until
    /// this process listens again.
    package func distrustSessions() { sessionCache.distrust() }

    /// Called like `forgetSessions`, with time to look at the database.
    package func followKeys(_ payload: String?) async {
        guard payload == nil || payload == Self.keysChanged else { return }
        do {
            try await reloadSigningKeys()
            try await readPeppers()
        } catch {
            Log.warning("signing_keys.not_reloaded", ["error": "\(error)"])
        }
    }
}

extension Identity.Found {
    fileprivate init(row: Row) throws {
        id = try row[0]
        username = try Username(stored: row[1])
    }
}

extension Username {
    init(stored text: String) throws(DatabaseError) {
        guard let username = Username(text) ?? Username(pseudonym: text) else {
            throw .decoding(column: 1, expected: "a username")
        }
        self = username
    }
}

extension Role {
    init(stored text: String) throws(DatabaseError) {
        guard let role = Role(rawValue: text) else {
            throw .decoding(column: 4, expected: "a role")
        }
        self = role
    }
}
