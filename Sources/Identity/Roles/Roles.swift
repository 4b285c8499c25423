internal import Postgres
package import Values

extension Identity {
    /// Gives a person another role, for a reason that is kept. Nobody changes their own, and the
    /// last admin stays one. Every process looks that person's sessions up again.
    package func give(
        _ role: Role, to person: ID<User>, because reason: String, by admin: StaffSession,
        from origin: Origin
    ) async throws -> RoleHolder {
        guard person != admin.user else { throw IdentityRejection.ownRole }
        return try await give(role, to: person, by: admin.user, because: reason, from: origin)
    }

    /// The same from the operator's own terminal, which is how the first admin comes to be. Who sat
    /// there stands in the reason.
    package func give(
        _ role: Role, to person: ID<User>, because reason: String
    ) async throws -> RoleHolder {
        try await give(role, to: person, by: nil, because: reason, from: .program)
    }

    package struct RoleHolder: Sendable {
        package let id: ID<User>
        package let username: Username
        package let role: Role
    }

    /// Throws when nobody else would be left to give roles. Whoever takes an admin away asks first.
    func requireAnotherAdmin(
        than person: ID<User>, _ transaction: borrowing Transaction
    ) throws {
        let admins = try lockAdmins(transaction)
        guard admins != [person] else { throw IdentityRejection.lastAdmin }
    }

    // MARK: Steps

    private func give(
        _ role: Role, to person: ID<User>, by admin: ID<User>?, because reason: String,
        from origin: Origin
    ) async throws -> RoleHolder {
        let holder = try await database.transaction { transaction -> RoleHolder in
            let admins = try lockAdmins(transaction)
            // A session may have been looked up a moment before its owner lost the role.
            if let admin, !admins.contains(admin) { throw IdentityRejection.forbidden }
            let before = try roleHolder(person, transaction)
            let after = RoleHolder(id: person, username: before.username, role: role)
            guard role != before.role else { return after }
            guard admins != [person] else { throw IdentityRejection.lastAdmin }
            try transaction.execute(
                "UPDATE identity.users SET role = \(role.rawValue) WHERE id = \(person)")
            try announceChange(of: person, in: transaction)
            try audit.record(
                Act(
                    .roleGiven, by: admin, of: person, from: origin, reason: reason,
                    before: before.role.json, after: role.json), in: transaction)
            return after
        }
        sessionCache.forget(user: person)
        return holder
    }

    /// All admins, in one order: two who depose each other come one after the other, and the second
    /// is none any more.
    private func lockAdmins(_ transaction: borrowing Transaction) throws -> [ID<User>] {
        try transaction.query(
            """
            SELECT id FROM identity.users WHERE role = 'admin' AND erased_at IS NULL
            ORDER BY id FOR NO KEY UPDATE
            """
        ).map { try $0[0] }
    }

    private func roleHolder(
        _ person: ID<User>, _ transaction: borrowing Transaction
    ) throws -> RoleHolder {
        let row = try transaction.first(
            """
            SELECT username, role FROM identity.users
            WHERE id = \(person) AND erased_at IS NULL FOR NO KEY UPDATE
            """)
        guard let row else { throw IdentityRejection.userNotFound }
        return RoleHolder(
            id: person, username: try Username(stored: row[0]), role: try Role(stored: row[1]))
    }
}

extension Act.Kind {
    static let roleGiven = Act.Kind("role_given")
}

extension Role {
    /// For the audit log.
    fileprivate var json: String { #"{"role":"\#(rawValue)"}"# }
}
