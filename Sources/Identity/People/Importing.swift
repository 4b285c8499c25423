internal import Cryptography
internal import Postgres
package import Values

/// Somebody who comes from another system, for whom the operator vouches.
package struct ImportedPerson: Sendable {
    package let username: Username
    package let phone: PhoneNumber
    package let email: EmailAddress?
    package let role: Role
    let passwordHash: BcryptHash

    /// Cheaper ones are guessed too soon to be taken over, even until the next log-in: 2^10 rounds
    /// are what OWASP ASVS asks for.
    package static let costMin = 10
    package static let costMax = BcryptHash.costMax

    /// Nil when the hash is none that is taken.
    /// - Throws: `IdentityRejection` when a name is malformed.
    package init?(
        username: String, phone: String, email: String?, role: Role, passwordHash: String
    ) throws(IdentityRejection) {
        guard let username = Username(username) else { throw .usernameInvalid }
        guard let phone = PhoneNumber(phone) else { throw .phoneInvalid }
        let address = email.flatMap { EmailAddress($0) }
        guard email == nil || address != nil else { throw .emailInvalid }
        guard let hash = BcryptHash(passwordHash), hash.cost >= Self.costMin else { return nil }
        self.username = username
        self.phone = phone
        self.email = address
        self.role = role
        self.passwordHash = hash
    }
}

extension Identity {
    /// Creates the person, verified, with the password that they have elsewhere; the first log-in
    /// renews its hash.
    /// - Parameter isDry: does everything, and undoes it.
    /// - Throws: `IdentityRejection` when one of the names is taken.
    package func importPerson(_ person: ImportedPerson, isDry: Bool) async throws {
        let user = User(
            id: .make(at: clock.now), username: person.username, phone: person.phone,
            email: person.email, role: person.role, isVerified: true, createdAt: clock.now)
        do {
            try await database.transaction { transaction in
                try insert(user, passwordHash: person.passwordHash.text, transaction)
                if isDry { throw Undone() }
                try audit.record(
                    Act(.imported, by: nil, of: user.id, from: .program), in: transaction)
            }
        } catch is Undone {
            return
        } catch let error as DatabaseError {
            throw taken(error) ?? error
        }
    }

    private struct Undone: Error {}
}

extension Act.Kind {
    static let imported = Act.Kind("imported")
}
