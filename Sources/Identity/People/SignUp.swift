internal import Cryptography
package import Postgres
package import Values

extension Identity {
    /// Creates a person and sends a code to the telephone number, in one transaction.
    /// - Throws: `IdentityRejection` when a name is malformed or taken.
    package func signUp(
        phone: String, username: String, password: String, email: String?, from origin: Origin
    ) async throws -> User {
        guard let phone = PhoneNumber(phone) else { throw IdentityRejection.phoneInvalid }
        let user = try await newUser(
            username: username, password: password, phone: phone, email: email, isVerified: false)
        try await create(user.user, passwordHash: user.passwordHash, from: origin)
        return user.user
    }

    /// Creates a person known by e-mail alone, as the simple transfer API does. The operator who
    /// turns that surface on vouches for them.
    package func register(
        username: String, email: String, password: String, from origin: Origin
    ) async throws -> User {
        let user = try await newUser(
            username: username, password: password, phone: nil, email: email, isVerified: true)
        try await create(user.user, passwordHash: user.passwordHash, from: origin)
        return user.user
    }

    /// Creates a person whom the operator already knows: demo people and imports.
    package func enrol(
        phone: PhoneNumber, username: Username, passwordHash: String, role: Role,
        email: EmailAddress? = nil, in transaction: borrowing Transaction
    ) throws -> User {
        let user = User(
            id: .make(at: clock.now), username: username, phone: phone, email: email, role: role,
            isVerified: true, createdAt: clock.now)
        try insert(user, passwordHash: passwordHash, transaction)
        return user
    }

    package func hash(password: String) async throws -> String {
        try await passwords.hash(password)
    }

    // MARK: Steps

    private func newUser(
        username: String, password: String, phone: PhoneNumber?, email: String?, isVerified: Bool
    ) async throws -> (user: User, passwordHash: String) {
        guard let username = Username(username) else { throw IdentityRejection.usernameInvalid }
        let address = email.flatMap { EmailAddress($0) }
        guard email == nil || address != nil else { throw IdentityRejection.emailInvalid }
        let user = User(
            id: .make(at: clock.now), username: username, phone: phone, email: address,
            role: .customer, isVerified: isVerified, createdAt: clock.now)
        try await requireStrong(password, for: user)
        return (user, try await passwords.hash(password))
    }

    private func create(
        _ user: User, passwordHash: String, from origin: Origin
    ) async throws {
        let act = Act(.signedUp, by: user.id, of: user.id, from: origin)
        do {
            if let phone = user.phone, !user.isVerified {
                return try await sendCode(
                    .phone, to: .phone(phone), isFirst: true, recording: act, from: origin
                ) { transaction in
                    try insert(user, passwordHash: passwordHash, transaction)
                    return user.id
                }
            }
            try await database.transaction { transaction in
                try insert(user, passwordHash: passwordHash, transaction)
                try audit.record(act, in: transaction)
            }
        } catch let error as DatabaseError {
            throw taken(error) ?? error
        }
    }

    func insert(
        _ user: User, passwordHash: String, _ transaction: borrowing Transaction
    ) throws {
        let verifiedAt: Timestamp? = user.isVerified ? user.createdAt : nil
        let (key, wrapped) = vault.newKey(of: user.id)
        try transaction.execute(
            """
            WITH person AS (
                INSERT INTO identity.person_keys (user_id, wrapped, created_at)
                VALUES (\(user.id), \(wrapped), \(user.createdAt)))
            INSERT INTO identity.users (id, username, phone_index, phone_sealed, email_index,
                email_sealed, password_hash, role, created_at, verified_at)
            VALUES (\(user.id), \(user.username.text), \(user.phone.map { vault.index($0) }),
                \(user.phone.map { key.seal($0.e164, .phone) }),
                \(user.email.map { vault.index($0) }),
                \(user.email.map { key.seal($0.text, .email) }),
                \(passwordHash), \(user.role.rawValue), \(user.createdAt), \(verifiedAt))
            """)
        // Afterwards, because the row waits for whoever is just being erased under this name.
        try refuseRetired(user.username, transaction)
    }

    func taken(_ error: DatabaseError) -> IdentityRejection? {
        if error.isUniqueViolation("users_phone") { return .phoneTaken }
        if error.isUniqueViolation("users_username") || error.isUniqueViolation("users_look") {
            return .usernameTaken
        }
        if error.isUniqueViolation("users_email") { return .emailTaken }
        return nil
    }
}

extension Act.Kind {
    static let signedUp = Act.Kind("signed_up")
}
