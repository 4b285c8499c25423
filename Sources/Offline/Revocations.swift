package import OfflineProtocol
internal import Postgres
internal import Values

extension Offline {
    /// How long a list is good for whoever cannot get another.
    static let revocationsGoodSeconds: Int64 = 86_400
    /// What two bytes can count; the oldest deadlines go first.
    private static let revokedMax: Int64 = 65_535
    private static let proofsMax: Int64 = 50

    /// Wallets that nobody should take anything from; nil when nothing is newer than the moment.
    /// Those whose claims are over drop out: their certificates have ended long before.
    func revocations(since seconds: UInt32) async throws -> RevocationList? {
        let now = clock.now
        let revoked = try await database.query(
            """
            SELECT wid, revoked_at FROM offline.wallets
            WHERE revoked_at IS NOT NULL AND claim_by > \(now)
            ORDER BY claim_by DESC LIMIT \(Self.revokedMax)
            """
        ) { (WalletID(stored: try $0[0]), try $0[1] as Timestamp) }
        guard seconds == 0 || revoked.contains(where: { $0.1.seconds >= seconds }) else {
            return nil
        }
        let key = try await keys.current(at: now)
        return key.sign(
            RevocationList(
                issuerKey: key.number, issuedAt: now.seconds,
                nextUpdate: now.adding(seconds: Self.revocationsGoodSeconds).seconds,
                wallets: revoked.map(\.0).sorted()))
    }

    /// The newest public proofs of fraud, which any device can check by itself.
    func proofs(since seconds: UInt32) async throws -> [FraudProof] {
        try await proofs(
            where: "c.upheld_at >= \(Timestamp(seconds: UInt64(seconds)))",
            limit: Self.proofsMax)
    }

    /// Every proof that is kept against one wallet, once the case is upheld.
    package func proofs(against wallet: WalletID) async throws -> [FraudProof] {
        let proofs = try await proofs(
            where: "c.wid = \(wallet.stored) AND c.upheld_at IS NOT NULL",
            limit: Self.conflictsMax)
        guard !proofs.isEmpty else { throw OfflineRejection.proofNotFound }
        return proofs
    }

    // MARK: Steps

    private func proofs(where condition: SQL, limit: Int64) async throws -> [FraudProof] {
        try await database.query(
            """
            SELECT k.bytes, a.bytes, b.bytes
            FROM offline.cases c JOIN offline.conflicts p ON p.wid = c.wid
                JOIN offline.records a ON a.id = p.first JOIN offline.records b ON b.id = p.second
                CROSS JOIN LATERAL (SELECT bytes FROM offline.certificates
                    WHERE wid = c.wid ORDER BY issued_at LIMIT 1) AS k
            WHERE \(condition) ORDER BY c.upheld_at DESC, p.first, p.second LIMIT \(limit)
            """
        ) { row in
            FraudProof(
                certificate: try Certificate(stored: row[0]), try SpendRecord(stored: row[1]),
                try SpendRecord(stored: row[2]))
        }.compactMap { $0 }
    }
}

extension Certificate {
    init(stored bytes: [UInt8]) throws(DatabaseError) {
        do throws(DecodingFault) {
            try self.init(decoding: bytes)
        } catch {
            throw .decoding(column: 0, expected: "a certificate of OFP1")
        }
    }
}
