internal import Peers
internal import Postgres
internal import Values

// What is said between processes. A change of what these say moves the version of the greeting, so
// that programs of two versions do not talk: they take turns.

/// Commands of another process, with keys and without attachments.
struct ForwardRequest {
    let number: UInt64
    let term: Int64
    let commands: [Command]

    init(number: UInt64, term: Int64, commands: [Command]) {
        (self.number, self.term, self.commands) = (number, term, commands)
    }

    var bytes: [UInt8] {
        var message = MessageWriter(capacity: 32 + 64 * commands.count)
        message.put(number)
        message.put(term)
        message.put(UInt32(commands.count))
        for command in commands { message.put(command) }
        return message.bytes
    }

    init(_ bytes: [UInt8]) throws(MessageError) {
        var message = MessageReader(bytes)
        number = try message.next()
        term = try message.next()
        let count = try message.count()
        var commands: [Command] = []
        commands.reserveCapacity(count)
        for _ in 0..<count { commands.append(try message.command(of: term)) }
        guard message.isAtEnd, count > 0 else { throw MessageError() }
        self.commands = commands
    }
}

/// What became of the commands of one request, in order.
struct ForwardAnswer {
    let number: UInt64
    let outcomes: [BatchWriter.Outcome]

    init(number: UInt64, outcomes: [BatchWriter.Outcome]) {
        (self.number, self.outcomes) = (number, outcomes)
    }

    var isTermOver: Bool {
        outcomes.contains { if case .failure(is TermOver) = $0 { true } else { false } }
    }

    var bytes: [UInt8] {
        var message = MessageWriter(capacity: 32 + 160 * outcomes.count)
        message.put(number)
        message.put(UInt32(outcomes.count))
        for outcome in outcomes { message.put(outcome) }
        return message.bytes
    }

    init(_ bytes: [UInt8]) throws(MessageError) {
        var message = MessageReader(bytes)
        number = try message.next()
        let count = try message.count()
        var outcomes: [BatchWriter.Outcome] = []
        outcomes.reserveCapacity(count)
        for _ in 0..<count { outcomes.append(try message.outcome()) }
        guard message.isAtEnd, count > 0 else { throw MessageError() }
        self.outcomes = outcomes
    }
}

// MARK: Commands

private enum OperationTag: UInt8 { case post, hold, capture, captureAll, void, expire, reverse }

extension MessageWriter {
    fileprivate mutating func put(_ command: Command) {
        guard let key = command.key else { preconditionFailure("what travels has a key") }
        put(key)
        put(UInt32(command.operations.count))
        for operation in command.operations { put(operation) }
    }

    private mutating func put(_ key: CommandKey) {
        put(key.high)
        put(key.low)
    }

    private mutating func put(_ operation: Operation) {
        switch operation {
        case .post(let leg):
            put(OperationTag.post.rawValue)
            put(leg)
        case .hold(let leg, let seconds):
            put(OperationTag.hold.rawValue)
            put(leg)
            put(seconds)
        case .capture(let hold, let amount?):
            put(OperationTag.capture.rawValue)
            put(hold.number)
            put(amount)
        case .capture(let hold, nil): put(.captureAll, hold)
        case .void(let hold): put(.void, hold)
        case .expire(let hold): put(.expire, hold)
        case .reverse(let transfer): put(.reverse, transfer)
        }
    }

    private mutating func put(_ tag: OperationTag, _ transfer: TransferID) {
        put(tag.rawValue)
        put(transfer.number)
    }

    private mutating func put(_ leg: Leg) {
        put(leg.debit.number)
        put(leg.credit.number)
        put(leg.amount.minorUnits)
        put(leg.amount.currency.packed)
        put(leg.code.rawValue)
        put(leg.isLimited)
        put(leg.isDerived)
        put(leg.isReturn)
    }
}

extension MessageReader {
    fileprivate mutating func command(of term: Int64) throws(MessageError) -> Command {
        let key = try key()
        let count = try count()
        guard count > 0, count <= Command.operationsMax else { throw MessageError() }
        var operations: [Operation] = []
        operations.reserveCapacity(count)
        for _ in 0..<count { operations.append(try operation()) }
        var command = Command(key: key, operations)
        command.term = term
        return command
    }

    private mutating func key() throws(MessageError) -> CommandKey {
        CommandKey(high: try next(), low: try next())
    }

    private mutating func operation() throws(MessageError) -> Operation {
        guard let tag = OperationTag(rawValue: try next()) else { throw MessageError() }
        switch tag {
        case .post: return .post(try leg())
        case .hold: return .hold(try leg(), seconds: try next())
        case .capture: return .capture(hold: TransferID(try next()), amount: try next(Int64.self))
        case .captureAll: return .capture(hold: TransferID(try next()), amount: nil)
        case .void: return .void(hold: TransferID(try next()))
        case .expire: return .expire(hold: TransferID(try next()))
        case .reverse: return .reverse(TransferID(try next()))
        }
    }

    private mutating func leg() throws(MessageError) -> Leg {
        let (debit, credit) = (AccountID(try next()), AccountID(try next()))
        let amount: Int64 = try next()
        guard let currency = Currency(packed: try next()) else { throw MessageError() }
        return Leg(
            debit: debit, credit: credit, amount: Money(amount, currency),
            code: TransferCode(rawValue: try next()), isLimited: try flag(),
            isDerived: try flag(), isReturn: try flag())
    }
}

// MARK: Outcomes

private enum OutcomeTag: UInt8 {
    case done, replayed, refused, overloaded, unknown, failed, termOver
}

extension MessageWriter {
    fileprivate mutating func put(_ outcome: BatchWriter.Outcome) {
        switch outcome {
        case .success(let receipt):
            put(receipt.isReplay ? .replayed : .done)
            put(UInt32(receipt.transfers.count))
            for line in receipt.transfers { put(line) }
        case .failure(let refusal as LedgerRefusal):
            put(.refused)
            put(refusal.rejection.rawValue)
            put(UInt32(refusal.operation))
            put(UInt32(refusal.facts.count))
            for fact in refusal.facts { put(fact) }
        case .failure(is LedgerOverloaded): put(.overloaded)
        case .failure(is TermOver): put(.termOver)
        case .failure(DatabaseError.commitUnknown): put(.unknown)
        case .failure(let error):
            put(.failed)
            put("\(error)")
        }
    }

    private mutating func put(_ tag: OutcomeTag) { put(tag.rawValue) }

    private mutating func put(_ line: Transfer) {
        put(line.id.number)
        put(line.at.microseconds)
        put(line.kind.rawValue)
        put(line.code.rawValue)
        put(line.legs)
        put(line.debit.number)
        put(line.credit.number)
        put(line.amount)
        for balance in [line.debitAfter, line.creditAfter] {
            put(balance.posted)
            put(balance.held)
        }
        put(line.debitPrevious)
        put(line.creditPrevious)
        put(line.isLimited)
        put(line.key != nil)
        if let key = line.key { put(key) }
        put(line.settles?.number ?? 0)
        put(line.expiresAt != nil)
        if let expiresAt = line.expiresAt { put(expiresAt.microseconds) }
    }

    private mutating func put(_ fact: Fact) {
        put(fact.name)
        switch fact.value {
        case .integer(let number):
            put(UInt8(0))
            put(number)
        case .text(let text):
            put(UInt8(1))
            put(text)
        case .texts(let texts):
            put(UInt8(2))
            put(UInt32(texts.count))
            for text in texts { put(text) }
        case .boolean(let flag):
            put(UInt8(3))
            put(flag)
        }
    }
}

extension MessageReader {
    fileprivate mutating func outcome() throws(MessageError) -> BatchWriter.Outcome {
        guard let tag = OutcomeTag(rawValue: try next()) else { throw MessageError() }
        switch tag {
        case .done: return .success(Receipt(transfers: try lines(), isReplay: false))
        case .replayed: return .success(Receipt(transfers: try lines(), isReplay: true))
        case .refused: return .failure(try refusal())
        case .overloaded: return .failure(LedgerOverloaded())
        case .unknown: return .failure(DatabaseError.commitUnknown)
        case .failed: return .failure(DatabaseError.connection(try text()))
        case .termOver: return .failure(TermOver())
        }
    }

    private mutating func lines() throws(MessageError) -> [Transfer] {
        let count = try count()
        guard count > 0 else { throw MessageError() }
        var lines: [Transfer] = []
        lines.reserveCapacity(count)
        for _ in 0..<count { lines.append(try line()) }
        return lines
    }

    private mutating func line() throws(MessageError) -> Transfer {
        let (id, at) = (TransferID(try next()), Timestamp(microseconds: try next()))
        guard let kind = TransferKind(rawValue: try next()) else { throw MessageError() }
        let code = TransferCode(rawValue: try next())
        let legs: Int16 = try next()
        let (debit, credit) = (AccountID(try next()), AccountID(try next()))
        let amount: Int64 = try next()
        let debitAfter = Balance(posted: try next(), held: try next())
        let creditAfter = Balance(posted: try next(), held: try next())
        let (debitPrevious, creditPrevious): (Int64, Int64) = (try next(), try next())
        let isLimited = try flag()
        let key = try flag() ? try self.key() : nil
        let settles: Int64 = try next()
        let expiresAt = try flag() ? Timestamp(microseconds: try next()) : nil
        return Transfer(
            id: id, at: at, kind: kind, code: code, debit: debit, credit: credit,
            amount: amount, debitAfter: debitAfter, creditAfter: creditAfter,
            debitPrevious: debitPrevious, creditPrevious: creditPrevious, key: key, legs: legs,
            isLimited: isLimited, settles: settles == 0 ? nil : TransferID(settles),
            expiresAt: expiresAt)
    }

    private mutating func refusal() throws(MessageError) -> LedgerRefusal {
        guard let rejection = LedgerRejection(rawValue: try text()) else { throw MessageError() }
        let operation = Int(try next(UInt32.self))
        var facts: [Fact] = []
        for _ in 0..<(try count()) { facts.append(try fact()) }
        var refusal = LedgerRefusal(rejection, facts)
        refusal.operation = operation
        return refusal
    }

    private mutating func fact() throws(MessageError) -> Fact {
        let name = try text()
        switch try next(UInt8.self) {
        case 0: return Fact(name, try next(Int64.self))
        case 1: return Fact(name, try text())
        case 2:
            var texts: [String] = []
            for _ in 0..<(try count()) { texts.append(try text()) }
            return Fact(name, texts)
        case 3: return Fact(name, try flag())
        default: throw MessageError()
        }
    }
}
