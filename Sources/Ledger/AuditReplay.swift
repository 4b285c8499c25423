internal import Cryptography
internal import Values

/// The journal, added up line by line in the plainest way there is.
///
/// Shares no arithmetic with the writer on purpose: it knows only what each kind of line means. A
/// class because every row is given to it by a closure; it stays on one thread.
final class AuditReplay {
    private struct Hold {
        let debit: Int64
        let credit: Int64
        let amount: Int64
        let expiresAt: Timestamp?
    }

    private struct Movement: Equatable {
        let debit: Int64
        let credit: Int64
        let amount: Int64
    }

    private(set) var report = Auditor.Report()
    private(set) var chain = AuditChain()
    private var commitments: AuditCommitments
    private var waiting: ArraySlice<ChainLink> = []
    private let digester = Digester()
    private var accounts = AuditAccounts()
    private var closures: [Int64: Timestamp] = [:]
    private var openHolds: [Int64: Hold] = [:]
    /// The lines that a later one reverses: no other needs to be remembered.
    private let reversedLines: Set<Int64>
    private var reversible: [Int64: Movement] = [:]
    /// Where accounts stood when a month began in which they moved.
    private var checkpoints: [CheckpointRow] = []
    private(set) var lastLine: Int64 = 0
    private(set) var lastAt = Timestamp(microseconds: 0)
    /// How many lines of the current command are still to come.
    private var legsLeft: Int16 = 0
    private var moved: [Currency: Int128] = [:]
    private var calendar = Calendar(Timestamp(microseconds: 0))

    init(reversedLines: Set<Int64>, trust: Auditor.Trust) {
        self.reversedLines = reversedLines
        commitments = AuditCommitments(trust: trust)
    }

    var isFull: Bool { report.findings.count >= Auditor.findingsMax }

    func find(_ finding: String) {
        if !isFull { report.findings.append(finding) }
    }

    private func expect(_ truth: Bool, _ finding: @autoclosure () -> String) {
        if !truth { find(finding()) }
    }

    // MARK: What is fixed about accounts

    func add(_ closure: ClosureRow) { closures[closure.account] = closure.at }

    func open(_ row: AccountRow) {
        let closedAt = closures[row.id]
        expect(
            row.seal == row.expectedSeal(closedAt: closedAt, digester),
            "account \(row.id) is not as it was sealed: what is fixed about it was changed")
        let account = AuditAccount(id: row.id, currency: row.currency, closedAt: closedAt)
        expect(accounts.append(account), "account \(row.id) is there twice")
        report.accounts = accounts.count
    }

    /// A closure of nothing would close an account that is opened later.
    func checkClosures() {
        for id in closures.keys.sorted() where accounts.place(of: id) == nil {
            find("account \(id) is closed and does not exist")
        }
    }

    // MARK: What was signed

    func add(_ key: BookKeyRow) {
        if let finding = commitments.add(key) { find(finding) }
    }

    func add(_ commitment: Commitment) { commitments.add(commitment) }

    // MARK: Batches

    /// Batches whose lines are to come.
    func add(_ links: [ChainLink]) { waiting += links }

    /// Ends the batches that end before this line, and begins the one that it may belong to.
    private func turn(to line: Transfer) {
        while true {
            if chain.link == nil {
                guard let next = waiting.popFirst() else { return }
                begin(next)
            }
            guard let link = chain.link, link.last < line.id else { return }
            endBatch()
        }
    }

    /// No more lines will come.
    func endJournal() {
        if chain.link != nil { endBatch() }
        for link in waiting {
            begin(link)
            endBatch()
        }
        waiting = []
        findAll(commitments.missing())
        for (currency, amount) in moved { report.moved[currency.code] = amount }
        report.batches = chain.count
        report.commitments = commitments.count
        report.committedThrough = commitments.throughText
        report.uncommittedSince = commitments.uncommittedSinceText
    }

    private func findAll(_ findings: [String]) {
        for finding in findings { find(finding) }
    }

    private func begin(_ link: ChainLink) {
        if let finding = chain.begin(link) { find(finding) }
    }

    /// A command's lines are in one batch, but for those that are older than the chain, which
    /// entered it one by one.
    private func endBatch() {
        guard let link = chain.link else { return }
        let isAlone = chain.linesCount <= 1
        findAll(chain.end())
        findAll(commitments.add(link))
        expect(
            legsLeft == 0 || isAlone,
            "a command goes on after transfer \(chain.last.number), the last of its batch")
    }

    // MARK: One line

    func add(_ line: Transfer) {
        turn(to: line)
        addAlone(line)
        if line.id == chain.link?.last { endBatch() }
    }

    private func addAlone(_ line: Transfer) {
        report.transfers += 1
        let place = line.id.number
        checkOrder(line)
        guard let debit = accounts.place(of: line.debit.number),
            let credit = accounts.place(of: line.credit.number)
        else { return find("transfer \(place) names an account that does not exist") }
        guard debit != credit else {
            return find("transfer \(place) debits and credits one account")
        }
        checkAccounts(line, accounts[debit], accounts[credit])
        apply(line, debit, credit)
        check(line, accounts[debit], line.debitAfter)
        check(line, accounts[credit], line.creditAfter)
        move(debit, by: line)
        move(credit, by: line)
    }

    private func checkOrder(_ line: Transfer) {
        let (place, last) = (line.id.number, lastLine)
        expect(
            line.id.follows(TransferID(last)),
            "transfer \(place) follows \(last): a line is missing")
        expect(line.at >= lastAt, "transfer \(place) is older than the line before it")
        expect(line.amount > 0, "transfer \(place) moves \(line.amount)")
        if chain.add(line) {
            expect(chain.link?.at == line.at, "transfer \(place) is not of its batch's moment")
        } else {
            find("transfer \(place) belongs to no batch")
        }
        countLegs(line)
        lastLine = place
        lastAt = line.at
        if !calendar.contains(line.at) { calendar = Calendar(line.at) }
    }

    /// A command's first line carries its key and says how many lines follow; all are of one
    /// moment.
    private func countLegs(_ line: Transfer) {
        let isFirst = legsLeft == 0
        expect(
            isFirst ? line.legs > 0 : line.legs <= 0 && line.key == nil && line.at == lastAt,
            "transfer \(line.id.number) is not where its command put it")
        legsLeft = isFirst ? max(line.legs, 1) - 1 : legsLeft - 1
    }

    private func checkAccounts(_ line: Transfer, _ debit: AuditAccount, _ credit: AuditAccount) {
        let place = line.id.number
        expect(debit.currency == credit.currency, "transfer \(place) mixes currencies")
        expect(
            debit.lastTransfer == line.debitPrevious && credit.lastTransfer == line.creditPrevious,
            "transfer \(place) does not continue the chains of its accounts")
        // What was held when an account was closed may still become available again.
        guard line.kind != .void, line.kind != .expiry else { return }
        for account in [debit, credit] {
            guard let closedAt = account.closedAt, line.at > closedAt else { continue }
            find("transfer \(place) moves money of account \(account.id), which was closed")
        }
    }

    private func check(_ line: Transfer, _ account: AuditAccount, _ after: Balance) {
        guard !account.holds(after) else { return }
        find(
            "transfer \(line.id.number) says posted \(after.posted) held \(after.held); the "
                + "journal gives posted \(account.posted) held \(account.held)")
    }

    private func move(_ account: Int, by line: Transfer) {
        if accounts[account].lastTransfer > 0, accounts[account].lastAt < calendar.startOfMonth {
            checkpoints.append(
                CheckpointRow(
                    account: accounts[account].id, month: calendar.startOfMonth,
                    lastTransfer: accounts[account].lastTransfer))
        }
        accounts[account].lastTransfer = line.id.number
        accounts[account].lastAt = line.at
    }

    private func apply(_ line: Transfer, _ debit: Int, _ credit: Int) {
        switch line.kind {
        case .post:
            move(line.amount, debit, credit)
            spend(line, debit)
            remember(line)
        case .hold:
            accounts[debit].held += Int128(line.amount)
            spend(line, debit)
            openHolds[line.id.number] = Hold(
                debit: line.debit.number, credit: line.credit.number, amount: line.amount,
                expiresAt: line.expiresAt)
        case .capture, .void, .expiry:
            endHold(line, debit, credit)
        case .reversal:
            let original = line.settles.flatMap { reversible.removeValue(forKey: $0.number) }
            let mirror = Movement(
                debit: line.credit.number, credit: line.debit.number, amount: line.amount)
            expect(
                original == mirror,
                "transfer \(line.id.number) reverses what cannot be reversed, or not as it was")
            move(line.amount, debit, credit)
        }
        if line.kind.movesMoney {
            moved[accounts[debit].currency, default: 0] += Int128(line.amount)
        }
    }

    private func endHold(_ line: Transfer, _ debit: Int, _ credit: Int) {
        let place = line.id.number
        guard let reserved = reserved(by: line) else { return }
        accounts[debit].held -= Int128(reserved)
        guard line.kind == .capture else {
            return expect(line.amount == reserved, "transfer \(place) releases another amount")
        }
        expect(line.amount <= reserved, "transfer \(place) captures more than was held")
        move(line.amount, debit, credit)
        remember(line)
    }

    /// What the hold had reserved, if the line may end it.
    private func reserved(by line: Transfer) -> Int64? {
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

    private func move(_ amount: Int64, _ debit: Int, _ credit: Int) {
        accounts[debit].posted -= Int128(amount)
        accounts[credit].posted += Int128(amount)
    }

    private func spend(_ line: Transfer, _ debit: Int) {
        guard line.isLimited else { return }
        accounts[debit].spentToday.add(line.amount, in: calendar.day)
        accounts[debit].spentThisMonth.add(line.amount, in: calendar.month)
        accounts[debit].paymentsToday.add(in: calendar.day)
        accounts[debit].paymentsThisHour.add(in: line.at.hour)
    }

    private func remember(_ line: Transfer) {
        guard reversedLines.contains(line.id.number) else { return }
        reversible[line.id.number] = Movement(
            debit: line.debit.number, credit: line.credit.number, amount: line.amount)
    }

    // MARK: What was derived

    func compare(_ head: HeadRow) {
        let (last, at) = (lastLine, lastAt)
        expect(head.id == 1, "the head has the number \(head.id)")
        expect(
            head.lastTransfer == last,
            "the head stands at \(head.lastTransfer) and the journal ends at \(last)")
        expect(
            head.lastAt == at, "the head stands at \(head.lastAt) and the journal ends at \(at)")
        expect(head.chain == chain.hash, "the head's chain does not end as that of the batches")
        expect(legsLeft == 0, "the last command lacks lines")
        expect(
            chain.last.number <= last,
            "a batch ends with transfer \(chain.last.number) and the journal at \(last)")
    }

    func compare(_ row: AccountRow) {
        guard let place = accounts.place(of: row.id) else { return }
        let (account, id) = (accounts[place], row.id)
        expect(
            account.holds(Balance(posted: row.posted, held: row.held)),
            "account \(id) stores posted \(row.posted) held \(row.held); the journal gives posted "
                + "\(account.posted) held \(account.held)")
        expect(
            account.lastTransfer == row.lastTransfer,
            "account \(id) stores last transfer \(row.lastTransfer), not \(account.lastTransfer)")
        expect(
            account.lastAt == row.lastAt,
            "account \(id) last moved at \(account.lastAt), not \(row.lastAt)")
        expect(
            account.spentToday == row.spentToday && account.spentThisMonth == row.spentThisMonth,
            "account \(id) counts its spending otherwise than the journal")
        expect(
            account.paymentsToday.count == row.paymentsTodayCount
                && account.paymentsThisHour == row.paymentsThisHour,
            "account \(id) counts its payments otherwise than the journal")
        expect(
            row.floor.map { account.posted - account.held >= Int128($0) } ?? true,
            "account \(id) is below its floor")
        report.totals[account.currency.code, default: 0] += Int128(row.posted)
    }

    func compareTotals() {
        for (currency, total) in report.totals.sorted(by: { $0.key < $1.key }) where total != 0 {
            find("balances of \(currency) sum to \(total), not to zero")
        }
    }

    func compare(_ row: OpenHoldRow) {
        let hold = openHolds.removeValue(forKey: row.id)
        expect(
            hold?.debit == row.account && hold?.amount == row.amount
                && hold?.expiresAt == row.expiresAt,
            "open hold \(row.id) is not what the journal gives")
    }

    /// Holds that are left have no row of their own, and would never expire.
    func compareOpenHoldsAreAll() {
        for id in openHolds.keys.sorted() { find("hold \(id) is open and not listed so") }
    }

    /// Finds each stored checkpoint among those that the journal gives, and tells which are left.
    func compareCheckpoints(_ stored: ((CheckpointRow) throws -> Void) throws -> Void) rethrows {
        checkpoints.sort()
        var isSeen = [Bool](repeating: false, count: checkpoints.count)
        try stored { row in
            if let place = checkpoints.place(of: row), !isSeen[place] {
                isSeen[place] = true
            } else {
                find(
                    "the checkpoint of account \(row.account) for \(row.month) is not what the "
                        + "journal gives")
            }
        }
        for (row, isSeen) in zip(checkpoints, isSeen) where !isSeen {
            find("account \(row.account) lacks its checkpoint for \(row.month)")
        }
    }
}

/// The day and month of a moment, worked out once a day and not once a line.
private struct Calendar {
    let day: Int64
    /// As the counters of spending number it.
    let month: Int64
    let startOfMonth: Timestamp

    init(_ moment: Timestamp) {
        day = moment.day
        let calendar = CalendarDay(daysSince1970: day)
        month = calendar.year * 12 + calendar.month
        startOfMonth = LedgerStore.startOfMonth(moment)
    }

    func contains(_ moment: Timestamp) -> Bool { moment.day == day }
}

extension Array<CheckpointRow> {
    /// Where the row stands in a sorted array, by halving.
    fileprivate func place(of row: CheckpointRow) -> Int? {
        var (low, high) = (0, count)
        while low < high {
            let middle = low + (high - low) / 2
            if self[middle] < row { low = middle + 1 } else { high = middle }
        }
        return low < count && self[low] == row ? low : nil
    }
}
