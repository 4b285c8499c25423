package import Identity
internal import Ledger
package import OfflineProtocol
internal import Postgres
internal import Values

extension Offline {
    /// The payer says that nobody took the payment. The money waits for the payee's word until the
    /// claim to it ends, then it goes back.
    func markUndelivered(_ id: ObjectID, by payer: Payer) async throws -> StoredRecord {
        let record = try await record(id, seenBy: payer.user)
        let wallet = try await wallets([record.record.payer])[record.record.payer]
        guard let wallet, wallet.owner == payer.user else {
            throw OfflineRejection.recordNotFound
        }
        guard record.undeliveredAt == nil else { return record }
        // The deadline is that of today's certificate: one that is issued later moves it no more.
        let now = clock.now
        let marked = try await database.transaction { transaction in
            try transaction.execute(
                """
                UPDATE offline.records r SET undelivered_at = \(now),
                    return_due = greatest(\(wallet.claimBy), \(now))
                WHERE r.id = \(id.stored) AND r.payee <> 0 AND r.undelivered_at IS NULL
                    AND r.state <> 'rejected' AND r.closed_at IS NULL AND \(Self.isUnseen)
                """)
        }
        guard marked == 1 else { throw OfflineRejection.recordEnded }
        return try await self.record(id, seenBy: payer.user)
    }

    /// The payee gives a record up: what is left of it goes back at once.
    func decline(
        _ id: ObjectID, with bytes: [UInt8], by payer: Payer
    ) async throws -> StoredRecord {
        let record = try await record(id, seenBy: payer.user)
        let decline: Decline
        do throws(DecodingFault) { decline = try Decline(decoding: bytes) } catch {
            throw OfflineRejection.declineInvalid
        }
        guard decline.payee == record.record.payee, decline.records.contains(id) else {
            throw OfflineRejection.declineInvalid
        }
        let results = try await ingest([bytes], by: payer.user)
        guard results.allSatisfy({ $0.status == .known }) else {
            throw OfflineRejection.declineInvalid
        }
        return try await self.record(id, seenBy: payer.user)
    }

    /// Cuts a wallet off because its device is gone. What it signed can be claimed for as long as
    /// its certificates say; then the rest comes back by itself.
    package func reportLost(
        _ id: WalletID, by payer: Payer, from origin: Origin
    ) async throws -> DeviceWallet {
        let (wallet, now) = (try await wallet(id, of: payer.user), clock.now)
        try await database.transaction { transaction in
            let lost = try transaction.execute(
                """
                UPDATE offline.wallets
                SET status = 'lost', revoked_at = coalesce(revoked_at, \(now))
                WHERE wid = \(wallet.id.stored) AND status = 'live'
                """)
            guard lost == 1 else { return }
            try identity.audit.record(
                Act(
                    .offlineWalletLost, by: payer.user, of: payer.user, from: origin,
                    after: #"{"wallet":"\#(wallet.id.hex)"}"#), in: transaction)
        }
        return try await self.wallet(id, of: payer.user)
    }

    /// A record that this person paid or is paid by.
    func record(_ id: ObjectID, seenBy person: ID<User>) async throws -> StoredRecord {
        guard let record = try await records([id])[id] else {
            throw OfflineRejection.recordNotFound
        }
        let parties = try await wallets([record.record.payer, record.record.payee])
        guard parties.values.contains(where: { $0.owner == person }) else {
            throw OfflineRejection.recordNotFound
        }
        return record
    }
}

extension Act.Kind {
    static let offlineWalletLost = Act.Kind("offline_wallet_lost")
    /// Money was put aside for the guarantee of offline payments.
    static let offlineFundFilled = Act.Kind("offline_fund_filled")
}
