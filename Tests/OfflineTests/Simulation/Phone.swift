import Cryptography
import TestSupport
import Values

@testable import OfflineProtocol

/// Where a phone dies. What it has not written is gone; what it wrote is there when it starts
/// again.
enum Crash: CaseIterable {
    case beforeReserving, afterReserving, afterSigning, afterWriting, beforeShowing
}

/// One phone: what is on its disk, what it believes of the issuer, and a clock of its own.
struct Phone {
    let owner: Int
    let key: SigningKey
    let salt: ObjectID
    let name: [UInt8]
    var disk: OfflineWallet
    /// Other states of the same wallet that a cheat keeps.
    var copies: [OfflineWallet] = []
    var issuerKeys: [IssuerKey]
    var revocations: RevocationList?
    var proofs: [FraudProof] = []
    /// Seconds by which its clock is wrong.
    var clockAhead: Int64 = 0
    /// Takes no more than what is guaranteed.
    var isCareful = false
    /// Never meets the server again.
    var isHermit = false
    var isGone = false
    /// What the server is known to have.
    var sent: Set<ObjectID> = []
    /// Statements for the server, as bytes.
    var statements: [[UInt8]] = []
    private var nonce: UInt64 = 0

    init(
        owner: Int, key: SigningKey, salt: ObjectID, _ certificate: Certificate,
        _ issuerKeys: [IssuerKey]
    ) {
        self.owner = owner
        self.key = key
        self.salt = salt
        name = Array("Wallet \(owner)".utf8)
        disk = OfflineWallet(certificate)
        self.issuerKeys = issuerKeys
    }

    var id: WalletID { disk.id }

    func clock(_ now: Int64) -> UInt32 { UInt32(clamping: now + clockAhead) }

    func world(_ now: Int64) -> WorldView {
        WorldView(
            issuerKeys: issuerKeys, revocations: revocations,
            cheats: proofs.map { $0.certificate.wallet }, now: disk.now(clock(now)))
    }

    // MARK: Payee

    mutating func ask(_ amount: UInt32, at now: Int64) -> OfflineRequest {
        nonce += 1
        let request = OfflineRequest(
            payee: disk.certificate, amount: amount, time: clock(now), nonce: nonce, nameSalt: salt,
            name: name, memo: [])
        disk.ask(request)
        return request.signed(key.sign(request.message))
    }

    /// - Parameter dies: before the payment is on the disk: nothing was taken.
    mutating func accept(
        _ payment: OfflinePayment, at now: Int64, dies: Bool, _ notary: Notary
    ) throws(PaymentRefusal) -> Acceptance? {
        var memory = disk
        let most = isCareful ? payment.certificates.map { $0.guarantee }.min() ?? 0 : .max
        let acceptance = try memory.accept(
            payment, amountMax: most, in: world(now), notary.isGood)
        guard !dies else { return nil }
        disk = memory
        return acceptance
    }

    func acknowledge(_ payment: OfflinePayment, at now: Int64) -> Acknowledgement {
        let said = Acknowledgement(
            payee: id, time: clock(now), records: payment.final.map { $0.id })
        return said.signed(key.sign(said.message))
    }

    mutating func decline(_ record: ObjectID, at now: Int64) {
        let said = Decline(payee: id, time: clock(now), records: [record])
        statements.append(said.signed(key.sign(said.message)).encoded)
    }

    // MARK: Payer

    /// Pays with crashes in between; nil when the phone died before it showed anything.
    mutating func pay(
        _ request: OfflineRequest, _ amount: UInt32, at now: Int64, _ crash: Crash?,
        _ notary: Notary, _ signing: (SpendRecord) throws -> Void
    ) throws -> OfflinePayment? {
        var memory = disk
        let outgoing = try memory.reserve(
            request, amount: amount, clock: clock(now), in: world(now), notary.isGood)
        if crash == .beforeReserving { return nil }
        disk = memory
        if crash == .afterReserving { return nil }
        return try finish(outgoing.request, crash, notary, signing)
    }

    /// From whatever is on the disk: signs the bodies that were reserved, and shows them.
    mutating func finish(
        _ request: ObjectID, _ crash: Crash?, _ notary: Notary,
        _ signing: (SpendRecord) throws -> Void
    ) throws -> OfflinePayment? {
        var memory = disk
        guard let outgoing = memory.outbox.first(where: { $0.request == request })
        else { return nil }
        if outgoing.state == .reserved {
            for record in outgoing.records { try signing(record) }
            let signatures = outgoing.records.map { key.sign($0.message) }
            if crash == .afterSigning { return nil }
            try memory.sign(request, signatures, notary.isGood)
            disk = memory
            if crash == .afterWriting { return nil }
        }
        let payment = try memory.show(request)
        disk = memory
        return crash == .beforeShowing ? nil : payment
    }

    mutating func giveBack(
        _ outgoing: (inout OfflineWallet) throws -> OfflineWallet.Outgoing, _ notary: Notary,
        _ signing: (SpendRecord) throws -> Void
    ) throws {
        var memory = disk
        let begun = try outgoing(&memory)
        disk = memory
        _ = try finish(begun.request, nil, notary, signing)
    }

    // MARK: Online

    /// Everything that the server has not confirmed, oldest first.
    var unsent: [SpendRecord] {
        let out = disk.outbox.filter { $0.state != .reserved }.flatMap(\.records)
        let received = disk.received.flatMap(\.path)
        var met: Set<ObjectID> = []
        return (received + out).filter { record in
            let id = record.id
            return !sent.contains(id) && met.insert(id).inserted
        }
    }
}
