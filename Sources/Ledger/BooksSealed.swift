package import Jobs
internal import Postgres
internal import Values

extension BookKeys {
    /// What the master keys have sealed in this slice.
    package static var sealedRows: [SealedRows] {
        [
            SealedRows("keys of the books", purpose: purpose) { after, limit, transaction in
                let last = after.flatMap { Int64($0) } ?? 0
                return try transaction.query(
                    """
                    SELECT number, kid, private_sealed, created_at FROM ledger.commitment_keys
                    WHERE number > \(last) ORDER BY number LIMIT \(limit)
                    """
                ).map { row in
                    let number: Int64 = try row[0]
                    let context = BookKeyRow.context(
                        number: number, kid: try row[1], createdAt: try row[3])
                    return SealedRows.Row(
                        id: "\(number)", context: context, sealed: [try row[2]])
                }
            } write: { row in
                """
                UPDATE ledger.commitment_keys SET private_sealed = \(row.sealed[0])
                WHERE number = \(row.id)::bigint
                """
            }
        ]
    }
}

extension LedgerSchema {
    static let commitmentKeysRotate = Migration(
        slice: "ledger", number: 6, name: "keys of the books are sealed anew",
        sql: """
            -- A rotation of master keys seals the private part anew; all else stays as it was.
            DROP TRIGGER commitment_keys_are_immutable ON ledger.commitment_keys;
            CREATE TRIGGER commitment_keys_are_immutable
                BEFORE DELETE OR TRUNCATE ON ledger.commitment_keys
                FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
            CREATE TRIGGER commitment_keys_keep_their_names
                BEFORE UPDATE ON ledger.commitment_keys FOR EACH ROW
                WHEN ((OLD.number, OLD.kid, OLD.public_key, OLD.created_at)
                    IS DISTINCT FROM (NEW.number, NEW.kid, NEW.public_key, NEW.created_at))
                EXECUTE FUNCTION ledger.refuse_change();
            """)
}
