internal import Notifications
internal import Postgres
internal import Values

extension Identity {
    /// Queues a message to everybody with one of these roles, by SMS and by e-mail, as far as they
    /// have both.
    package func tell(_ roles: Set<Role>, _ text: String) async throws {
        try await database.transaction { try tell(roles, text, in: $0) }
    }

    func tell(
        _ roles: Set<Role>, _ text: String, in transaction: borrowing Transaction
    ) throws {
        let names = roles.map(\.rawValue).sorted()
        for person in try users(where: "role = ANY(\(names))", transaction) {
            try tell(person, text, in: transaction)
        }
    }

    /// Queues a message to the person on every channel there is to them.
    func tell(
        _ user: User, _ text: String, in transaction: borrowing Transaction
    ) throws(DatabaseError) {
        if let phone = user.phone { try notifications.send(sms: text, to: phone, in: transaction) }
        if let email = user.email {
            try notifications.send(email: text, to: email, in: transaction)
        }
    }

    func tell(
        _ user: ID<User>, _ text: String, in transaction: borrowing Transaction
    ) throws {
        for user in try users(where: "id = \(user)", transaction) {
            try tell(user, text, in: transaction)
        }
    }
}
