package import HTTP
internal import Postgres
package import Values

/// How much of people's data one member of staff needs to see.
enum DisclosureRules {
    /// One a minute: enough to work, too little to carry the people away.
    static let perHourMax: Int64 = 60
    static let windowSeconds: Int64 = 3600
}

/// What is masked of a person unless staff says why.
package enum PersonalFact: String, Sendable, CaseIterable {
    case phone
    case email
    case fullName = "full_name"
    case birthDate = "birth_date"
}

extension Identity {
    /// Shows staff what else is masked. Each time is an act, with its reason, which the person sees
    /// among their own.
    package func disclose(
        _ facts: Set<PersonalFact>, of person: ID<User>, because reason: String,
        to staff: StaffSession, _ presence: Presence
    ) async throws -> Disclosed {
        try await requireStepUp(of: staff.session, presence)
        let (now, origin) = (clock.now, presence.origin)
        return try await database.transaction { transaction in
            let found = try users(where: "id = \(person) AND erased_at IS NULL", transaction)
            guard let user = found.first else { throw IdentityRejection.userNotFound }
            try countDisclosure(of: person, nil, to: staff, now, transaction)
            try audit.record(
                Act(
                    .personDisclosed, by: staff.user, of: person, from: origin, reason: reason,
                    after: #"{"fields":[\#(Self.quoted(facts.map(\.rawValue)))]}"#),
                in: transaction)
            return Disclosed(user, facts)
        }
    }

    /// What was asked for, in the clear.
    package struct Disclosed: Sendable {
        package let id: ID<User>
        package let username: String
        package let facts: [PersonalFact: String]

        fileprivate init(_ user: User, _ wanted: Set<PersonalFact>) {
            id = user.id
            username = user.username.text
            let all: [PersonalFact: String?] = [
                .phone: user.phone?.e164, .email: user.email?.text, .fullName: user.fullName?.text,
                .birthDate: user.birthDate.map { "\($0)" },
            ]
            facts = all.compactMapValues { $0 }.filter { wanted.contains($0.key) }
        }
    }

    /// Writes down that staff see something of a person's that another slice keeps, before they do.
    ///
    /// - Parameter thing: what it is, as JSON for the log; never the thing itself.
    package func recordDisclosure(
        _ kind: Act.Kind, of person: ID<User>, about thing: String, because reason: String,
        to staff: StaffSession, _ presence: Presence
    ) async throws {
        try await requireStepUp(of: staff.session, presence)
        let now = clock.now
        try await database.transaction { transaction in
            try countDisclosure(of: person, nil, to: staff, now, transaction)
            try audit.record(
                Act(
                    kind, by: staff.user, of: person, from: presence.origin, reason: reason,
                    after: thing), in: transaction)
        }
    }

    /// What it may refuse.
    package static let disclosureRefusals: [Refused] =
        [Refused(IdentityRejection.disclosuresExhausted(retryAfter: 0))] + StepUpRoutes.asking

    // MARK: Steps

    /// Notes that staff looks at somebody's data, if they have not looked at too many.
    func countDisclosure(
        of person: ID<User>, _ submission: ID<KycSubmission>?, to staff: StaffSession,
        _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        // Their own row is held to the end: requests at once are counted one after the other.
        _ = try transaction.query(
            "SELECT id FROM identity.users WHERE id = \(staff.user) FOR NO KEY UPDATE")
        let since = now.adding(seconds: -DisclosureRules.windowSeconds)
        let row = try transaction.query(
            """
            SELECT count(*), min(at) FROM identity.disclosures
            WHERE staff = \(staff.user) AND at > \(since)
            """)[0]
        if try row[0] >= DisclosureRules.perHourMax, let first: Timestamp = try row[1] {
            throw IdentityRejection.disclosuresExhausted(retryAfter: since.seconds(until: first))
        }
        try transaction.execute(
            """
            INSERT INTO identity.disclosures (id, staff, person, submission_id, at)
            VALUES (\(ID<Disclosed>.make(at: now)), \(staff.user), \(person), \(submission), \(now))
            """)
    }

    /// Names of ours, which need no escapes, as JSON.
    static func quoted(_ names: [String]) -> String {
        names.sorted().map { #""\#($0)""# }.joined(separator: ",")
    }
}

extension Act.Kind {
    static let personDisclosed = Act.Kind("person_disclosed")
}
