internal import HTTP
package import Identity
internal import Postgres
internal import Values

extension Offline {
    /// What of offline payments is in the copy that a person may take along.
    package var exportParts: [ExportPart] {
        [
            .list("offline_wallets") { user, _ in
                let wallets = try await wallets(of: user)
                return Page(
                    wallets.map { wallet in ExportPart.item { OfflineWire.write(wallet, &$0) } },
                    nextCursor: nil)
            }
        ]
    }

    /// Nobody is forgotten while others may still claim what their devices signed.
    package var erasurePart: ErasurePart {
        ErasurePart(
            obstacles: { try Self.obstacles(to: $0, $1) },
            erase: { user, transaction in
                let obstacles = try Self.obstacles(to: user, transaction)
                guard obstacles.isEmpty else {
                    throw IdentityRejection.erasureBlocked(obstacles)
                }
            },
            sweep: { _ in })
    }

    private static func obstacles(
        to user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> [Fact] {
        let row = try transaction.query(
            """
            SELECT (SELECT count(*) FROM offline.wallets
                    WHERE user_id = \(user) AND status <> 'retired'),
                (SELECT count(*) FROM offline.claims WHERE debtor = \(user) AND remaining > 0)
            """)[0]
        let (wallets, debts): (Int64, Int64) = (try row[0], try row[1])
        return [Fact("offline_wallets", wallets), Fact("offline_debts", debts)].filter {
            $0.value != .integer(0)
        }
    }
}
