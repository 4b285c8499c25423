import Cryptography
import TestSupport

@testable import OfflineProtocol

// What a changed program does. Payees that are honest judge it by their own rules.

extension Village {
    mutating func cheat(_ phone: Int) throws {
        count("cheated: \(personas[phones[phone].owner])")
        note("\(phone), a \(personas[phones[phone].owner]), cheats")
        switch personas[phones[phone].owner] {
        case .honest: break
        case .cloner: clone(phone)
        case .roller: roll(phone)
        case .jumper: try forge(phone, jump(phone))
        case .redrawer: try redraw(phone)
        case .depositor: try forkThenDeposit(phone)
        case .hider: hide(phone)
        case .colluder: try collude(phone, with: friend(of: phone))
        case .doubler: try collude(phone, with: secondPhone(of: phone))
        }
    }

    // MARK: Copies

    private mutating func clone(_ phone: Int) {
        if phones[phone].copies.isEmpty { phones[phone].copies = [phones[phone].disk] }
        swapCopies(phone)
    }

    mutating func swapCopies(_ phone: Int) {
        guard !phones[phone].copies.isEmpty else { return }
        let other = phones[phone].copies.removeFirst()
        phones[phone].copies.append(phones[phone].disk)
        phones[phone].disk = other
    }

    private mutating func roll(_ phone: Int) {
        if random.chance(50) || phones[phone].copies.isEmpty {
            phones[phone].copies = [phones[phone].disk]
        } else {
            phones[phone].disk = phones[phone].copies[0]
        }
    }

    /// Shows nothing for days, and pays with the certificate of then.
    private mutating func hide(_ phone: Int) {
        if phones[phone].copies.isEmpty { phones[phone].copies = [phones[phone].disk] }
        phones[phone].clockAhead = -4 * Self.day
        if random.chance(30) { phones[phone].disk = phones[phone].copies[0] }
    }

    // MARK: Records of its own making

    private mutating func jump(_ phone: Int) -> SpendRecord {
        let disk = phones[phone].disk
        let amount = UInt32.random(in: 1...500, using: &random)
        let ahead = UInt32.random(in: 0...4, using: &random)
        return SpendRecord(
            payer: disk.id, payee: .issuer, counter: disk.counter + 1 + ahead, amount: amount,
            sourceSpent: amount, sentTotal: amount, time: phones[phone].clock(now), hop: 1,
            source: .none, request: id(), previous: disk.previous)
    }

    /// Pays somebody with a record that no honest program signs.
    private mutating func forge(_ phone: Int, _ record: SpendRecord) throws {
        let payee = inUse[Int.random(in: 0..<plan.people, using: &random)]
        guard payee != phone, !phones[payee].isGone else { return }
        var record = record
        let request = phones[payee].ask(record.amount, at: now)
        (record.payee, record.request) = (phones[payee].id, request.id)
        let signed = record.signed(phones[phone].key.sign(record.message))
        var certificates = [phones[phone].disk.certificate]
        var records = [signed]
        if let source = phones[phone].disk.received.first(where: {
            $0.record.id == record.source
        }) {
            certificates = source.signers.filter { $0.wallet != record.payer } + certificates
            records = source.path + records
        }
        guard let payment = try? OfflinePayment(certificates: certificates, records: records)
        else { return }
        if try accept(payment, by: payee, isDamaged: false) {
            count("forged and accepted")
            // Some show the forged record themselves.
            if random.chance(20) { phones[phone].statements.append(signed.encoded) }
        }
    }

    /// The whole of a received record once more, as if nothing had been drawn on it.
    private mutating func redraw(_ phone: Int) throws {
        let disk = phones[phone].disk
        guard let each = disk.received.filter({ $0.record.hop < 3 }).randomElement(using: &random)
        else { return }
        let counter = disk.counter + UInt32.random(in: 1...3, using: &random)
        let amount = each.record.amount
        try forge(
            phone,
            SpendRecord(
                payer: disk.id, payee: .issuer, counter: counter, amount: amount,
                sourceSpent: amount, sentTotal: max(amount, disk.sentTotal &+ amount),
                time: phones[phone].clock(now), hop: each.record.hop + 1, source: each.record.id,
                request: id(), previous: disk.previous))
    }

    /// Pays offline, and from a copy takes the same money back online.
    private mutating func forkThenDeposit(_ phone: Int) throws {
        let before = phones[phone].disk
        let payee = inUse[Int.random(in: 0..<plan.people, using: &random)]
        guard phones[payee].owner != phones[phone].owner, !phones[payee].isGone else { return }
        try pay(phone, payee)
        let after = phones[phone].disk
        phones[phone].disk = before
        let (request, clock) = (id(), phones[phone].clock(now))
        let received = before.received.first { $0.drawn < $0.record.amount }
        do {
            let outgoing =
                if let received {
                    try phones[phone].disk.deposit(
                        received.record.id, request: request, clock: clock)
                } else {
                    try phones[phone].disk.unlock(
                        max(1, before.ownAvailable / 2), request: request, clock: clock)
                }
            let signed = outgoing.records.map {
                $0.signed(phones[phone].key.sign($0.message)).encoded
            }
            try book.ingest(signed, by: phones[phone].owner)
            count("forked, then deposited")
        } catch is SpendRefusal {}
        phones[phone].disk = after
    }

    /// A friend takes anything, passes it on to somebody honest, and shows all of it.
    private mutating func collude(_ phone: Int, with friend: Int?) throws {
        guard let friend else { return }
        var record = jump(phone)
        if random.chance(50) { record.amount = min(record.amount * 40, 20_000) }
        record.sourceSpent = max(record.amount, record.sourceSpent)
        record.sentTotal = record.sourceSpent
        record.payee = phones[friend].id
        let signed = record.signed(phones[phone].key.sign(record.message))
        phones[friend].disk.received.append(
            OfflineWallet.Received(
                certificates: [phones[phone].disk.certificate], path: [signed], drawn: 0,
                valueExpiry: phones[phone].disk.certificate.expiresAt))
        count("colluded")
        // What the friend shows and nobody else has.
        if random.chance(50) { phones[friend].statements.append(signed.encoded) }
        let victim = inUse[Int.random(in: 0..<plan.people, using: &random)]
        guard phones[victim].owner != phones[friend].owner, !phones[victim].isGone else { return }
        try pay(friend, victim)
    }

    private mutating func friend(of phone: Int) -> Int? {
        inUse.filter { other in
            personas[phones[other].owner] == .colluder && other != phone && !phones[other].isGone
        }.randomElement(using: &random)
    }

    private mutating func secondPhone(of phone: Int) throws -> Int? {
        let person = phones[phone].owner
        if let known = secondPhones[person] { return phones[known].isGone ? nil : known }
        try buyPhone(for: person)
        guard inUse[person] != phone else { return nil }
        let second = inUse[person]
        inUse[person] = phone
        secondPhones[person] = second
        try sync(second, .whole)
        return second
    }
}
