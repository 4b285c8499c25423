internal import Notifications
internal import Postgres
internal import Values

extension Identity {
    /// Queues a message to everybody with one of these roles, by SMS and by e-mail, as far as they
    /// have both.
    package func tell(_ roles: Set<Role>, _ text: String) async throws {
        let names = roles.map(\.rawValue).sorted()
        try await database.transaction { transaction in
            for person in try users(where: "role = ANY(\(names))", transaction) {
                try tell(person, text, transaction)
            }
        }
    }

    /// Queues a message to one person on every channel on which they can be reached.
    func tell(
        _ person: User, _ text: String, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        if let phone = person.phone {
            try notifications.send(sms: text, to: phone, in: transaction)
        }
        if let email = person.email {
            try notifications.send(email: text, to: email, in: transaction)
        }
    }
}
