import HTTP
import Postgres
import Synchronization
import TestSupport
import Testing

/// What the clients of one history share: the servers, the people, and what may be captured or
/// reversed.
final class Bank: Sendable {
    /// A hold or a payment, in the hands of who received it.
    struct Thing: Sendable {
        let id: String
        /// Its lines in the journal.
        let places: [Int64]
        let payee: Int
    }

    static let currencies = ["KES", "USD"]
    static let money: Int64 = 300
    /// What each payment costs its payer on top.
    static let fee: Int64 = 2

    let recorder = HistoryRecorder()
    let servers: [FlorinServer]
    let database: Database
    let people: [Person]
    /// How everything stands when the history begins.
    let opening: HistoryOpening
    private let accounts: [Wallet: Int64]
    private let feeAccounts: [String: Int64]
    private let holds = Mutex<[Thing]>([])
    private let payments = Mutex<[Thing]>([])

    private struct Wallet: Hashable {
        let owner: String
        let currency: String
    }

    /// Signs people up at both servers and gives them money. Each wallet and account that the
    /// history needs is open afterwards.
    init(_ servers: [FlorinServer], _ database: Database, people count: Int) async throws {
        self.servers = servers
        self.database = database
        let people = try await together(count) { number in
            let api = servers[number % servers.count].api
            let person = try await Person.signUp(api)
            for currency in Bank.currencies { try await person.topUp(Bank.money, currency) }
            return person
        }
        for currency in Bank.currencies {
            _ = try await people[0].post(
                "/v1/transfers", .send(1, to: people[1].username, currency: currency))
        }
        self.people = people
        (accounts, feeAccounts) = try await database.read { transaction in
            let wallets = try transaction.query(
                "SELECT user_id::text, currency, account FROM payments.wallets")
            let fees = try transaction.query(
                "SELECT currency, id FROM ledger.accounts WHERE kind = 'fees'")
            return (
                try wallets.reduce(into: [:]) {
                    $0[Wallet(owner: try $1[0], currency: try $1[1])] = try $1[2]
                },
                try fees.reduce(into: [:]) { $0[try $1[0]] = try $1[1] }
            )
        }
        opening = try await database.read { try Self.opening($0) }
    }

    func account(of person: Int, _ currency: String) -> Int64 {
        accounts[Wallet(owner: people[person].id, currency: currency)]!
    }

    /// The lines of a payment: the movement, and the fee that the server adds.
    func lines(_ movement: Movement, _ currency: String) -> [Movement] {
        [
            movement,
            Movement(debit: movement.debit, credit: feeAccounts[currency]!, amount: Self.fee),
        ]
    }

    func add(hold: Thing) { holds.withLock { $0.append(hold) } }
    func add(payment: Thing) { payments.withLock { $0.append(payment) } }

    /// One of the latest, so that clients meet.
    func anyHold() -> Thing? { holds.withLock { $0.suffix(8).randomElement() } }
    func anyPayment() -> Thing? { payments.withLock { $0.suffix(8).randomElement() } }
}

// MARK: What is in the database

extension Bank {
    private static func opening(_ transaction: borrowing Transaction) throws -> HistoryOpening {
        var accounts: [Int64: HistoryOpening.Account] = [:]
        for row in try transaction.query(
            "SELECT id, currency, floor, posted, held FROM ledger.accounts")
        {
            accounts[try row[0]] = HistoryOpening.Account(
                currency: try row[1], floor: try row[2],
                figures: Figures(posted: try row[3], held: try row[4]))
        }
        let head = try transaction.query("SELECT last_transfer FROM ledger.head")[0]
        return HistoryOpening(accounts: accounts, place: try head[0])
    }

    /// All accounts in one statement: one picture of the whole bank.
    func balances() async throws -> [Int64: Figures] {
        try await database.read { transaction in
            try transaction.query("SELECT id, posted, held FROM ledger.accounts")
                .reduce(into: [:]) {
                    $0[try $1[0]] = Figures(posted: try $1[1], held: try $1[2])
                }
        }
    }

    /// What was written since the opening.
    func journal() async throws -> [HistoryCommand] {
        let place = opening.place
        return try await database.read { transaction in
            let rows = try transaction.query(
                """
                SELECT t.id, t.kind, t.debit, t.credit, t.amount, t.settles, t.debit_posted,
                    t.debit_held, t.credit_posted, t.credit_held, t.legs, n.note
                FROM ledger.transfers t LEFT JOIN payments.notes n ON n.transfer = t.id
                WHERE t.id > \(place) ORDER BY t.id
                """)
            var commands: [HistoryCommand] = []
            var next = rows.startIndex
            while next < rows.endIndex {
                let legs: Int16 = try rows[next][10]
                let end = next + Int(legs)
                commands.append(
                    HistoryCommand(
                        name: try rows[next][11],
                        lines: try rows[next..<end].map { try HistoryLine(row: $0) }))
                next = end
            }
            return commands
        }
    }
}

extension HistoryLine {
    fileprivate init(row: Row) throws {
        let kind: Int16 = try row[1]
        self.init(
            place: try row[0], kind: try #require(Kind(rawValue: kind)),
            movement: Movement(debit: try row[2], credit: try row[3], amount: try row[4]),
            settles: try row[5],
            debitAfter: Figures(posted: try row[6], held: try row[7]),
            creditAfter: Figures(posted: try row[8], held: try row[9]))
    }
}
