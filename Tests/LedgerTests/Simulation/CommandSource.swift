import Ledger
import TestSupport
import Values

/// Where the simulation's commands come from: mostly sensible ones, some absurd, some sent before.
struct CommandSource {
    var random: SplitMix64
    private var circles: [Circle] = []
    private var keysGiven: UInt64 = 0
    /// Commands that carried a key, to be sent again.
    private var sent = Recent<Command>()
    private var holds = Recent<TransferID>()
    private var payments = Recent<TransferID>()

    /// The accounts of one currency.
    private struct Circle {
        let currency: Currency
        let float: AccountID
        var wallets: [AccountID]
        /// Without floors, and for absurd amounts: whatever happens here leaves the others liquid.
        let deep: [AccountID]
    }

    init(random: SplitMix64) { self.random = random }

    mutating func add(
        _ currency: Currency, float: AccountID, wallets: [AccountID], deep: [AccountID]
    ) {
        circles.append(Circle(currency: currency, float: float, wallets: wallets, deep: deep))
    }

    /// Another wallet in place of one that closes.
    mutating func replace(_ old: AccountID, with new: AccountID) {
        for index in circles.indices {
            guard let place = circles[index].wallets.firstIndex(of: old) else { continue }
            // The closed one stays in the circle's last place, to be refused now and then.
            circles[index].wallets[place] = new
            circles[index].wallets[circles[index].wallets.count - 1] = old
        }
    }

    mutating func anyWallet() -> AccountID {
        Array(circles.any(&random)!.wallets.dropLast()).any(&random)!
    }

    mutating func learn(_ line: Transfer) {
        switch line.kind {
        case .hold: holds.add(line.id, &random)
        case .post, .capture: payments.add(line.id, &random)
        case .void, .expiry, .reversal: break
        }
    }

    // MARK: Commands

    mutating func command() -> Command {
        if random.chance(8), let again = sent.any(&random) {
            return random.chance(60) ? again : changed(again)
        }
        let legs = random.chance(12) ? Int(random.number(2...(random.chance(3) ? 60 : 5))) : 1
        var operations = (0..<legs).map { _ in operation() }
        if random.chance(20) { operations.append(fee()) }
        let command = Command(key: random.chance(85) ? newKey() : nil, operations)
        if command.key != nil { sent.add(command, &random) }
        return command
    }

    private mutating func newKey() -> CommandKey {
        keysGiven += 1
        return CommandKey(high: 1, low: keysGiven)
    }

    private mutating func operation() -> Operation {
        switch random.number(0...99) {
        case 0..<60: .post(leg())
        case 60..<75: .hold(leg(), seconds: holdSeconds())
        case 75..<83:
            .capture(hold: someHold(), amount: random.chance(70) ? random.number(1...400) : nil)
        case 83..<85: .capture(hold: someHold(), amount: absurdAmount())
        case 85..<90: .void(hold: someHold())
        case 90..<95: .expire(hold: someHold())
        default: .reverse(somePayment())
        }
    }

    private mutating func fee() -> Operation {
        let circle = circles.any(&random)!
        return .post(
            Leg(
                debit: circle.wallets.any(&random)!, credit: circle.float,
                amount: Money(random.number(0...5), circle.currency),
                code: TransferCode(rawValue: 2), isDerived: true))
    }

    /// Whole hours, as the clock advances by whole hours: no hold ends in the middle of a batch.
    private mutating func holdSeconds() -> Int64 {
        random.chance(3)
            ? [0, -1, .min, .max, 2_678_401].any(&random)! : random.number(1...100) * 3600
    }

    private mutating func leg() -> Leg {
        let circle = circles.any(&random)!
        let isAbsurd = random.chance(6)
        var (debit, credit) = (circle.wallets.any(&random)!, circle.wallets.any(&random)!)
        var amount = random.number(1...1000)
        if isAbsurd {
            amount = absurdAmount()
            if random.chance(70) {
                (debit, credit) = (circle.deep.any(&random)!, circle.deep.any(&random)!)
            }
        } else if random.chance(25) {
            debit = circle.float
            amount = random.number(1...5000)
        }
        if random.chance(1) { debit = AccountID(random.number(-1...1) * 1_000_000_007) }
        if random.chance(1) { credit = circles.any(&random)!.float }
        let currency = random.chance(1) ? circles.any(&random)!.currency : circle.currency
        return Leg(
            debit: debit, credit: credit, amount: Money(amount, currency),
            code: TransferCode(rawValue: 1), isLimited: random.chance(70),
            isReturn: random.chance(10))
    }

    private mutating func absurdAmount() -> Int64 {
        let bounds: [Int64] = [0, -1, .min, .min + 1, .max, .max - 1, .max / 2, .max / 2 + 1]
        if random.chance(50) { return bounds.any(&random)! }
        return Int64(truncatingIfNeeded: random.next() >> UInt64(random.number(0...62)))
    }

    /// Mostly a hold, sometimes no hold or nothing at all. Never a place that the next batch may
    /// fill: what a batch writes it cannot name.
    private mutating func someHold() -> TransferID {
        if random.chance(4) { return absent() }
        return (random.chance(4) ? payments : holds).any(&random) ?? absent()
    }

    private mutating func somePayment() -> TransferID {
        if random.chance(4) { return absent() }
        return (random.chance(4) ? holds : payments).any(&random) ?? absent()
    }

    private mutating func absent() -> TransferID {
        TransferID([0, -1, .min, .max, 1_000_000_000_000].any(&random)!)
    }

    // MARK: The same key, another command

    private mutating func changed(_ command: Command) -> Command {
        var operations = command.operations
        switch random.number(0...9) {
        case 0 where operations.count > 1: operations.removeLast()
        case 1: operations.append(operation())
        case 2: operations[0] = operation()
        default:
            let place = Int(random.number(0...Int64(operations.count - 1)))
            operations[place] = changed(operations[place])
        }
        return Command(key: command.key, operations)
    }

    private mutating func changed(_ operation: Operation) -> Operation {
        switch operation {
        case .post(let leg): .post(changed(leg))
        case .hold(let leg, let seconds):
            random.chance(50)
                ? .hold(leg, seconds: holdSeconds()) : .hold(changed(leg), seconds: seconds)
        case .capture(let hold, let amount):
            random.chance(50)
                ? .capture(hold: hold, amount: amount.map { $0 / 2 })
                : .capture(hold: someHold(), amount: amount)
        case .void: .void(hold: someHold())
        case .expire: .expire(hold: someHold())
        case .reverse: .reverse(somePayment())
        }
    }

    private mutating func changed(_ leg: Leg) -> Leg {
        let other = self.leg()
        let part = random.number(0...5)
        let amount = Money(other.amount.minorUnits, leg.amount.currency)
        return Leg(
            debit: part == 0 ? other.debit : leg.debit,
            credit: part == 1 ? other.credit : leg.credit,
            amount: part == 2 ? other.amount : part == 4 ? amount : leg.amount,
            code: part == 3 ? TransferCode(rawValue: 7) : leg.code,
            isLimited: leg.isLimited, isDerived: leg.isDerived, isReturn: leg.isReturn)
    }
}

/// A few hundred of the things that were added, newer ones more likely.
struct Recent<Element> {
    private static var countMax: Int { 600 }
    private var elements: [Element] = []

    mutating func add(_ element: Element, _ random: inout SplitMix64) {
        if elements.count < Self.countMax {
            elements.append(element)
        } else {
            elements[Int(random.number(0...Int64(Self.countMax - 1)))] = element
        }
    }

    func any(_ random: inout SplitMix64) -> Element? { elements.any(&random) }
}
