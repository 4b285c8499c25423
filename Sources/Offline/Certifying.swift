internal import Identity
internal import Ledger
internal import OfflineProtocol
internal import Postgres
internal import Values

extension Offline {
    /// The largest cumulative value that the protocol can carry; then a new key is due.
    static let totalMax: Int64 = 2_147_483_647
    /// Bytes of a username that a request carries.
    private static let nameBytesMax = OfflineRequest.nameBytesMax

    /// A new certificate, issued only against what the server has seen: who withholds records
    /// lowers their own limits, and numbers only ever rise.
    func certify(
        _ id: WalletID, of payer: Payer, with key: IssuerKeys.Key, _ now: Timestamp,
        in transaction: borrowing Transaction
    ) throws -> Certified {
        // Until the transaction ends nobody locks more, or ends the wallet.
        let row = try transaction.first(
            """
            SELECT \(DeviceWallet.columns) FROM offline.wallets w WHERE w.wid = \(id.stored)
            FOR UPDATE
            """)
        guard let row else { throw OfflineRejection.walletNotFound }
        let wallet = try DeviceWallet(row: row)
        guard wallet.owner == payer.user else { throw OfflineRejection.walletNotFound }
        guard wallet.status == .live else {
            throw OfflineRefusal(.walletEnded, Fact("wallet_status", wallet.status.rawValue))
        }
        let terms = try terms(of: wallet, now, transaction)
        let name = String(payer.username.text.prefix(Self.nameBytesMax))
        let promised = try promisedByOthers(of: wallet, now, transaction)
        let certificate = key.sign(
            Certificate(
                of: wallet, terms, try seen(wallet, transaction), promisedByOthers: promised,
                key.number, name: name, now))
        try store(certificate, of: wallet, terms, now, transaction)
        let current = try transaction.query(
            "SELECT \(DeviceWallet.columns) FROM offline.wallets w WHERE w.wid = \(id.stored)")
        return Certified(
            wallet: try DeviceWallet(row: current[0]), certificate: certificate, name: name,
            nameSalt: ObjectID(bytes: wallet.nameSalt))
    }

    /// What the person's standing and past allow.
    func terms(
        of wallet: DeviceWallet, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> OfflinePolicy.Terms {
        let standing = try identity.standing(of: wallet.owner, in: transaction)
        let isClean: Bool = try transaction.query(
            """
            SELECT EXISTS (SELECT FROM offline.wallets WHERE user_id = \(wallet.owner)
                    AND created_at <= \(now.adding(
                        seconds: -OfflinePolicy.cleanDaysMin * 86_400)))
                AND NOT EXISTS (SELECT FROM offline.cases WHERE user_id = \(wallet.owner))
            """)[0][0]
        let tier = policy.tier(
            of: standing.tier, isClean: isClean, isReceiveOnly: wallet.isReceiveOnly)
        return policy.terms(of: tier, in: wallet.currency)
    }

    // MARK: Steps

    private func seen(
        _ wallet: DeviceWallet, _ transaction: borrowing Transaction
    ) throws -> SeenChain {
        let row = try transaction.query(
            """
            SELECT coalesce(max(counter), 0), coalesce(max(sent_total), 0),
                coalesce(max(source_spent) FILTER (WHERE source IS NULL), 0)
            FROM (SELECT counter, sent_total, source_spent, source,
                    dense_rank() OVER (ORDER BY counter) AS place
                FROM offline.records WHERE payer = \(wallet.id.stored)) AS chain
            WHERE counter = place
            """)[0]
        return SeenChain(counter: try row[0], sentTotal: try row[1], ownSpent: try row[2])
    }

    /// What other wallets of the person promise to honest holders.
    private func promisedByOthers(
        of wallet: DeviceWallet, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> Int64 {
        try transaction.query(
            """
            SELECT coalesce(sum(guarantee), 0)::bigint FROM offline.wallets
            WHERE user_id = \(wallet.owner) AND currency = \(wallet.currency)
                AND wid <> \(wallet.id.stored) AND claim_by > \(now)
            """)[0][0]
    }

    private func store(
        _ certificate: Certificate, of wallet: DeviceWallet, _ terms: OfflinePolicy.Terms,
        _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        try transaction.execute(
            """
            UPDATE offline.wallets SET out_limit = \(Int64(certificate.outLimit)),
                per_transfer = \(Int64(certificate.perTransfer)),
                guarantee = \(Int64(certificate.guarantee)),
                counter_max = \(Int64(certificate.counterMax)),
                hops_max = \(Int16(certificate.hopsMax)),
                instant_deposit_max = \(terms.instantDepositMax),
                instant_unlock_max = \(terms.instantUnlockMax),
                claim_by = greatest(claim_by, \(Timestamp(seconds: certificate.claimBy)))
            WHERE wid = \(wallet.id.stored)
            """)
        try transaction.execute(
            """
            INSERT INTO offline.certificates (id, wid, bytes, issued_at)
            VALUES (\(certificate.id.stored), \(wallet.id.stored), \(certificate.encoded), \(now))
            ON CONFLICT DO NOTHING
            """)
    }
}

/// What a wallet's records say up to the first gap.
struct SeenChain: Sendable {
    let counter: Int64
    let sentTotal: Int64
    let ownSpent: Int64
}

extension Certificate {
    /// The next certificate of a wallet. Its numbers only rise.
    ///
    /// - Parameter promisedByOthers: one guarantee for each person, whatever number of devices they
    ///   have: what others of their wallets promise is not promised again.
    init(
        of wallet: DeviceWallet, _ terms: OfflinePolicy.Terms, _ seen: SeenChain,
        promisedByOthers: Int64, _ issuerKey: UInt8, name: String, _ now: Timestamp
    ) {
        let out = seen.sentTotal + max(0, wallet.ownLimit - seen.ownSpent) + terms.respend
        let counterMax = min(seen.counter + terms.counterWindow, Offline.totalMax)
        let guarantee = min(max(0, terms.guarantee - promisedByOthers), Offline.totalMax)
        self.init(
            issuerKey: issuerKey, wallet: wallet.id, currency: wallet.currency.number,
            ownLimit: UInt32(wallet.ownLimit),
            outLimit: UInt32(max(wallet.outLimit, min(out, Offline.totalMax))),
            perTransfer: UInt32(max(wallet.perTransfer, terms.perTransfer)),
            guarantee: UInt32(max(wallet.guarantee, guarantee)),
            counterMax: UInt32(max(wallet.counterMax, counterMax)), issuedAt: now.seconds,
            expiresAt: now.adding(seconds: terms.lifeSeconds).seconds,
            graceHours: OfflinePolicy.graceHours,
            hopsMax: UInt8(max(wallet.hopsMax, Int16(terms.hopsMax))),
            flags: .init(tier: terms.tier.rawValue, isReceiveOnly: wallet.isReceiveOnly),
            publicKey: wallet.publicKey,
            nameTag: Certificate.nameTag(
                salt: ObjectID(bytes: wallet.nameSalt), name: Array(name.utf8)))
    }
}
