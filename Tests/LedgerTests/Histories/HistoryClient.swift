import Ledger
import Synchronization
import TestSupport
import Values

/// What the clients of one history share: the accounts, and what may be captured or reversed.
final class HistoryBranch: Sendable {
    let recorder = HistoryRecorder()
    /// Accounts of each currency, the float first.
    let circles: [[AccountID]]
    private let holds = Mutex<[Int64]>([])
    private let payments = Mutex<[Int64]>([])

    init(circles: [[AccountID]]) { self.circles = circles }

    var accounts: [AccountID] { circles.flatMap { $0 } }

    func learn(_ receipt: Receipt) {
        for line in receipt.transfers {
            switch line.kind {
            case .hold: holds.withLock { $0.append(line.id.number) }
            case .post, .capture: payments.withLock { $0.append(line.id.number) }
            case .void, .expiry, .reversal: break
            }
        }
    }

    /// Mostly one of the latest, so that clients meet; sometimes any, so that none stays for ever.
    func anyHold(_ random: inout SplitMix64) -> Int64? {
        Self.any(of: holds.withLock { $0 }, &random)
    }

    func anyPayment(_ random: inout SplitMix64) -> Int64? {
        Self.any(of: payments.withLock { $0 }, &random)
    }

    private static func any(of places: [Int64], _ random: inout SplitMix64) -> Int64? {
        (random.chance(60) ? places.suffix(8) : places[...]).randomElement(using: &random)
    }
}

/// One client of several ledgers on one database: asks one thing at a time, and sometimes the same
/// thing of two of them at once.
struct HistoryClient {
    let number: Int
    /// The one it usually asks, and then its neighbours.
    let worlds: [World]
    let branch: HistoryBranch
    var random: SplitMix64
    private var keysGiven = 0

    private static let currencies = [Currency("KES")!, Currency("USD")!]

    init(number: Int, worlds: [World], branch: HistoryBranch, seed: UInt64) {
        self.number = number
        self.worlds = worlds
        self.branch = branch
        random = SplitMix64(seed: seed &+ UInt64(number) &* 1_000_003)
    }

    /// Asks so many things; after every `steps`, does something that disturbs everyone.
    mutating func run(
        operations: Int, disturbing steps: Int? = nil, _ disturb: () throws -> Void = {}
    ) async throws {
        for step in 1...operations {
            let call = call()
            if case .read(let accounts) = call {
                await read(accounts.map { AccountID($0) })
            } else {
                await send(call)
            }
            if let steps, step % steps == 0 { try disturb() }
        }
    }

    // MARK: What to ask

    private mutating func call() -> HistoryEvent.Call {
        switch random.number(0...99) {
        case 0..<45: .post([movement()])
        case 45..<52: .post(linked())
        case 52..<62: .hold(movement())
        case 62..<72:
            branch.anyHold(&random).map {
                .capture(hold: $0, amount: random.chance(50) ? random.number(1...60) : nil)
            } ?? readAll
        case 72..<75: branch.anyHold(&random).map { .void(hold: $0) } ?? readAll
        case 75..<85: branch.anyPayment(&random).map { .reverse([$0]) } ?? readAll
        case 85..<94: readAll
        default: .read([branch.accounts.any(&random)!.number])
        }
    }

    private var readAll: HistoryEvent.Call { .read(branch.accounts.map(\.number)) }

    /// From one account in turn to two others: between the two nobody may look.
    private mutating func linked() -> [Movement] {
        let first = movement()
        let accounts = circle(of: first).map(\.number).filter { $0 != first.debit }
        let other = accounts.any(&random)!
        return [first, Movement(debit: first.debit, credit: other, amount: random.number(1...9))]
    }

    private mutating func movement() -> Movement {
        let circle = branch.circles.any(&random)!.dropFirst()
        let debit = Array(circle).any(&random)!
        let credit = circle.filter { $0 != debit }.any(&random)!
        return Movement(
            debit: debit.number, credit: credit.number, amount: random.number(1...150))
    }

    private func circle(of movement: Movement) -> [AccountID] {
        branch.circles[currency(of: movement)]
    }

    private func currency(of movement: Movement) -> Int {
        branch.circles.firstIndex { $0.contains(AccountID(movement.debit)) }!
    }

    // MARK: Asking

    private func read(_ accounts: [AccountID]) async {
        let world = worlds[0]
        await branch.recorder.record(
            client: number, name: "reads of \(number)", .read(accounts.map(\.number))
        ) {
            do {
                let balances = try await world.ledger.balances(of: accounts)
                return .balances(
                    Dictionary(
                        uniqueKeysWithValues: balances.map {
                            ($0.key.number, Figures($0.value))
                        }))
            } catch { return .unknown }
        }
    }

    private mutating func send(_ call: HistoryEvent.Call) async {
        keysGiven += 1
        let key = CommandKey(high: UInt64(number), low: UInt64(keysGiven))
        let command = Command(key: key, operations(call))
        guard random.chance(12) else { return await send(command, call, to: worlds[0]) }
        // The same command at both at once, and again when it has been answered.
        async let other: Void = send(command, call, to: worlds[1])
        await send(command, call, to: worlds[0])
        await other
        await send(command, call, to: worlds.any(&random)!)
    }

    private func send(_ command: Command, _ call: HistoryEvent.Call, to world: World) async {
        await branch.recorder.record(client: number, name: command.key!.name, call) {
            do {
                let receipt = try await world.ledger.submit(command)
                branch.learn(receipt)
                let place = receipt.first.id.number
                return receipt.isReplay ? .replayed(place: place) : .done(place: place)
            } catch let refusal as LedgerRefusal {
                return .refused(refusal.code, available: refusal.available)
            } catch { return .unknown }
        }
    }

    private func operations(_ call: HistoryEvent.Call) -> [Operation] {
        switch call {
        case .post(let movements): movements.map { .post(leg($0)) }
        case .hold(let movement): [.hold(leg(movement), seconds: 86_400)]
        case .capture(let hold, let amount): [.capture(hold: TransferID(hold), amount: amount)]
        case .void(let hold): [.void(hold: TransferID(hold))]
        case .reverse(let places): places.map { .reverse(TransferID($0)) }
        case .read: []
        }
    }

    private func leg(_ movement: Movement) -> Leg {
        Leg(
            debit: AccountID(movement.debit), credit: AccountID(movement.credit),
            amount: Money(movement.amount, Self.currencies[currency(of: movement)]),
            code: TransferCode(rawValue: 1))
    }
}

extension CommandKey {
    var name: String { "command \(high)-\(low)" }
}

extension LedgerRefusal {
    var available: Int64? {
        for fact in facts where fact.name == "available" {
            if case .integer(let number) = fact.value { return number }
        }
        return nil
    }
}

extension Figures {
    init(_ balance: Balance) { self.init(posted: balance.posted, held: balance.held) }
}

extension HistoryLine {
    init(_ line: Transfer) {
        self.init(
            place: line.id.number, kind: Kind(rawValue: line.kind.rawValue)!,
            movement: Movement(
                debit: line.debit.number, credit: line.credit.number, amount: line.amount),
            settles: line.settles?.number, debitAfter: Figures(line.debitAfter),
            creditAfter: Figures(line.creditAfter))
    }
}
