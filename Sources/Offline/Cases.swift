package import Identity
package import OfflineProtocol
internal import Postgres
package import Values

/// A wallet of which two records conflict, as staff see it.
package struct FraudCase: Sendable {
    package struct Pair: Sendable {
        package let kind: Conflict
        package let first: SpendRecord
        package let second: SpendRecord
    }

    package let wallet: WalletID
    package let person: ID<User>
    package let currency: Currency
    package let overspent: Int64
    package let openedAt: Timestamp
    /// Nil while nobody has lost anything: a restored backup looks like this.
    package let upheldAt: Timestamp?
    package internal(set) var pairs: [Pair] = []
}

extension Offline {
    /// Newest first.
    package func cases(before cursor: WalletID?, limit: Int) async throws -> Page<FraudCase> {
        let condition: SQL =
            cursor.map { wallet in
                """
                (c.opened_at, c.wid) < (SELECT opened_at, wid FROM offline.cases
                    WHERE wid = \(wallet.stored))
                """
            } ?? "true"
        let found = try await cases(where: condition, limit: Int64(limit) + 1)
        let page = Array(found.prefix(limit))
        return Page(page, nextCursor: found.count > limit ? page.last?.wallet.hex : nil)
    }

    /// One case with its conflicting records side by side.
    package func fraudCase(of wallet: WalletID) async throws -> FraudCase {
        guard var found = try await cases(where: "c.wid = \(wallet.stored)", limit: 1).first
        else { throw OfflineRejection.proofNotFound }
        found.pairs = try await database.query(
            """
            SELECT p.kind, a.bytes, b.bytes FROM offline.conflicts p
                JOIN offline.records a ON a.id = p.first JOIN offline.records b ON b.id = p.second
            WHERE p.wid = \(wallet.stored) ORDER BY a.log_index, b.log_index
            """
        ) { row in
            let number: Int16 = try row[0]
            guard let kind = Conflict(rawValue: UInt8(clamping: number)) else {
                throw DatabaseError.decoding(column: 0, expected: "a kind of conflict")
            }
            return FraudCase.Pair(
                kind: kind, first: try SpendRecord(stored: row[1]),
                second: try SpendRecord(stored: row[2]))
        }
        return found
    }

    private func cases(where condition: SQL, limit: Int64) async throws -> [FraudCase] {
        try await database.query(
            """
            SELECT c.wid, c.user_id, c.currency, c.overspent, c.opened_at, c.upheld_at
            FROM offline.cases c WHERE \(condition)
            ORDER BY c.opened_at DESC, c.wid DESC LIMIT \(limit)
            """
        ) { row in
            FraudCase(
                wallet: WalletID(stored: try row[0]), person: try row[1], currency: try row[2],
                overspent: try row[3], openedAt: try row[4], upheldAt: try row[5])
        }
    }
}
