internal import Postgres
package import Values

extension Identity {
    /// One member of staff finds nothing wrong; a second one is to look as well.
    package func review(
        _ id: ID<KycSubmission>, by staff: StaffSession, from origin: Origin
    ) async throws -> KycFile {
        let now = clock.now
        return try await database.transaction { transaction in
            let before = try judged(id, .reviewed, by: staff, transaction)
            try transaction.execute(
                """
                UPDATE identity.kyc_submissions
                SET state = 'reviewed', reviewed_by = \(staff.user), reviewed_at = \(now)
                WHERE id = \(id)
                """)
            return try recorded(.kycReviewed, before, nil, by: staff, origin, transaction)
        }
    }

    /// A second member of staff agrees: the tier rises, and with it the limits; name and day of
    /// birth are the person's from now on.
    package func approve(
        _ id: ID<KycSubmission>, by staff: StaffSession, from origin: Origin
    ) async throws -> KycFile {
        let now = clock.now
        let file = try await database.transaction { transaction in
            // The person before the submission, as everywhere.
            let holder = try holder(try submission(id, transaction).user, transaction)
            let before = try judged(id, .approved, by: staff, transaction)
            guard before.reviewedBy != staff.user else {
                throw IdentityRejection.secondPersonNeeded
            }
            try transaction.execute(
                """
                UPDATE identity.kyc_submissions
                SET state = 'approved', decided_by = \(staff.user), decided_at = \(now)
                WHERE id = \(id)
                """)
            try takeOver(before, transaction)
            try tell(holder.id, "Florin: " + Self.approvedText, in: transaction)
            var standing = holder.standing
            standing.tier = max(standing.tier, before.tier)
            try set(standing, of: holder.id, transaction)
            return try recorded(.kycApproved, before, nil, by: staff, origin, transaction)
        }
        sessionCache.forget(user: file.submission.user)
        return file
    }

    /// A member of staff says no, with a cause that the person is told and a reason that is kept.
    package func refuse(
        _ id: ID<KycSubmission>, for cause: KycSubmission.Cause, because reason: String,
        by staff: StaffSession, from origin: Origin
    ) async throws -> KycFile {
        let now = clock.now
        return try await database.transaction { transaction in
            let before = try judged(id, .refused, by: staff, transaction)
            try transaction.execute(
                """
                UPDATE identity.kyc_submissions SET state = 'refused', cause = \(cause.rawValue),
                    decided_by = \(staff.user), decided_at = \(now)
                WHERE id = \(id)
                """)
            try tell(before.user, "Florin: \(cause.advice)", in: transaction)
            return try recorded(.kycRefused, before, reason, by: staff, origin, transaction)
        }
    }

    // MARK: Steps

    private static let approvedText =
        "your documents were accepted, and your limits are higher now."

    /// The submission, locked, if this member of staff may move it on.
    private func judged(
        _ id: ID<KycSubmission>, _ next: KycSubmission.State, by staff: StaffSession,
        _ transaction: borrowing Transaction
    ) throws -> KycSubmission {
        let submission = try submission(id, transaction, isChanged: true)
        guard submission.user != staff.user else { throw IdentityRejection.ownSubmission }
        guard submission.state.mayBecome(next) else {
            throw IdentityRejection.submissionDecided(submission.state)
        }
        let seen = try transaction.first(
            """
            SELECT 1 FROM identity.disclosures
            WHERE submission_id = \(id) AND staff = \(staff.user) LIMIT 1
            """)
        guard seen != nil else { throw IdentityRejection.documentsNotSeen }
        return submission
    }

    /// What the document shows becomes what we know of the person.
    private func takeOver(
        _ submission: KycSubmission, _ transaction: borrowing Transaction
    ) throws {
        guard let key = try key(of: submission.user, transaction),
            let details = try file(submission.id, transaction).details
        else { throw IdentityRejection.submissionNotFound }
        try transaction.execute(
            """
            UPDATE identity.users SET full_name_sealed = \(key.seal(details.fullName, .fullName)),
                birth_date_sealed = \(key.seal("\(details.birthDate)", .birthDate))
            WHERE id = \(submission.user)
            """)
    }

    private func recorded(
        _ kind: Act.Kind, _ before: KycSubmission, _ reason: String?, by staff: StaffSession,
        _ origin: Origin, _ transaction: borrowing Transaction
    ) throws -> KycFile {
        let file = try file(before.id, transaction)
        try audit.record(
            Act(
                kind, by: staff.user, of: before.user, from: origin, reason: reason,
                before: before.json, after: file.submission.json), in: transaction)
        return file
    }
}

extension Act.Kind {
    static let kycReviewed = Act.Kind("kyc_reviewed")
    static let kycApproved = Act.Kind("kyc_approved")
    static let kycRefused = Act.Kind("kyc_refused")
}
