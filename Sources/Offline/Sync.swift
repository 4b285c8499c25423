package import Identity
internal import Ledger
package import OfflineProtocol
internal import Postgres
package import Values

/// What a device says when it is online.
package struct SyncRequest: Sendable {
    package let wallet: WalletID
    package let objects: [[UInt8]]
    /// The counter of the device's last record; 0 before the first.
    package let counter: UInt32
    /// Minor units that are to be locked again after what was spent; nil for none.
    package let topUpTo: Int64?
    /// Seconds since 1970 of what the device has.
    package let revocationsSince: UInt32
    package let proofsSince: UInt32
}

/// Everything that a device needs to know before it is offline again.
package struct SyncAnswer: Sendable {
    package let now: Timestamp
    package let results: [ObjectResult]
    /// Counters of the wallet up to the head whose records nobody has shown.
    package let missing: [Int64]
    package let wallet: DeviceWallet
    /// Nil for a wallet that has ended.
    package let certified: Certified?
    package let locked: Int64
    package let revocations: RevocationList?
    package let proofs: [FraudProof]
    /// What others have shown of payments to this wallet, and is still in their buckets; not what
    /// the payer says was never delivered.
    package let incoming: [SpendRecord]
    package let receipts: [OfflineReceipt]

    package typealias Certified = Offline.Certified
}

extension Offline {
    private static let missingMax: Int64 = 64
    private static let incomingMax: Int64 = 100
    /// Receipts are signed, a few hundredths of a millisecond each.
    private static let receiptsMax = 128

    /// Uploads, tops up and certifies. May be repeated as it is: what was done is found, and
    /// nothing is done twice.
    package func sync(_ request: SyncRequest, by payer: Payer) async throws -> SyncAnswer {
        let before = try await wallet(request.wallet, of: payer.user)
        let results = try await ingest(request.objects, by: payer.user)
        if let level = request.topUpTo { try await topUp(before.id, to: level, by: payer) }
        let certified = try await certificateIfLive(before.id, for: payer)
        let wallet = try await wallet(before.id, of: payer.user)
        let incoming = try await incoming(to: wallet)
        let shown = results.compactMap(\.id) + incoming.map(\.id)
        return SyncAnswer(
            now: clock.now, results: results,
            missing: try await missing(from: wallet, upTo: Int64(request.counter)),
            wallet: wallet, certified: certified,
            locked: try await ledger.balances(of: [wallet.escrow])[wallet.escrow]?.available
                ?? 0,
            revocations: try await revocations(since: request.revocationsSince),
            proofs: try await proofs(since: request.proofsSince),
            incoming: incoming.map(\.record),
            receipts: try await receipts(of: shown, for: wallet))
    }

    // MARK: Steps

    private func certificateIfLive(
        _ id: WalletID, for payer: Payer
    ) async throws -> Certified? {
        do {
            return try await certificate(of: id, for: payer)
        } catch let refusal as OfflineRefusal where refusal.rejection == .walletEnded {
            return nil
        }
    }

    private func missing(from wallet: DeviceWallet, upTo head: Int64) async throws -> [Int64] {
        // A head beyond the certificate is no head: nobody takes such a record.
        let last = min(head, wallet.counterMax)
        guard last > 0 else { return [] }
        return try await database.query(
            """
            SELECT n FROM generate_series(1::bigint, \(last)) AS n
            WHERE NOT EXISTS (SELECT FROM offline.records
                WHERE payer = \(wallet.id.stored) AND counter = n)
            ORDER BY n LIMIT \(Self.missingMax)
            """
        ) { try $0[0] }
    }

    private func incoming(to wallet: DeviceWallet) async throws -> [StoredRecord] {
        try await database.query(
            """
            SELECT \(StoredRecord.columns) FROM offline.records r
            WHERE r.payee = \(wallet.id.stored) AND r.state = 'settled' AND r.closed_at IS NULL
                AND r.undelivered_at IS NULL
            ORDER BY r.log_index LIMIT \(Self.incomingMax)
            """
        ) { try StoredRecord(row: $0) }
    }

    private func receipts(
        of ids: [ObjectID], for wallet: DeviceWallet
    ) async throws -> [OfflineReceipt] {
        let records = try await records(ids).values.filter { record in
            record.record.payer == wallet.id || record.record.payee == wallet.id
        }
        let key = try await keys.current(at: clock.now)
        return records.sorted { $0.logIndex < $1.logIndex }.prefix(Self.receiptsMax)
            .compactMap { receipt(of: $0, with: key) }
    }

    /// The operator's signed word on a record; nil until it is settled.
    func receipt(of record: StoredRecord, with key: IssuerKeys.Key) -> OfflineReceipt? {
        guard record.state == .settled, let status = record.outcome,
            let time = record.settledAt
        else { return nil }
        return key.sign(
            OfflineReceipt(
                issuerKey: key.number, record: record.id, status: status,
                covered: UInt32(clamping: record.paid), logIndex: UInt64(record.logIndex),
                time: time.seconds))
    }
}
