/// The state of one wallet on its device, and the only ways in which it changes.
///
/// Each verb changes the value and nothing else. The device stores the whole value in one strict
/// transaction before it shows or sends anything of it, so a crash leaves the state of before or
/// of after, and a record whose body was reserved is signed as it stands, never made anew: no
/// counter is ever used for two bodies.
package struct OfflineWallet: Equatable, Sendable {
    package internal(set) var certificate: Certificate
    package internal(set) var counter: UInt32 = 0
    /// Minor units drawn from the own escrow so far.
    package internal(set) var ownSpent: UInt32 = 0
    package internal(set) var sentTotal: UInt32 = 0
    /// The wallet's last record; before the first one, its first certificate.
    package internal(set) var previous: ObjectID
    /// The latest moment that the server or a signature of the issuer has named.
    package internal(set) var timeKnown: UInt32
    package internal(set) var received: [Received] = []
    package internal(set) var outbox: [Outgoing] = []
    package internal(set) var outstanding: [Outstanding] = []
    /// Every record seen, by which a later one may turn out to be a fraud.
    package internal(set) var seen: [SpendRecord] = []

    /// How long before its certificate expires a wallet stops to pay.
    package static let payMarginSeconds: UInt32 = 3600

    /// A record that this wallet may pass on, with its provenance.
    package struct Received: Equatable, Sendable {
        package let certificates: [Certificate]
        /// From the first hop to the record itself.
        package let path: [SpendRecord]
        package internal(set) var drawn: UInt32
        /// 0 for what may only be deposited.
        package let valueExpiry: UInt32
        /// Whether the server has said that it knows the record.
        package internal(set) var isSettled = false

        package var record: SpendRecord { path[path.count - 1] }
    }

    package struct Outstanding: Equatable, Sendable {
        package let request: ObjectID
        /// Minor units; 0 for any.
        package let amount: UInt32
    }

    /// Where a payment stands on the payer's device. It only moves forward.
    package enum State: UInt8, Sendable, CaseIterable {
        case reserved = 1
        case signed = 2
        case shown = 3
        case acknowledged = 4
        case undelivered = 5
        case settled = 6

        /// Undelivered money may turn out to have arrived: the payee's own word wins. What was
        /// reserved is signed before it is given up: without its record the server would miss a
        /// counter for ever, and raise no limit of this wallet again.
        package func mayBecome(_ next: State) -> Bool {
            switch (self, next) {
            case (.reserved, .signed), (.signed, .shown), (.signed, .undelivered),
                (.shown, .undelivered), (.shown, .acknowledged),
                (.signed, .acknowledged), (.undelivered, .acknowledged):
                true
            case (.settled, _): false
            case (.reserved, .settled): false
            case (_, .settled): true
            default: false
            }
        }
    }

    /// A payment that was begun. Its counters are used whatever becomes of it.
    package struct Outgoing: Equatable, Sendable {
        package internal(set) var state: State
        /// The records of this payment; signatures are zeros until they are made.
        package internal(set) var records: [SpendRecord]

        package var request: ObjectID { records[0].request }
        package var amount: UInt32 { records.reduce(0) { $0 + $1.amount } }
    }

    package init(_ certificate: Certificate) {
        self.certificate = certificate
        previous = certificate.id
        timeKnown = certificate.issuedAt
    }

    package var id: WalletID { certificate.wallet }

    /// The latest of the device's clock and what is known to be past.
    package func now(_ clock: UInt32) -> UInt32 { max(clock, timeKnown) }

    func hasPaid(_ request: ObjectID) -> Bool { outbox.contains { $0.request == request } }
}

// MARK: What there is to spend

extension OfflineWallet {
    /// Minor units of the own escrow that are left.
    package var ownAvailable: UInt32 {
        certificate.ownLimit > ownSpent ? certificate.ownLimit - ownSpent : 0
    }

    /// What the server will say the offline part is worth once everything has reached it.
    package var balance: UInt64 {
        received.reduce(UInt64(ownAvailable)) { $0 + UInt64($1.record.amount - $1.drawn) }
    }

    /// What a payee would take now.
    package func sources(at now: UInt32) -> [Source] {
        var sources: [Source] = []
        if certificate.hopsMax >= 1 {
            sources.append(
                Source(
                    id: .none, available: ownAvailable, drawn: ownSpent, hop: 1,
                    valueExpiry: certificate.expiresAt))
        }
        for each in received {
            let hop = UInt16(each.record.hop) + 1
            let hopsMax = each.certificates.reduce(certificate.hopsMax) { min($0, $1.hopsMax) }
            let isFresh =
                UInt64(now) + UInt64(Acceptance.marginSeconds) <= UInt64(each.valueExpiry)
            guard hop <= UInt16(hopsMax), isFresh else { continue }
            sources.append(
                Source(
                    id: each.record.id, available: each.record.amount - each.drawn,
                    drawn: each.drawn, hop: UInt8(hop),
                    valueExpiry: min(each.valueExpiry, certificate.expiresAt)))
        }
        return sources
    }
}

// MARK: Paying

extension OfflineWallet {
    /// P2 to P10: judges the request, chooses the sources, and reserves the records of the payment.
    ///
    /// - Parameter amount: minor units; what the request asks for, unless it leaves the choice.
    /// - Returns: the payment, whose bodies are now to be stored, then signed.
    package mutating func reserve(
        _ request: OfflineRequest, amount: UInt32, clock: UInt32, in world: WorldView,
        _ verify: Verify
    ) throws(SpendRefusal) -> Outgoing {
        try RequestJudgement.check(request, by: self, in: world, verify)
        guard amount > 0 else { throw .amountMustBePositive }
        guard request.amount == 0 || request.amount == amount else { throw .amountDiffers }
        let plan = try plan(amount, at: now(max(clock, world.now)))
        return begin(plan, to: request.payee.wallet, for: request.id, clock)
    }

    /// Sends what is left of a received record to the issuer, who credits the online wallet.
    /// - Parameter request: random: nobody asked for it.
    package mutating func deposit(
        _ record: ObjectID, request: ObjectID, clock: UInt32
    ) throws(SpendRefusal) -> Outgoing {
        guard let each = received.first(where: { $0.record.id == record }),
            each.record.amount > each.drawn
        else { throw .insufficientFunds }
        let source = Source(
            id: record, available: each.record.amount - each.drawn, drawn: each.drawn,
            hop: each.record.hop + 1, valueExpiry: each.valueExpiry)
        try checkCounters(source.available, records: 1)
        let part = SpendPlan.Part(source: source, amount: source.available)
        return begin(SpendPlan(part), to: .issuer, for: request, clock)
    }

    /// Gives own value back to the online wallet, where it matures.
    package mutating func unlock(
        _ amount: UInt32, request: ObjectID, clock: UInt32
    ) throws(SpendRefusal) -> Outgoing {
        guard amount > 0 else { throw .amountMustBePositive }
        guard amount <= ownAvailable else { throw .insufficientFunds }
        try checkCounters(amount, records: 1)
        let source = Source(
            id: .none, available: ownAvailable, drawn: ownSpent, hop: 1,
            valueExpiry: certificate.expiresAt)
        let part = SpendPlan.Part(source: source, amount: amount)
        return begin(SpendPlan(part), to: .issuer, for: request, clock)
    }

    // MARK: Steps

    /// P7 and P9.
    private func plan(_ amount: UInt32, at now: UInt32) throws(SpendRefusal) -> SpendPlan {
        guard !certificate.flags.isReceiveOnly else { throw .receiveOnly }
        guard amount <= certificate.perTransfer else { throw .amountAboveTransferLimit }
        guard UInt64(now) + UInt64(Self.payMarginSeconds) <= UInt64(certificate.expiresAt)
        else { throw .certificateExpiresSoon }
        let plan = try SpendPlan(
            amount, from: sources(at: now), partsMax: OfflinePayment.finalRecordsMax)
        try checkCounters(amount, records: plan.parts.count)
        return plan
    }

    private func checkCounters(_ amount: UInt32, records: Int) throws(SpendRefusal) {
        guard UInt64(sentTotal) + UInt64(amount) <= UInt64(certificate.outLimit)
        else { throw .sentTotalAboveLimit }
        guard UInt64(counter) + UInt64(records) <= UInt64(certificate.counterMax)
        else { throw .counterAboveLimit }
    }

    /// P10: nothing below may fail.
    private mutating func begin(
        _ plan: SpendPlan, to payee: WalletID, for request: ObjectID, _ clock: UInt32
    ) -> Outgoing {
        var records: [SpendRecord] = []
        for part in plan.parts {
            let record = next(part, to: payee, for: request, clock)
            draw(part)
            counter = record.counter
            sentTotal = record.sentTotal
            previous = record.id
            records.append(record)
        }
        let outgoing = Outgoing(state: .reserved, records: records)
        outbox.append(outgoing)
        return outgoing
    }

    private func next(
        _ part: SpendPlan.Part, to payee: WalletID, for request: ObjectID, _ clock: UInt32
    ) -> SpendRecord {
        SpendRecord(
            payer: id, payee: payee, counter: counter + 1, amount: part.amount,
            sourceSpent: part.source.drawn + part.amount, sentTotal: sentTotal + part.amount,
            // A record dated after the expiry would be refused by everyone.
            time: min(clock, certificate.expiresAt), hop: part.source.hop,
            source: part.source.id, request: request, previous: previous)
    }

    private mutating func draw(_ part: SpendPlan.Part) {
        guard part.source.id != .none else { return ownSpent += part.amount }
        for index in received.indices where received[index].record.id == part.source.id {
            received[index].drawn += part.amount
        }
    }
}

extension SpendPlan {
    fileprivate init(_ part: Part) { parts = [part] }
}

// MARK: What becomes of a payment

/// A step that a payment cannot take from where it stands.
package enum StepRefusal: Error, Equatable, Sendable {
    case paymentUnknown
    case stepOutOfOrder
    case signatureForged
}

extension OfflineWallet {
    /// P11 and P12: takes the signatures of exactly the reserved bodies, in their order.
    package mutating func sign(
        _ request: ObjectID, _ signatures: [[UInt8]], _ verify: Verify
    ) throws(StepRefusal) {
        let index = try place(of: request)
        guard outbox[index].state == .reserved, signatures.count == outbox[index].records.count
        else { throw .stepOutOfOrder }
        var signed: [SpendRecord] = []
        for (record, signature) in zip(outbox[index].records, signatures) {
            guard signature.count == SignatureCheck.signatureBytes else { throw .signatureForged }
            let record = record.signed(signature)
            guard verify(record.check(by: certificate.publicKey)) else { throw .signatureForged }
            signed.append(record)
        }
        outbox[index].records = signed
        outbox[index].state = .signed
        remember(signed)
    }

    /// P13: what is shown, once its state is stored. Showing it again changes nothing.
    package mutating func show(_ request: ObjectID) throws(StepRefusal) -> OfflinePayment {
        let index = try place(of: request)
        if outbox[index].state == .signed { outbox[index].state = .shown }
        guard outbox[index].state != .reserved else { throw .stepOutOfOrder }
        return payment(outbox[index].records)
    }

    /// Takes the payee's word that the payment arrived.
    package mutating func acknowledge(
        _ acknowledgement: Acknowledgement, of payee: Certificate, _ verify: Verify
    ) throws(StepRefusal) {
        guard acknowledgement.payee == payee.wallet,
            verify(acknowledgement.check(by: payee.publicKey))
        else { throw .signatureForged }
        let named = acknowledgement.records
        let index = outbox.firstIndex { outgoing in
            outgoing.records.allSatisfy { $0.payee == payee.wallet && named.contains($0.id) }
        }
        guard let index else { throw .paymentUnknown }
        if outbox[index].state == .acknowledged { return }
        try move(index, to: .acknowledged)
    }

    /// The payer says that nobody took the payment. The money stays gone here until the server has
    /// waited long enough for the payee.
    package mutating func giveUp(_ request: ObjectID) throws(StepRefusal) {
        let index = try place(of: request)
        if outbox[index].state == .undelivered { return }
        try move(index, to: .undelivered)
    }

    /// The server has settled, declined or refunded the payment.
    package mutating func settle(_ request: ObjectID) throws(StepRefusal) {
        let index = try place(of: request)
        if outbox[index].state == .settled { return }
        try move(index, to: .settled)
    }

    // MARK: Steps

    private func place(of request: ObjectID) throws(StepRefusal) -> Int {
        guard let index = outbox.firstIndex(where: { $0.request == request })
        else { throw .paymentUnknown }
        return index
    }

    private mutating func move(_ index: Int, to state: State) throws(StepRefusal) {
        guard outbox[index].state.mayBecome(state) else { throw .stepOutOfOrder }
        outbox[index].state = state
    }

    /// The records with everything they draw on, and the certificates of all who signed.
    private func payment(_ records: [SpendRecord]) -> OfflinePayment {
        var (path, signers): ([SpendRecord], [Certificate]) = ([], [])
        for record in records {
            for each in received where each.record.id == record.source {
                for step in each.path where !path.contains(step) { path.append(step) }
                signers += each.certificates
            }
        }
        path += records
        signers.append(certificate)
        var certificates: [Certificate] = []
        for step in path where !certificates.contains(where: { $0.wallet == step.payer }) {
            certificates += signers.filter { $0.wallet == step.payer }.prefix(1)
        }
        do {
            return try OfflinePayment(certificates: certificates, records: path)
        } catch {
            preconditionFailure("what was accepted or planned has the form of a payment")
        }
    }

    mutating func remember(_ records: [SpendRecord]) {
        for record in records where !seen.contains(record) { seen.append(record) }
    }
}

// MARK: Receiving

extension OfflineWallet {
    /// Notes a request that is about to be shown.
    package mutating func ask(_ request: OfflineRequest) {
        guard !outstanding.contains(where: { $0.request == request.id }) else { return }
        outstanding.append(Outstanding(request: request.id, amount: request.amount))
    }

    /// V2 to V13, then takes the payment. The device shows success only once this is stored.
    /// Taking it again changes nothing and answers the same.
    package mutating func accept(
        _ payment: OfflinePayment, amountMax: UInt32, in world: WorldView, _ verify: Verify
    ) throws(PaymentRefusal) -> Acceptance {
        let request = payment.records[payment.records.count - 1].request
        let isKnown = payment.final.allSatisfy { record in
            received.contains { $0.record.id == record.id }
        }
        var open = outstanding.map { (request: $0.request, amount: $0.amount) }
        if isKnown { open.append((request, 0)) }
        let payee = Acceptance.Payee(
            wallet: id, currency: certificate.currency, outstanding: open, seen: seen,
            amountMax: amountMax)
        let acceptance = try Acceptance(of: payment, by: payee, in: world, verify)
        guard !isKnown else { return acceptance }

        for record in payment.final { receive(record, of: payment) }
        outstanding.removeAll { $0.request == request }
        remember(payment.records)
        timeKnown = payment.certificates.reduce(timeKnown) { max($0, $1.issuedAt) }
        return acceptance
    }

    /// Takes a newer certificate of this wallet: limits only ever rise.
    package mutating func renew(_ newer: Certificate) {
        guard newer.wallet == id, newer.issuedAt >= certificate.issuedAt,
            newer.ownLimit >= certificate.ownLimit, newer.outLimit >= certificate.outLimit
        else { return }
        certificate = newer
        timeKnown = max(timeKnown, newer.issuedAt)
    }

    private mutating func receive(_ record: SpendRecord, of payment: OfflinePayment) {
        let path = payment.path(to: record)
        let certificates = path.compactMap { payment.certificate(of: $0.payer) }
        received.append(
            Received(
                certificates: certificates, path: path, drawn: 0,
                valueExpiry: certificates.map { $0.expiresAt }.min() ?? 0))
    }
}
