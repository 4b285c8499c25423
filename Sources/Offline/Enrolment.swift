internal import Cryptography
package import Identity
internal import Ledger
package import OfflineProtocol
internal import Payments
internal import Postgres
internal import Values

extension Offline {
    /// A wallet with its newest certificate, and what proves the name in it.
    package struct Certified: Sendable {
        package let wallet: DeviceWallet
        package let certificate: Certificate
        package let name: String
        package let nameSalt: ObjectID
    }

    /// Takes a device's key, or finds the wallet that this very key has.
    ///
    /// - Parameter passkey: what a passkey of the person has signed over the hash of the csr: then
    ///   no key that the operator made can pass for theirs.
    package func enrol(
        _ csr: [UInt8], currency code: String, isReceiveOnly: Bool, passkey: PasskeyAssertion?,
        by payer: Payer, from origin: Origin
    ) async throws -> Certified {
        let enrolment: Enrolment
        do throws(DecodingFault) { enrolment = try Enrolment(decoding: csr) } catch {
            throw OfflineRejection.enrolmentInvalid
        }
        guard enrolment.account == ObjectID(payer.user.high, payer.user.low) else {
            throw OfflineRejection.enrolmentInvalid
        }
        guard await signatures.areGood([enrolment.check(by: enrolment.publicKey)])[0] else {
            throw OfflineRejection.enrolmentForged
        }
        let binding = try await binding(of: csr, by: passkey, payer, from: origin)
        let online = try await payments.openWallet(for: payer.user, currency: code)
        let (key, now) = (try await keys.current(at: clock.now), clock.now)
        return try await database.transaction { transaction in
            let id = try place(
                enrolment, csr, isReceiveOnly, online, now, in: transaction)
            if let binding { try store(binding, of: id, in: transaction) }
            return try certify(id, of: payer, with: key, now, in: transaction)
        }
    }

    // MARK: Steps

    private struct Binding: Sendable {
        let assertion: PasskeyAssertion
        /// COSE.
        let publicKey: [UInt8]
    }

    private func binding(
        of csr: [UInt8], by passkey: PasskeyAssertion?, _ payer: Payer, from origin: Origin
    ) async throws -> Binding? {
        guard let passkey else { return nil }
        let publicKey = try await identity.checkPasskey(
            passkey, over: Hash.sha256(csr), of: payer.user, from: origin)
        return Binding(assertion: passkey, publicKey: publicKey)
    }

    private func store(
        _ binding: Binding, of id: WalletID, in transaction: borrowing Transaction
    ) throws {
        let assertion = binding.assertion
        try transaction.execute(
            """
            INSERT INTO offline.bindings (wid, credential, public_key, client_data,
                authenticator_data, signature)
            VALUES (\(id.stored), \(assertion.credentialID), \(binding.publicKey),
                \(assertion.clientData), \(assertion.authenticatorData), \(assertion.signature))
            ON CONFLICT DO NOTHING
            """)
    }

    /// The wallet of the key, which nobody else may have.
    private func place(
        _ enrolment: Enrolment, _ csr: [UInt8], _ isReceiveOnly: Bool, _ online: Wallet,
        _ now: Timestamp, in transaction: borrowing Transaction
    ) throws -> WalletID {
        // Two enrolments of one person wait for each other: what they may have is counted.
        try transaction.execute(
            "SELECT pg_advisory_xact_lock(\(Int64(bitPattern: online.owner.low)))")
        let row = try transaction.first(
            """
            SELECT wid, user_id, currency FROM offline.wallets
            WHERE public_key = \(enrolment.publicKey)
            """)
        if let row {
            guard try row[1] == online.owner, try row[2] == online.currency else {
                throw OfflineRejection.keyTaken
            }
            return WalletID(stored: try row[0])
        }
        try checkMayEnrol(online, now, transaction)
        return try insert(enrolment, csr, isReceiveOnly, online, now, transaction)
    }

    private func checkMayEnrol(
        _ online: Wallet, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        let debt: Int64 = try transaction.query(
            """
            SELECT coalesce(sum(remaining), 0)::bigint FROM offline.claims
            WHERE debtor = \(online.owner) AND currency = \(online.currency) AND remaining > 0
            """)[0][0]
        guard debt == 0 else { throw OfflineRefusal(.debtOpen, Fact("debt", debt)) }
        let inUse: Int64 = try transaction.query(
            """
            SELECT count(*) FROM offline.wallets
            WHERE user_id = \(online.owner) AND currency = \(online.currency)
                AND status = 'live' AND claim_by > \(now)
            """)[0][0]
        guard inUse < OfflinePolicy.walletsMax else { throw OfflineRejection.tooManyWallets }
    }

    private func insert(
        _ enrolment: Enrolment, _ csr: [UInt8], _ isReceiveOnly: Bool, _ online: Wallet,
        _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> WalletID {
        try transaction.execute(
            """
            INSERT INTO offline.turns (currency, version) VALUES (\(online.currency), 0)
            ON CONFLICT DO NOTHING
            """)
        let escrow = try ledger.openAccount(
            .offlineEscrow, online.currency, floor: 0, in: transaction)
        let id = WalletID(SecureRandom.bytes(8).reduce(0) { $0 << 8 | UInt64($1) } | 1)
        try transaction.execute(
            """
            INSERT INTO offline.wallets (wid, user_id, currency, public_key, enrolment, name_salt,
                is_receive_only, escrow, online, claim_by, created_at)
            VALUES (\(id.stored), \(online.owner), \(online.currency), \(enrolment.publicKey),
                \(csr), \(SecureRandom.bytes(16)), \(isReceiveOnly), \(escrow.number),
                \(online.account.number), \(now), \(now))
            """)
        return id
    }
}
