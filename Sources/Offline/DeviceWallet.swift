internal import Cryptography
package import Identity
internal import Ledger
package import OfflineProtocol
internal import Postgres
package import Values

/// A key on a device, and what its owner may do with it without a network.
package struct DeviceWallet: Sendable {
    package enum Status: String, Sendable, CaseIterable {
        case live
        /// Two of its records conflict.
        case frozen
        /// Its owner said so.
        case lost
        /// Nothing that it signed can be claimed any more; what was left went back.
        case retired
    }

    package let id: WalletID
    package let owner: ID<User>
    package let currency: Currency
    /// Compressed.
    let publicKey: [UInt8]
    let nameSalt: [UInt8]
    package let isReceiveOnly: Bool
    let escrow: AccountID
    let online: AccountID
    package internal(set) var status: Status
    var ownLimit: Int64
    var outLimit: Int64
    var perTransfer: Int64
    var guarantee: Int64
    var counterMax: Int64
    var hopsMax: Int16
    var guaranteeUsed: Int64
    /// What goes back online at once while a certificate lives: of received value, and of its own.
    var instantDepositMax: Int64
    var instantUnlockMax: Int64
    /// Until when claims on it are honoured.
    package internal(set) var claimBy: Timestamp

    static let columns: SQL = """
        w.wid, w.user_id, w.currency, w.public_key, w.name_salt, w.is_receive_only, w.escrow,
        w.online, w.status, w.own_limit, w.out_limit, w.per_transfer, w.guarantee, w.counter_max,
        w.hops_max, w.guarantee_used, w.claim_by, w.instant_deposit_max, w.instant_unlock_max
        """
}

extension DeviceWallet {
    init(row: Row) throws(DatabaseError) {
        id = WalletID(stored: try row[0])
        owner = try row[1]
        currency = try row[2]
        publicKey = try row[3]
        nameSalt = try row[4]
        isReceiveOnly = try row[5]
        escrow = AccountID(try row[6])
        online = AccountID(try row[7])
        guard let status = Status(rawValue: try row[8]) else {
            throw .decoding(column: 8, expected: "a status of a wallet")
        }
        self.status = status
        ownLimit = try row[9]
        outLimit = try row[10]
        perTransfer = try row[11]
        guarantee = try row[12]
        counterMax = try row[13]
        hopsMax = try row[14]
        guaranteeUsed = try row[15]
        claimBy = try row[16]
        instantDepositMax = try row[17]
        instantUnlockMax = try row[18]
    }
}

extension Offline {
    /// A wallet of this person's own.
    package func wallet(_ id: WalletID, of owner: ID<User>) async throws -> DeviceWallet {
        let wallet = try await wallets([id])[id]
        guard let wallet, wallet.owner == owner else { throw OfflineRejection.walletNotFound }
        return wallet
    }

    /// All that this person ever had, newest first.
    package func wallets(of owner: ID<User>) async throws -> [DeviceWallet] {
        try await database.query(
            """
            SELECT \(DeviceWallet.columns) FROM offline.wallets w
            WHERE w.user_id = \(owner) ORDER BY w.created_at DESC, w.wid
            LIMIT \(Self.walletsShownMax)
            """
        ) { try DeviceWallet(row: $0) }
    }

    private static let walletsShownMax = 200

    func wallets(_ ids: some Sequence<WalletID>) async throws -> [WalletID: DeviceWallet] {
        let numbers = Set(ids).map(\.stored)
        guard !numbers.isEmpty else { return [:] }
        let found = try await database.query(
            """
            SELECT \(DeviceWallet.columns) FROM offline.wallets w WHERE w.wid = ANY(\(numbers))
            """
        ) { try DeviceWallet(row: $0) }
        return Dictionary(uniqueKeysWithValues: found.map { ($0.id, $0) })
    }
}

// MARK: How ids are stored and written

extension WalletID {
    init(stored bits: Int64) { self.init(UInt64(bitPattern: bits)) }

    var stored: Int64 { Int64(bitPattern: number) }

    /// Sixteen hexadecimal digits.
    package init?(hex text: some StringProtocol) {
        guard text.utf8.count == 16, let bytes = Hex.decode(text) else { return nil }
        self.init(bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    package var hex: String { Hex.encode(OfflineBytes.of(number)) }
}

extension ObjectID {
    init(stored id: ID<SpendRecord>) { self.init(id.high, id.low) }

    var stored: ID<SpendRecord> { ID(high: high, low: low) }

    init(bytes: [UInt8]) {
        func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
            bytes.reduce(0) { $0 << 8 | UInt64($1) }
        }
        self.init(word(bytes.prefix(8)), word(bytes.dropFirst(8)))
    }

    /// Thirty-two hexadecimal digits.
    package init?(hex text: some StringProtocol) {
        guard text.utf8.count == 32, let bytes = Hex.decode(text) else { return nil }
        self.init(bytes: bytes)
    }

    package var hex: String { Hex.encode(bytes) }
}

/// The bytes of numbers, the most significant first.
enum OfflineBytes {
    static func of(_ number: UInt64) -> [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }
}
