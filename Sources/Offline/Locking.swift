internal import Cryptography
package import Identity
internal import Ledger
package import OfflineProtocol
internal import Payments
internal import Postgres
package import Values

extension Offline {
    private static let lockAttemptsMax = 20

    /// Moves money from the wallet online into what the device may spend, and certifies it.
    package func lock(
        _ amount: Int64, in id: WalletID, key: IdempotencyKey, by payer: Payer
    ) async throws -> Certified {
        let wallet = try await wallet(id, of: payer.user)
        guard wallet.status == .live else {
            throw OfflineRefusal(.walletEnded, Fact("wallet_status", wallet.status.rawValue))
        }
        guard !wallet.isReceiveOnly else { throw OfflineRejection.receiveOnly }
        try await payments.requirePresence(of: payer, for: Money(amount, wallet.currency))
        let name = Self.commandKey("offline lock \(payer.user) \(key.text)")
        try await lanes.exclusively(wallet.currency) {
            try await insist { try await lock(amount, in: id, name, by: payer, isExact: true) }
        }
        return try await certificate(of: id, for: payer)
    }

    /// Brings what is locked up to the level, as far as there is money. For every sync.
    func topUp(_ id: WalletID, to level: Int64, by payer: Payer) async throws {
        let wallet = try await wallet(id, of: payer.user)
        guard !wallet.isReceiveOnly, wallet.status == .live else { return }
        try await lanes.exclusively(wallet.currency) {
            try await insist {
                let locked = try await ledger.balances(of: [wallet.escrow, wallet.online])
                let missing = min(
                    level - (locked[wallet.escrow]?.available ?? 0),
                    locked[wallet.online]?.available ?? 0)
                guard missing > 0 else { return }
                try await payments.requirePresence(
                    of: payer, for: Money(missing, wallet.currency))
                try await lock(missing, in: id, .random(), by: payer, isExact: false)
            }
        }
    }

    /// A new certificate.
    func certificate(of id: WalletID, for payer: Payer) async throws -> Certified {
        let (key, now) = (try await keys.current(at: clock.now), clock.now)
        return try await database.transaction { transaction in
            try certify(id, of: payer, with: key, now, in: transaction)
        }
    }

    // MARK: Steps

    /// Decides anew when another process was faster.
    private func insist(_ body: () async throws -> Void) async throws {
        for _ in 0..<Self.lockAttemptsMax {
            do { return try await body() } catch is TurnLost { continue }
        }
        throw TurnLost()
    }

    /// - Parameter isExact: whether less than the amount is refused, or done as far as it may be.
    private func lock(
        _ amount: Int64, in id: WalletID, _ key: CommandKey, by payer: Payer, isExact: Bool
    ) async throws {
        let wallet = try await wallet(id, of: payer.user)
        let version = try await version(wallet.currency)
        let locked = try await ledger.balances(of: [wallet.escrow])[wallet.escrow]?.available ?? 0
        let now = clock.now
        let terms = try await database.transaction { transaction in
            try self.terms(of: wallet, now, transaction)
        }
        let room = max(0, min(terms.ownMax - locked, Self.totalMax - wallet.ownLimit))
        let amount = isExact ? amount : min(amount, room)
        guard isExact || amount > 0 else { return }
        let leg = Leg(
            debit: wallet.online, credit: wallet.escrow, amount: Money(amount, wallet.currency),
            code: .offlineLock)
        let limit = OfflineRefusal(
            .limitExceeded, Fact("limit_amount", terms.ownMax), Fact("remaining", room))
        let ended = OfflineRefusal(.walletEnded, Fact("wallet_status", wallet.status.rawValue))
        // Refused by what goes with it, so that a repetition of what was done is always found.
        let command = Command(
            key: key, [.post(leg)],
            attachments: [
                Attachment(else: limit) { _ in
                    """
                    SELECT FROM offline.turns
                    WHERE currency = \(wallet.currency) AND \(amount <= room)
                    """
                },
                Attachment(else: ended) { _ in
                    """
                    SELECT FROM offline.wallets WHERE wid = \(wallet.id.stored)
                        AND status = 'live'
                    """
                },
                Self.attachment(
                    """
                    WITH turn AS (\(Self.turn(wallet.currency, version)))
                    UPDATE offline.wallets w SET own_limit = w.own_limit + \(amount) FROM turn
                    WHERE w.wid = \(wallet.id.stored) AND w.status = 'live'
                    """),
            ])
        _ = try await ledger.submit(command)
    }
}
