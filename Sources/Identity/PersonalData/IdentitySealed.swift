internal import Cryptography
package import Jobs
internal import Postgres
internal import Values

extension Identity {
    /// What the master keys have sealed in this slice.
    package static var sealedRows: [SealedRows] {
        [
            SealedRows("keys of people", purpose: Vault.purpose) { after, limit, transaction in
                let last = after.flatMap { ID<User>($0) } ?? ID(high: 0, low: 0)
                return try transaction.query(
                    """
                    SELECT user_id, wrapped FROM identity.person_keys WHERE user_id > \(last)
                    ORDER BY user_id LIMIT \(limit)
                    """
                ).map { row in
                    let user: ID<User> = try row[0]
                    return SealedRows.Row(
                        id: "\(user)", context: Vault.context(of: user), sealed: [try row[1]])
                }
            } write: { row in
                """
                UPDATE identity.person_keys SET wrapped = \(row.sealed[0])
                WHERE user_id = \(row.id)::uuid
                """
            },
            SealedRows("keys of all", purpose: Vault.purpose) { after, limit, transaction in
                try transaction.query(
                    """
                    SELECT name, wrapped FROM identity.vault_keys WHERE name > \(after ?? "")
                    ORDER BY name LIMIT \(limit)
                    """
                ).map { row in
                    let name: String = try row[0]
                    return SealedRows.Row(
                        id: name, context: Vault.context(of: name), sealed: [try row[1]])
                }
            } write: { row in
                "UPDATE identity.vault_keys SET wrapped = \(row.sealed[0]) WHERE name = \(row.id)"
            },
            SealedRows("keys of sessions", purpose: Vault.purpose) { after, limit, transaction in
                try transaction.query(
                    """
                    SELECT kid, private_sealed FROM identity.signing_keys WHERE kid > \(after ?? "")
                    ORDER BY kid LIMIT \(limit)
                    """
                ).map { row in
                    let kid: String = try row[0]
                    return SealedRows.Row(
                        id: kid, context: Array(kid.utf8), sealed: [try row[1]])
                }
            } write: { row in
                """
                UPDATE identity.signing_keys SET private_sealed = \(row.sealed[0])
                WHERE kid = \(row.id)
                """
            },
        ]
    }
}
