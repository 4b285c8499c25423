internal import Postgres
package import Values

/// A submission as staff works on it. Its details are shown masked unless staff says why.
package struct KycFile: Sendable {
    package let submission: KycSubmission
    package let username: String
    package let reviewer: String?
    /// Nil when the person was erased.
    package let details: KycDetails?
    /// How many other people have sent in the same document.
    package let othersWithDocument: Int64
}

/// What of a submission is masked unless staff says why.
package enum KycPart: String, Sendable, CaseIterable {
    case details
    case front
    case back
    case face

    var side: ImageSide? { ImageSide(rawValue: rawValue) }
}

extension Identity {
    /// Submissions of a state, or those that are open, the oldest first: who came first is looked
    /// at first.
    package func kycFiles(
        _ state: KycSubmission.State?, after cursor: ID<KycSubmission>?, limit: Int
    ) async throws -> Page<KycFile> {
        let after = cursor ?? ID(high: 0, low: 0)
        let condition: SQL =
            if let state {
                "s.state = \(state.rawValue)"
            } else {
                "s.state IN ('submitted', 'reviewed')"
            }
        let found = try await database.read { transaction in
            try files(
                where: "\(condition) AND s.id > \(after) ORDER BY s.id LIMIT \(limit + 1)",
                transaction)
        }
        let page = Array(found.prefix(limit))
        return Page(
            page, nextCursor: found.count > limit ? page.last.map { "\($0.submission.id)" } : nil)
    }

    package func kycFile(_ id: ID<KycSubmission>) async throws -> KycFile {
        try await database.read { transaction in try file(id, transaction) }
    }

    /// Shows staff the details or photographs of a submission. Each time is an act, with a reason.
    package func disclose(
        _ parts: Set<KycPart>, of id: ID<KycSubmission>, because reason: String,
        to staff: StaffSession, _ presence: Presence
    ) async throws -> (details: KycDetails?, images: [KycImage]) {
        try await requireStepUp(of: staff.session, presence)
        let (now, origin) = (clock.now, presence.origin)
        return try await database.transaction { transaction in
            let file = try file(id, transaction)
            let person = file.submission.user
            try countDisclosure(of: person, id, to: staff, now, transaction)
            let key = try key(of: person, transaction)
            let images =
                try key.map {
                    try self.images(parts.compactMap(\.side), of: file.submission, $0, transaction)
                } ?? []
            try audit.record(
                Act(
                    .kycDisclosed, by: staff.user, of: person, from: origin, reason: reason,
                    after: """
                        {"submission":"\(id)","fields":[\(Self.quoted(parts.map(\.rawValue)))]}
                        """), in: transaction)
            return (parts.contains(.details) ? file.details : nil, images)
        }
    }

    // MARK: Steps

    func file(
        _ id: ID<KycSubmission>, _ transaction: borrowing Transaction
    ) throws -> KycFile {
        guard let file = try files(where: "s.id = \(id)", transaction).first else {
            throw IdentityRejection.submissionNotFound
        }
        return file
    }

    private func files(
        where condition: SQL, _ transaction: borrowing Transaction
    ) throws -> [KycFile] {
        try transaction.query(
            """
            SELECT s.id, s.user_id, s.tier, s.state, s.submitted_at, s.reviewed_by, s.decided_at,
                s.cause, person.username, reviewer.username, s.details_sealed, k.wrapped,
                (SELECT count(DISTINCT o.user_id) FROM identity.kyc_submissions o
                    WHERE o.document_index = s.document_index AND o.user_id <> s.user_id)
            FROM identity.kyc_submissions s
            JOIN identity.people person ON person.id = s.user_id
            LEFT JOIN identity.people reviewer ON reviewer.id = s.reviewed_by
            LEFT JOIN identity.person_keys k ON k.user_id = s.user_id
            WHERE \(condition)
            """
        ).map { row in
            let submission = try KycSubmission(row: row)
            let wrapped: [UInt8]? = try row[11]
            let details = try wrapped.flatMap { wrapped in
                try KycDetails(
                    bytes: vault.person(submission.user, wrapped)
                        .open(try row[10], .kycDetails(submission.id)))
            }
            return KycFile(
                submission: submission, username: try row[8], reviewer: try row[9],
                details: details, othersWithDocument: try row[12])
        }
    }
}

extension Act.Kind {
    static let kycDisclosed = Act.Kind("kyc_disclosed")
}
