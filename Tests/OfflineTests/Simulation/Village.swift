import Cryptography
import Identity
import TestSupport
import Values

@testable import Offline
@testable import OfflineProtocol

/// People with phones, most of them honest, some days long. A seed determines everything but the
/// signatures, which have no part in any id.
struct Village {
    enum Persona: CaseIterable {
        case honest
        /// Pays from two copies of one wallet in turn.
        case cloner
        /// Goes back to an older state.
        case roller
        /// Signs with counters and totals of its own choice.
        case jumper
        /// Draws on what it received more than once.
        case redrawer
        /// Pays, and takes the same money back online from a copy.
        case depositor
        /// Goes on paying with an old certificate, and shows nothing until the claim has ended.
        case hider
        /// Takes whatever a friend forges, passes it on, and shows it.
        case colluder
        /// Forges for another wallet of their own, and passes that on.
        case doubler
    }

    struct Plan {
        let seed: UInt64
        let people: Int
        let payments: Int
    }

    /// What an honest phone took with a green tick.
    struct Taken {
        let record: ObjectID
        let amount: Int64
        let payee: WalletID
        /// Until when it had to be shown.
        let claimBy: Int64
    }

    static let money: Int64 = 100_000
    static let start: Int64 = 1_790_000_000
    static let day: Int64 = 86_400
    /// What is told of a failure.
    static let stepsTold = 30

    let plan: Plan
    let notary = Notary()
    let cheats = Cheats()
    var random: SplitMix64
    var book: Book
    var phones: [Phone] = []
    var personas: [Persona] = []
    /// The phone that each person uses now.
    var inUse: [Int] = []
    /// Another one of the same person.
    var secondPhones: [Int: Int] = [:]
    var byWallet: [WalletID: Int] = [:]
    var channel = Channel()
    var now = start
    var nextDeadlines = start
    var taken: [Taken] = []
    var steps: [String] = []
    var tally: [String: Int] = [:]
    /// I10: the bodies that an honest wallet has signed, by counter.
    var bodies: [WalletID: [UInt32: ObjectID]] = [:]
    /// Payments that a payer saw taken.
    var ticked: Set<ObjectID> = []

    init(_ plan: Plan) throws {
        self.plan = plan
        random = SplitMix64(seed: plan.seed)
        // Once in ten worlds the fund is small, and may be used up.
        let isPoor = random.chance(10)
        book = try Book(
            seed: random.next(), at: Timestamp(seconds: UInt64(Self.start)),
            fund: isPoor ? 20_000 : Book.fundFilled, notary, cheats)
        let worst = Int.random(in: 0...30, using: &random)
        for person in 0..<plan.people {
            let isCheat = random.chance(worst)
            personas.append(
                isCheat
                    ? Persona.allCases.dropFirst().randomElement(using: &random)!
                    : .honest)
            let standings: [KycTier] = [.unknown, .identified, .proven, .proven]
            // Who means to cheat keeps nothing that could pay for it.
            let money = isCheat ? Int64.random(in: 1_000...6_000, using: &random) : Self.money
            _ = try book.addMember(standings.randomElement(using: &random)!, money: money)
            inUse.append(phones.count)
            try buyPhone(for: person)
        }
        // The fund pays for nobody who came today.
        pass(Self.day + Int64.random(in: 0..<3600, using: &random))
        for person in 0..<plan.people { try sync(inUse[person], .whole) }
    }

    // MARK: Helpers of every step

    mutating func pass(_ seconds: Int64) {
        now += seconds
        book.now = Timestamp(seconds: UInt64(now))
    }

    mutating func count(_ what: String) { tally[what, default: 0] += 1 }

    mutating func note(_ step: String) {
        if steps.count >= 2 * Self.stepsTold { steps.removeFirst(Self.stepsTold) }
        steps.append("\((now - Self.start) / 60) min: \(step)")
    }

    func isHonest(_ phone: Int) -> Bool { personas[phones[phone].owner] == .honest }

    mutating func id() -> ObjectID { ObjectID(random.next() | 1, random.next()) }

    mutating func buyPhone(for person: Int) throws {
        let key = SigningKey.seeded(random.next())
        let wid = WalletID(random.next() | 1)
        if personas[person] != .honest { cheats.add(wid) }
        let salt = id()
        // Some are tills, which only receive.
        let isTill = personas[person] == .honest && random.chance(8)
        let certificate = book.enrol(
            key.compressed, of: person, isReceiveOnly: isTill, salt: salt, wid: wid)
        guard let certificate else { return }
        var phone = Phone(owner: person, key: key, salt: salt, certificate, book.issuerKeys)
        if random.chance(15) {
            phone.clockAhead = Int64.random(in: -5 * Self.day...Self.day, using: &random)
        }
        phone.isCareful = random.chance(30)
        phone.isHermit = personas[person] == .honest && random.chance(3)
        inUse[person] = phones.count
        byWallet[wid] = phones.count
        phones.append(phone)
    }

    /// I10: whatever happened in between, an honest wallet has one body for each counter.
    private static func noteBody(
        _ record: SpendRecord, _ bodies: inout [WalletID: [UInt32: ObjectID]]
    ) throws {
        let id = record.id
        if let before = bodies[record.payer]?[record.counter], before != id {
            throw Broken("\(record.payer) signed two bodies for counter \(record.counter)")
        }
        bodies[record.payer, default: [:]][record.counter] = id
    }

    mutating func withBodies<Value>(
        of phone: Int, _ body: (inout Phone, (SpendRecord) throws -> Void) throws -> Value
    ) throws -> Value {
        let isHonest = isHonest(phone)
        var bodies = bodies
        self.bodies = [:]
        defer { self.bodies = bodies }
        return try body(&phones[phone]) { record in
            if isHonest { try Self.noteBody(record, &bodies) }
        }
    }

    // MARK: A step

    mutating func step() throws {
        pass(Int64.random(in: 0...(2 * secondsPerStep), using: &random))
        if now >= nextDeadlines {
            nextDeadlines = now + 6 * 3600
            try book.passDeadlines()
            if random.chance(2) { rotateIssuerKey() }
        }
        let person = Int.random(in: 0..<plan.people, using: &random)
        let phone = inUse[person]
        guard !phones[phone].isGone else { return try replace(person) }
        if personas[person] != .honest, random.chance(30) { return try cheat(phone) }
        switch Int.random(in: 0..<1000, using: &random) {
        case 0..<790: try meet(phone)
        case 790..<910: try sync(phone, Manner.allCases.randomElement(using: &random)!)
        case 910..<930: try takeBack(phone)
        case 930..<950: try resume(phone)
        case 950..<970: try giveUp(phone)
        case 970..<978: decline(phone)
        case 978..<982: try lose(phone)
        case 982..<988: gossip(phone)
        case 988..<992: phones[phone].clockAhead = Int64.random(in: -3600...3600, using: &random)
        default: try replay(phone)
        }
    }

    /// A little more than a week for everything.
    private var secondsPerStep: Int64 { max(1, 9 * Self.day / Int64(max(1, plan.payments * 2))) }

    private mutating func rotateIssuerKey() {
        guard book.keys.count < 5 else { return }
        book.keys.append(
            Book.Key(
                number: UInt8(book.keys.count + 1), pair: .seeded(random.next()),
                notBefore: book.now))
        count("issuer keys rotated")
    }

    // MARK: Paying

    private mutating func meet(_ payer: Int) throws {
        let other = inUse[Int.random(in: 0..<plan.people, using: &random)]
        guard phones[other].owner != phones[payer].owner, !phones[other].isGone else { return }
        if personas[phones[payer].owner] == .cloner, random.chance(50) { swapCopies(payer) }
        try pay(payer, other)
    }

    mutating func pay(_ payer: Int, _ payee: Int) throws {
        let amount = UInt32.random(in: 1...(random.chance(10) ? 4_000 : 600), using: &random)
        let asked = random.chance(10) ? 0 : amount
        let request = phones[payee].ask(asked, at: now)
        for arrival in channel.carry(request.encoded, &random) {
            guard let read = try? OfflineRequest(decoding: arrival.bytes) else { continue }
            let payment = try pay(payer, read, amount, arrival)
            guard let payment else { continue }
            try show(payment, from: payer, to: payee)
        }
    }

    private mutating func pay(
        _ payer: Int, _ request: OfflineRequest, _ amount: UInt32, _ arrival: Channel.Arrival
    ) throws -> OfflinePayment? {
        let crash = random.chance(4) ? Crash.allCases.randomElement(using: &random) : nil
        let (now, notary) = (now, notary)
        do {
            let payment = try withBodies(of: payer) { phone, signing in
                try phone.pay(
                    request, request.amount == 0 ? amount : request.amount, at: now, crash,
                    notary, signing)
            }
            if arrival.isDamaged { throw Broken("a request that was changed was paid") }
            if crash != nil { count("crashed while paying") }
            return payment
        } catch let refusal as SpendRefusal {
            count("payer: \(refusal)")
            return nil
        }
    }

    /// The payer's screen to the payee's camera, and perhaps the way back.
    mutating func show(_ payment: OfflinePayment, from payer: Int, to payee: Int) throws {
        for arrival in channel.carry(payment.encoded, &random) {
            guard let read = try? OfflinePayment(decoding: arrival.bytes) else { continue }
            guard try accept(read, by: payee, isDamaged: arrival.isDamaged) else { continue }
            // Most payers see the tick; some get the payee's signed word as well.
            if random.chance(90) { ticked.insert(payment.final[payment.final.startIndex].request) }
            guard random.chance(15) else { continue }
            let said = phones[payee].acknowledge(payment, at: now)
            for back in channel.carry(said.encoded, &random) {
                guard let word = try? Acknowledgement(decoding: back.bytes) else { continue }
                let certificate = phones[payee].disk.certificate
                try? phones[payer].disk.acknowledge(word, of: certificate, notary.isGood)
                if !back.isDamaged { phones[payer].statements.append(word.encoded) }
            }
        }
    }

    /// Returns whether the payee's screen turned green.
    mutating func accept(
        _ payment: OfflinePayment, by payee: Int, isDamaged: Bool
    ) throws -> Bool {
        let before = phones[payee].disk.received.count
        do {
            let acceptance = try phones[payee].accept(
                payment, at: now, dies: random.chance(2), notary)
            guard acceptance != nil else { return false }
        } catch {
            try judge(error, payment, by: payee)
            return false
        }
        if isDamaged { throw Broken("a payment that was changed was taken") }
        guard phones[payee].disk.received.count > before else {
            count("taken again")
            return true
        }
        count("accepted")
        guard isHonest(payee) else { return true }
        count("accepted after \(payment.records.count - payment.final.count) earlier records")
        for record in payment.final {
            let path = payment.path(to: record)
            let ends = path.compactMap { payment.certificate(of: $0.payer)?.claimBy }
            taken.append(
                Taken(
                    record: record.id, amount: Int64(record.amount), payee: phones[payee].id,
                    claimBy: Int64(ends.min() ?? 0)))
        }
        return true
    }

    /// I3 on phones: a proof names a cheat, or it is none.
    private mutating func judge(
        _ refusal: PaymentRefusal, _ payment: OfflinePayment, by payee: Int
    ) throws {
        guard case .conflicts(let proof) = refusal else {
            count("payee: \(refusal)".prefix { $0 != "(" }.description)
            return
        }
        count("payee: conflicts")
        guard cheats.contains(proof.certificate.wallet) else {
            throw Broken("a phone accuses \(proof.certificate.wallet), which is honest")
        }
        let key = book.issuerKeys.first { $0.number == proof.certificate.issuerKey }?.publicKey
        guard let key, let again = try? FraudProof(decoding: proof.encoded),
            again.holds(issuerKey: key, notary.isGood)
        else { throw Broken("a proof that does not prove") }
        phones[payee].proofs.append(proof)
        phones[payee].statements.append(proof.encoded)
    }

    // MARK: What else people do

    private mutating func resume(_ phone: Int) throws {
        let open = phones[phone].disk.outbox.filter { outgoing in
            (outgoing.state == .reserved || outgoing.state == .signed || outgoing.state == .shown)
                && outgoing.records[0].payee != .issuer
        }
        guard let outgoing = open.last else { return }
        let notary = notary
        let payment = try withBodies(of: phone) { phone, signing in
            try phone.finish(outgoing.request, nil, notary, signing)
        }
        guard let payment, let payee = byWallet[outgoing.records[0].payee], !phones[payee].isGone
        else { return }
        count("shown again")
        try show(payment, from: phone, to: payee)
    }

    /// Nobody took it, as far as the payer knows.
    private mutating func giveUp(_ phone: Int) throws {
        let open = phones[phone].disk.outbox.filter { outgoing in
            [.reserved, .signed, .shown].contains(outgoing.state)
                && outgoing.records[0].payee != .issuer && !ticked.contains(outgoing.request)
        }
        guard let outgoing = open.last else { return }
        let notary = notary
        _ = try withBodies(of: phone) { phone, signing in
            try phone.finish(outgoing.request, nil, notary, signing)
        }
        try phones[phone].disk.giveUp(outgoing.request)
        count("given up")
        note("\(phone) gives up \(outgoing.records[0].counter)")
    }

    private mutating func decline(_ phone: Int) {
        guard let each = phones[phone].disk.received.last, each.drawn == 0 else { return }
        phones[phone].decline(each.record.id, at: now)
        // The phone does not spend what it gave back.
        phones[phone].disk.received.removeLast()
        taken.removeAll { $0.record == each.record.id && $0.payee == each.record.payee }
        count("declined")
    }

    private mutating func takeBack(_ phone: Int) throws {
        let request = id()
        let (clock, notary) = (phones[phone].clock(now), notary)
        let received = phones[phone].disk.received.filter { $0.drawn < $0.record.amount }
        let source = random.chance(70) ? received.randomElement(using: &random) : nil
        let amount = UInt32.random(in: 1...300, using: &random)
        do {
            try withBodies(of: phone) { phone, signing in
                try phone.giveBack(
                    { wallet in
                        guard let source else {
                            return try wallet.unlock(amount, request: request, clock: clock)
                        }
                        return try wallet.deposit(
                            source.record.id, request: request, clock: clock)
                    }, notary, signing)
            }
            count(source == nil ? "unlocked" : "deposited")
        } catch let refusal as SpendRefusal {
            count("payer: \(refusal)")
        }
    }

    private mutating func lose(_ phone: Int) throws {
        phones[phone].isGone = true
        if random.chance(70) { book.reportLost(phones[phone].id) }
        count("lost")
        note("\(phone) is lost")
    }

    private mutating func replace(_ person: Int) throws {
        guard random.chance(20) else { return }
        try buyPhone(for: person)
        guard !phones[inUse[person]].isGone else { return }
        try sync(inUse[person], .whole)
        count("replaced")
    }

    /// Proofs go from phone to phone, and each checks them itself.
    private mutating func gossip(_ phone: Int) {
        let other = inUse[Int.random(in: 0..<plan.people, using: &random)]
        for proof in phones[phone].proofs where !phones[other].proofs.contains(proof) {
            let key = phones[other].issuerKeys.first { $0.number == proof.certificate.issuerKey }
            guard let key, proof.holds(issuerKey: key.publicKey, notary.isGood) else { continue }
            phones[other].proofs.append(proof)
            count("proofs passed on")
        }
    }
}
