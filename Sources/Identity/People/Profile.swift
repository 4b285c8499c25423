internal import Postgres
package import Values

/// What a person changes about themselves; what is absent stays.
package struct ProfileChange: Sendable {
    package enum Change<Value: Sendable>: Sendable {
        case keep
        case set(Value?)
    }

    package var fullName: Change<FullName> = .keep
    package var birthDate: Change<CalendarDay> = .keep
    package var language: Change<Language> = .keep

    package init() {}

    /// What documents have proven.
    var touchesIdentity: Bool {
        if case .keep = fullName, case .keep = birthDate { false } else { true }
    }
}

enum ProfileRules {
    /// Nobody alive is older.
    static let yearsMax: Int64 = 130
}

extension Identity {
    /// - Throws: `identityProven` when documents have proven what would be changed.
    package func change(
        _ change: ProfileChange, of session: Session, from origin: Origin
    ) async throws -> User {
        if case .set(let day?) = change.birthDate { try requirePlausible(day) }
        let changed = try await database.transaction { transaction -> User in
            guard let person = try lock(session.user, transaction),
                let key = try key(of: session.user, transaction)
            else { throw IdentityRejection.sessionInvalid }
            guard !change.touchesIdentity || person.standing.tier == .unknown else {
                throw IdentityRejection.identityProven
            }
            try store(change, key, transaction)
            // What it was and is, is not for the log: its sealed rows live longer than a name.
            try audit.record(
                Act(
                    .profileChanged, by: person.id, of: person.id, from: origin,
                    after: change.json), in: transaction)
            return try users(where: "id = \(person.id)", transaction)[0]
        }
        return changed
    }

    // MARK: Steps

    private func requirePlausible(_ day: CalendarDay) throws {
        let today = CalendarDay(daysSince1970: clock.now.day)
        let isPast = day.daysSince1970 <= today.daysSince1970
        guard isPast, today.year - day.year <= ProfileRules.yearsMax else {
            throw IdentityRejection.birthDateInvalid
        }
    }

    private func store(
        _ change: ProfileChange, _ key: PersonKey, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        if case .set(let name) = change.fullName {
            try transaction.execute(
                """
                UPDATE identity.users SET full_name_sealed =
                    \(name.map { key.seal($0.text, .fullName) }) WHERE id = \(key.user)
                """)
        }
        if case .set(let day) = change.birthDate {
            try transaction.execute(
                """
                UPDATE identity.users SET birth_date_sealed =
                    \(day.map { key.seal("\($0)", .birthDate) }) WHERE id = \(key.user)
                """)
        }
        if case .set(let language) = change.language {
            try transaction.execute(
                "UPDATE identity.users SET language = \(language?.tag) WHERE id = \(key.user)")
        }
    }
}

extension ProfileChange {
    /// Which fields, for the audit log.
    fileprivate var json: String {
        var fields: [String] = []
        if case .set = fullName { fields.append(#""full_name""#) }
        if case .set = birthDate { fields.append(#""birth_date""#) }
        if case .set = language { fields.append(#""language""#) }
        return #"{"fields":[\#(fields.joined(separator: ","))]}"#
    }
}

extension Act.Kind {
    static let profileChanged = Act.Kind("profile_changed")
}
