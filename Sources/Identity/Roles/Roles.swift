internal import Postgres
package import Values

extension Identity {
    /// Gives a person another role, for a reason that is kept. Nobody changes their own, and the
    /// last admin stays one.
    package func give(
        _ role: Role, to person: ID<User>, by admin: StaffSession, because reason: String,
        from origin: Origin
    ) async throws -> User {
        guard person != admin.user else { throw IdentityRejection.ownRole }
        return try await give(
            role, to: person, by: admin.user, because: reason, from: origin)
    }

    /// The same from the operator's own terminal, which is how the first admin comes to be. Who sat
    /// there stands in the reason.
    package func give(
        _ role: Role, to person: ID<User>, because reason: String
    ) async throws -> User {
        try await give(role, to: person, by: nil, because: reason, from: .program)
    }

    // MARK: Steps

    private func give(
        _ role: Role, to person: ID<User>, by admin: ID<User>?, because reason: String,
        from origin: Origin
    ) async throws -> User {
        let changed = try await database.transaction { transaction -> User in
            // All admins, in one order: two who depose each other come one after the other, and
            // the second is none any more.
            let admins: [ID<User>] = try transaction.query(
                """
                SELECT id FROM identity.users WHERE role = 'admin' ORDER BY id FOR UPDATE
                """
            ).map { try $0[0] }
            if let admin, !admins.contains(admin) { throw IdentityRejection.forbidden }
            _ = try transaction.query(
                "SELECT id FROM identity.users WHERE id = \(person) FOR UPDATE")
            guard let before = try users(where: "id = \(person)", transaction).first else {
                throw IdentityRejection.personNotFound
            }
            guard role == .admin || admins != [person] else { throw IdentityRejection.lastAdmin }
            try transaction.execute(
                "UPDATE identity.users SET role = \(role.rawValue) WHERE id = \(person)")
            guard let after = try users(where: "id = \(person)", transaction).first else {
                throw IdentityRejection.personNotFound
            }
            try announceChange(of: person, in: transaction)
            try audit.record(
                Act(
                    .roleGiven, by: admin, of: person, from: origin, reason: reason,
                    before: #"{"role":"\#(before.role.rawValue)"}"#,
                    after: #"{"role":"\#(role.rawValue)"}"#), in: transaction)
            return after
        }
        sessionCache.forget(user: person)
        return changed
    }
}

extension Act.Kind {
    static let roleGiven = Act.Kind("role_given")
}
