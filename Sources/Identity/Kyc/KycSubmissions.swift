internal import Cryptography
package import Postgres
package import Values

extension Identity {
    /// What somebody sends in.
    package struct KycForm: Sendable {
        package let tier: KycTier
        package let fullName: String
        package let birthDate: String
        package let kind: IdentityDocument.Kind
        package let number: String
        package let country: String

        package init(
            tier: KycTier, fullName: String, birthDate: String, kind: IdentityDocument.Kind,
            number: String, country: String
        ) {
            self.tier = tier
            self.fullName = fullName
            self.birthDate = birthDate
            self.kind = kind
            self.number = number
            self.country = country
        }

        var sides: [ImageSide] { kind.sides + (tier == .proven ? [.face] : []) }
    }

    /// Hands in who one is, with the photographs that wait.
    package func submit(
        _ form: KycForm, by user: ID<User>, from origin: Origin
    ) async throws -> KycSubmission {
        let now = clock.now
        let details = try KycDetails(
            fullName: form.fullName, birthDate: form.birthDate, kind: form.kind,
            number: form.number, country: form.country,
            today: CalendarDay(daysSince1970: now.day))
        let id = ID<KycSubmission>.make(at: now)
        return try await database.transaction { transaction in
            // Held to the end: two submissions at once come one after the other.
            let holder = try holder(user, transaction)
            guard form.tier > holder.standing.tier else { throw IdentityRejection.tierReached }
            guard try openSubmission(of: user, transaction) == nil else {
                throw IdentityRejection.submissionOpen
            }
            let waiting = try imagesWaiting(of: user, transaction)
            let missing = form.sides.filter { !waiting.contains($0) }
            guard missing.isEmpty else { throw IdentityRejection.imagesMissing(missing) }
            guard let key = try key(of: user, transaction) else {
                throw IdentityRejection.userNotFound
            }
            try insert(id, form.tier, details, key, now, transaction)
            try audit.record(
                Act(
                    .kycSubmitted, by: user, of: user, from: origin,
                    after: #"{"kyc_tier":\#(form.tier.rawValue),"submission":"\#(id)"}"#),
                in: transaction)
            return try submission(id, transaction)
        }
    }

    /// Takes an open submission back; the photographs are deleted.
    package func withdraw(
        _ id: ID<KycSubmission>, by user: ID<User>, from origin: Origin
    ) async throws -> KycSubmission {
        let now = clock.now
        return try await database.transaction { transaction in
            let submission = try submission(id, transaction, isChanged: true)
            guard submission.user == user else { throw IdentityRejection.submissionNotFound }
            guard submission.state.mayBecome(.withdrawn) else {
                throw IdentityRejection.submissionDecided(submission.state)
            }
            try transaction.execute(
                """
                UPDATE identity.kyc_submissions
                SET state = 'withdrawn', decided_by = \(user), decided_at = \(now)
                WHERE id = \(id)
                """)
            try transaction.execute(
                "DELETE FROM identity.kyc_images WHERE submission_id = \(id)")
            let after = try self.submission(id, transaction)
            try audit.record(
                Act(
                    .kycWithdrawn, by: user, of: user, from: origin,
                    before: submission.json, after: after.json), in: transaction)
            return after
        }
    }

    /// Where somebody stands with us.
    package struct KycStatus: Sendable {
        package let tier: KycTier
        package let imagesWaiting: [ImageSide]
        /// The newest one.
        package let submission: KycSubmission?
    }

    package func kycStatus(of user: ID<User>) async throws -> KycStatus {
        try await database.read { transaction in
            let tier: Int16? = try transaction.first(
                "SELECT kyc_tier FROM identity.users WHERE id = \(user)")?[0]
            guard let tier else { throw IdentityRejection.userNotFound }
            return KycStatus(
                tier: try KycTier(stored: tier),
                imagesWaiting: try imagesWaiting(of: user, transaction),
                submission: try submissions(
                    where: "user_id = \(user) ORDER BY id DESC LIMIT 1", transaction
                ).first)
        }
    }

    /// A submission of one's own.
    package func submission(
        _ id: ID<KycSubmission>, of user: ID<User>
    ) async throws -> KycSubmission {
        let found = try await database.read { transaction in try submission(id, transaction) }
        guard found.user == user else { throw IdentityRejection.submissionNotFound }
        return found
    }

    /// The day of birth that a document has shown; nil as long as none has.
    package func birthDate(
        of user: ID<User>, in transaction: borrowing Transaction
    ) throws -> CalendarDay? {
        try users(where: "id = \(user)", transaction).first?.birthDate
    }

    // MARK: Steps

    func submission(
        _ id: ID<KycSubmission>, _ transaction: borrowing Transaction, isChanged: Bool = false
    ) throws -> KycSubmission {
        let found = try submissions(
            where: isChanged ? "id = \(id) FOR NO KEY UPDATE" : "id = \(id)", transaction)
        guard let submission = found.first else { throw IdentityRejection.submissionNotFound }
        return submission
    }

    private func openSubmission(
        of user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> KycSubmission? {
        try submissions(
            where: "user_id = \(user) AND state IN ('submitted', 'reviewed')", transaction
        ).first
    }

    private func submissions(
        where condition: SQL, _ transaction: borrowing Transaction
    ) throws -> [KycSubmission] {
        try transaction.query(
            """
            SELECT id, user_id, tier, state, submitted_at, reviewed_by, decided_at, cause
            FROM identity.kyc_submissions WHERE \(condition)
            """
        ).map { try KycSubmission(row: $0) }
    }

    private func insert(
        _ id: ID<KycSubmission>, _ tier: KycTier, _ details: KycDetails, _ key: PersonKey,
        _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO identity.kyc_submissions (id, user_id, tier, details_sealed,
                document_index, submitted_at, state)
            VALUES (\(id), \(key.user), \(tier.rawValue),
                \(key.seal(details.bytes, .kycDetails(id))),
                \(vault.index(details.document)), \(now), 'submitted')
            """)
        try transaction.execute(
            """
            UPDATE identity.kyc_images SET submission_id = \(id)
            WHERE user_id = \(key.user) AND submission_id IS NULL
            """)
    }
}

extension KycSubmission {
    init(row: Row) throws {
        id = try row[0]
        user = try row[1]
        tier = try KycTier(stored: row[2])
        guard let state = State(rawValue: try row[3]) else {
            throw DatabaseError.decoding(column: 3, expected: "a state")
        }
        self.state = state
        submittedAt = try row[4]
        reviewedBy = try row[5]
        decidedAt = try row[6]
        cause = (try row[7] as String?).flatMap { Cause(rawValue: $0) }
    }

    /// For the audit log.
    var json: String { #"{"state":"\#(state.rawValue)","submission":"\#(id)"}"# }
}

extension Act.Kind {
    static let kycSubmitted = Act.Kind("kyc_submitted")
    static let kycWithdrawn = Act.Kind("kyc_withdrawn")
}
