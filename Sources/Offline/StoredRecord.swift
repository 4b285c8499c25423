internal import Ledger
internal import OfflineProtocol
internal import Postgres
internal import Values

/// A record that somebody has shown, and what became of it.
struct StoredRecord: Sendable {
    enum State: String, Sendable {
        /// Next in the order of arrival.
        case pending
        /// Until what it draws on is settled.
        case waiting
        case settled
        case rejected
    }

    let id: ObjectID
    let logIndex: Int64
    let record: SpendRecord
    let currency: Currency
    let bucket: AccountID
    var state: State
    var rejection: ObjectRejection?
    var outcome: OfflineReceipt.Status?
    /// Minor units, all of them.
    var paid: Int64
    var drawn: Int64
    var released: Int64
    var returned: Int64
    var isShownByPayer: Bool
    var isShownByOthers: Bool
    var undeliveredAt: Timestamp?
    /// When what nobody took goes back to its payer.
    var returnDue: Timestamp?
    /// When its payee's word came that they do not want it.
    var declinedAt: Timestamp?
    /// When what a deposit or an unlock did not credit at once may go.
    var maturesAt: Timestamp?
    var seenAt: Timestamp
    var settledAt: Timestamp?
    var closedAt: Timestamp?

    var amount: Int64 { Int64(record.amount) }

    /// Whether nothing can come out of its bucket any more. An empty one may be filled again by who
    /// owes for it, as long as its payee may have passed on what is missing.
    func isClosed(with balance: Int64) -> Bool {
        balance == 0 && (record.payee == .issuer || drawn + released + returned >= amount)
    }

    static let columns: SQL = """
        r.id, r.log_index, r.bytes, r.currency, r.bucket, r.state, r.rejection, r.outcome, r.paid,
        r.drawn, r.released, r.returned, r.shown_by_payer, r.shown_by_others, r.undelivered_at,
        r.seen_at, r.settled_at, r.closed_at, r.return_due, r.declined_at, r.matures_at
        """
    static let columnsCount = 21
}

extension StoredRecord {
    init(row: Row) throws(DatabaseError) {
        id = ObjectID(stored: try row[0])
        logIndex = try row[1]
        record = try SpendRecord(stored: try row[2])
        currency = try row[3]
        bucket = AccountID(try row[4])
        guard let state = State(rawValue: try row[5]) else {
            throw .decoding(column: 5, expected: "a state of a record")
        }
        self.state = state
        let reason: String? = try row[6]
        rejection = reason.flatMap { ObjectRejection(rawValue: $0) }
        let number: Int16? = try row[7]
        outcome = number.flatMap { OfflineReceipt.Status(rawValue: UInt8(clamping: $0)) }
        paid = try row[8]
        drawn = try row[9]
        released = try row[10]
        returned = try row[11]
        isShownByPayer = try row[12]
        isShownByOthers = try row[13]
        undeliveredAt = try row[14]
        seenAt = try row[15]
        settledAt = try row[16]
        closedAt = try row[17]
        (returnDue, declinedAt, maturesAt) = (try row[18], try row[19], try row[20])
    }
}

extension SpendRecord {
    /// What is stored was decoded before, so a failure is ours.
    init(stored bytes: [UInt8]) throws(DatabaseError) {
        do throws(DecodingFault) {
            try self.init(decoding: bytes)
        } catch {
            throw .decoding(column: 2, expected: "a record of OFP1")
        }
    }
}

extension Offline {
    func records(_ ids: some Sequence<ObjectID>) async throws -> [ObjectID: StoredRecord] {
        let stored = Set(ids).map(\.stored)
        guard !stored.isEmpty else { return [:] }
        let found = try await database.query(
            """
            SELECT \(StoredRecord.columns) FROM offline.records r WHERE r.id = ANY(\(stored))
            """
        ) { try StoredRecord(row: $0) }
        return Dictionary(uniqueKeysWithValues: found.map { ($0.id, $0) })
    }
}
