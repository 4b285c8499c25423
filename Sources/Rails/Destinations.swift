internal import HTTP
package import Identity
internal import Postgres
package import Values

// What providers know people by.

extension Rails {
    /// Nil where this person has nothing of the kind, or has not proven it: no money goes to what
    /// was mistyped, and nobody's telephone rings for a stranger.
    func contact(
        of person: User, _ service: RailService, at provider: String
    ) async throws -> String? {
        switch service.contact {
        case .none: ""
        case .phone: person.phone?.e164
        case .email: person.isEmailProven ? person.email?.text : nil
        case .account: try await account(of: person.id, at: provider)
        }
    }

    private func account(of user: ID<User>, at provider: String) async throws -> String? {
        try await database.query(
            """
            SELECT account FROM rails.destinations
            WHERE user_id = \(user) AND provider = \(provider)
            """
        ) { row in try row[0] as String }.first
    }

    /// Enters a person's own account at a provider, which a member of staff has looked at there.
    package func enter(
        account: String, of user: ID<User>, at provider: String, because reason: String,
        by staff: StaffSession, from origin: Origin
    ) async throws {
        guard connected(provider) != nil else { throw Problem.notFound() }
        guard try await identity.user(user) != nil else { throw IdentityRejection.userNotFound }
        let act = Act(
            .railDestinationEntered, by: staff.user, of: user, from: origin, reason: reason,
            after: #"{"provider":"\#(provider)"}"#)
        do {
            try await database.transaction { transaction in
                _ = try transaction.execute(
                    """
                    INSERT INTO rails.destinations
                        (user_id, provider, account, entered_at, entered_by)
                    VALUES (\(user), \(provider), \(account), \(clock.now), \(staff.user))
                    ON CONFLICT (user_id, provider) DO UPDATE SET account = excluded.account,
                        entered_at = excluded.entered_at, entered_by = excluded.entered_by
                    """)
                try identity.audit.record(act, in: transaction)
            }
        } catch let error as DatabaseError where error.isUniqueViolation("destinations_account") {
            throw RailRejection.destinationTaken
        }
    }
}

extension Act.Kind {
    /// A member of staff entered a person's account at a provider of payouts.
    package static let railDestinationEntered = Act.Kind("rail_destination_entered")
}
