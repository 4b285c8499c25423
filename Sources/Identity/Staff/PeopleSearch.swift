internal import Postgres
package import Values

extension Identity {
    /// People whom this text names: by id, telephone number or e-mail address in full, or by the
    /// beginning of the username. Those who were erased are nobody any more.
    ///
    /// - Parameter cursor: the username after which the page starts.
    package func people(
        named text: String, after cursor: String?, limit: Int
    ) async throws -> Page<MaskedPerson> {
        guard let condition = searched(text) else { return Page([], nextCursor: nil) }
        let after = cursor ?? ""
        let found = try await database.read { transaction in
            try users(
                where: """
                    \(condition) AND erased_at IS NULL AND username COLLATE "C" > \(after)
                    ORDER BY username COLLATE "C" LIMIT \(limit + 1)
                    """, transaction)
        }
        let page = found.prefix(limit).map { MaskedPerson($0) }
        return Page(page, nextCursor: found.count > limit ? page.last?.username : nil)
    }

    package func maskedPerson(_ id: ID<User>) async throws -> MaskedPerson {
        let found = try await database.read { transaction in
            try users(where: "id = \(id) AND erased_at IS NULL", transaction).first
        }
        guard let found else { throw IdentityRejection.userNotFound }
        return MaskedPerson(found)
    }

    // MARK: Steps

    /// Nil for what can name nobody.
    private func searched(_ text: String) -> SQL? {
        if let id = ID<User>(text) { return "id = \(id)" }
        switch handle(text) {
        case .phone(let index): return "phone_index = \(index)"
        case .email(let index): return "email_index = \(index)"
        case .username, nil: break
        }
        guard Username.isBeginning(text) else { return nil }
        // Underscores are letters of usernames, and stand for any letter in a pattern.
        let beginning = text.lowercased().replacing("_", with: #"\_"#) + "%"
        return #"username COLLATE "C" LIKE \#(beginning)"#
    }
}
