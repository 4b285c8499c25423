internal import Values

/// The journal, added up line by line in the plainest way there is.
struct AuditReplay {
    struct Account {
        let currency: Currency
        var posted: Int128 = 0
        var held: Int128 = 0
        var lastTransfer: Int64 = 0
        var lastAt = Timestamp(microseconds: 0)
        /// Where the account stood when each month began in which it moved.
        var months: [Timestamp: Int64] = [:]
    }

    private struct Hold {
        let debit: Int64
        let credit: Int64
        let amount: Int64
        let expiresAt: Timestamp?
    }

    private(set) var report = Auditor.Report()
    private var accounts: [Int64: Account]
    private var openHolds: [Int64: Hold] = [:]
    private var reversible: [Int64: (debit: Int64, credit: Int64, amount: Int64)] = [:]
    private var lastLine: Int64 = 0
    /// How many lines of the current command are still to come.
    private var legsLeft: Int16 = 0
    private var lastAt = Timestamp(microseconds: 0)

    init(accounts: [Int64: Account]) {
        self.accounts = accounts
        report.accounts = accounts.count
    }

    var isFull: Bool { report.findings.count >= Auditor.findingsMax }

    private mutating func find(_ finding: String) {
        if !isFull { report.findings.append(finding) }
    }

    private mutating func expect(_ truth: Bool, _ finding: @autoclosure () -> String) {
        if !truth { find(finding()) }
    }

    // MARK: One line

    mutating func add(_ line: Transfer) {
        report.transfers += 1
        let place = line.id.number
        let last = lastLine
        expect(place == last + 1, "transfer \(place) follows \(last): a line is missing")
        expect(line.at >= lastAt, "transfer \(place) is older than the line before it")
        expect(line.amount > 0, "transfer \(place) moves \(line.amount)")
        expect(line.debit != line.credit, "transfer \(place) debits and credits one account")
        lastLine = place
        lastAt = line.at
        countLegs(line)

        guard var debit = accounts[line.debit.number], var credit = accounts[line.credit.number]
        else { return find("transfer \(place) names an account that does not exist") }
        expect(debit.currency == credit.currency, "transfer \(place) mixes currencies")
        expect(
            debit.lastTransfer == line.debitPrevious && credit.lastTransfer == line.creditPrevious,
            "transfer \(place) does not continue the chains of its accounts")

        apply(line, &debit, &credit)
        for (account, after) in [(debit, line.debitAfter), (credit, line.creditAfter)] {
            expect(
                account.posted == after.posted && account.held == after.held,
                "transfer \(place) says posted \(after.posted) held \(after.held); the journal "
                    + "gives posted \(account.posted) held \(account.held)")
        }
        accounts[line.debit.number] = moved(debit, line)
        accounts[line.credit.number] = moved(credit, line)
    }

    /// A command's first line carries its key and says how many lines follow.
    private mutating func countLegs(_ line: Transfer) {
        let isFirst = legsLeft == 0
        expect(
            isFirst ? line.legs > 0 : line.legs <= 0 && line.key == nil,
            "transfer \(line.id.number) is not where its command put it")
        legsLeft = isFirst ? max(line.legs, 1) - 1 : legsLeft - 1
    }

    private func moved(_ account: Account, _ line: Transfer) -> Account {
        var account = account
        let month = LedgerStore.startOfMonth(line.at)
        if account.lastTransfer > 0, account.lastAt < month {
            account.months[month] = account.lastTransfer
        }
        account.lastTransfer = line.id.number
        account.lastAt = line.at
        return account
    }

    private mutating func apply(_ line: Transfer, _ debit: inout Account, _ credit: inout Account) {
        let place = line.id.number
        switch line.kind {
        case .post:
            move(line.amount, &debit, &credit)
            reversible[place] = (line.debit.number, line.credit.number, line.amount)
        case .hold:
            debit.held += Int128(line.amount)
            openHolds[place] = Hold(
                debit: line.debit.number, credit: line.credit.number, amount: line.amount,
                expiresAt: line.expiresAt)
        case .capture, .void, .expiry:
            guard let reserved = end(line) else { return }
            debit.held -= Int128(reserved)
            guard line.kind == .capture else {
                return expect(line.amount == reserved, "transfer \(place) releases another amount")
            }
            expect(line.amount <= reserved, "transfer \(place) captures more than was held")
            move(line.amount, &debit, &credit)
            reversible[place] = (line.debit.number, line.credit.number, line.amount)
        case .reversal:
            let original = line.settles.flatMap { reversible.removeValue(forKey: $0.number) }
            expect(
                original.map { $0 == (line.credit.number, line.debit.number, line.amount) }
                    ?? false,
                "transfer \(place) reverses what cannot be reversed, or not as it was")
            move(line.amount, &debit, &credit)
        }
        if line.kind.movesMoney {
            report.moved[debit.currency.code, default: 0] += Int128(line.amount)
        }
    }

    /// What the hold had reserved, if the line may end it.
    private mutating func end(_ line: Transfer) -> Int64? {
        let place = line.id.number
        guard let hold = line.settles.flatMap({ openHolds.removeValue(forKey: $0.number) }) else {
            find("transfer \(place) ends a hold that is not open")
            return nil
        }
        expect(
            hold.debit == line.debit.number && hold.credit == line.credit.number,
            "transfer \(place) ends a hold of other accounts")
        let isOver = hold.expiresAt.map { $0 <= line.at } ?? false
        expect(
            line.kind == .void || isOver == (line.kind == .expiry),
            "transfer \(place) ends a hold at the wrong time")
        return hold.amount
    }

    private func move(_ amount: Int64, _ debit: inout Account, _ credit: inout Account) {
        debit.posted -= Int128(amount)
        credit.posted += Int128(amount)
    }

    // MARK: What was derived

    mutating func compare(
        account id: Int64, posted: Int64, held: Int64, lastTransfer: Int64, lastAt: Timestamp,
        floor: Int64?
    ) {
        guard let account = accounts[id] else { return find("account \(id) is new") }
        expect(
            account.posted == posted && account.held == held,
            "account \(id) stores posted \(posted) held \(held); the journal gives posted "
                + "\(account.posted) held \(account.held)")
        expect(
            account.lastTransfer == lastTransfer,
            "account \(id) stores last transfer \(lastTransfer), not \(account.lastTransfer)")
        expect(
            account.lastAt == lastAt, "account \(id) last moved at \(account.lastAt), not \(lastAt)"
        )
        expect(
            floor.map { account.posted - account.held >= $0 } ?? true,
            "account \(id) is below its floor")
        report.totals[account.currency.code, default: 0] += Int128(posted)
    }

    mutating func compareHead(lastTransfer: Int64, lastAt: Timestamp) {
        let (last, at) = (lastLine, self.lastAt)
        expect(
            lastTransfer == last,
            "the head stands at \(lastTransfer) and the journal ends at \(last)")
        expect(lastAt == at, "the head stands at \(lastAt) and the journal ends at \(at)")
        expect(legsLeft == 0, "the last command lacks lines")
        for (currency, total) in report.totals.sorted(by: { $0.key < $1.key }) where total != 0 {
            find("balances of \(currency) sum to \(total), not to zero")
        }
    }

    mutating func compareOpenHold(
        _ id: Int64, account: Int64, amount: Int64, expiresAt: Timestamp
    ) {
        let hold = openHolds.removeValue(forKey: id)
        expect(
            hold?.debit == account && hold?.amount == amount && hold?.expiresAt == expiresAt,
            "open hold \(id) is not what the journal gives")
    }

    /// Holds that are left have no row of their own, and would never expire.
    mutating func compareOpenHoldsAreAll() {
        for id in openHolds.keys.sorted() { find("hold \(id) is open and not listed so") }
    }

    mutating func compareCheckpoint(account id: Int64, month: Timestamp, line: Int64) {
        expect(
            accounts[id]?.months.removeValue(forKey: month) == line,
            "the checkpoint of account \(id) for \(month) is not what the journal gives")
    }

    mutating func compareCheckpointsAreAll() {
        for id in accounts.keys.sorted() {
            for month in accounts[id]?.months.keys.sorted() ?? [] {
                find("account \(id) lacks its checkpoint for \(month)")
            }
        }
    }
}
