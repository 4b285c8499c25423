internal import FlorinClient
internal import HTTP
internal import Offline
internal import OfflineProtocol
internal import Values

/// Offline wallets for programs, and names of others made harmless for people.
enum OfflineJSON {
    static func text(_ bytes: [UInt8]) -> String {
        Terminal.clean(String(decoding: bytes, as: UTF8.self))
    }

    static func balance(_ purse: OfflinePurse) -> JSON { .object(JSONObject(balance(purse))) }

    static func wallet(_ purse: OfflinePurse) -> JSON {
        .object(
            JSONObject(
                balance(purse) + [
                    ("sent", .array(purse.wallet.outbox.map { outgoing($0, purse) })),
                    ("received", .array(purse.wallet.received.map(received))),
                    ("requests", .array(purse.openRequests.map(request))),
                    ("proofs", .integer(Int64(purse.proofs.count))),
                ]))
    }

    private static func balance(_ purse: OfflinePurse) -> [JSONObject.Member] {
        let (wallet, certificate) = (purse.wallet, purse.wallet.certificate)
        return [
            ("wallet", .string(wallet.id.hex)), ("currency", .string(purse.currency.code)),
            ("balance", .integer(Int64(clamping: wallet.balance))),
            ("own", .integer(Int64(wallet.ownAvailable))),
            ("per_transfer", .integer(Int64(certificate.perTransfer))),
            ("guarantee", .integer(Int64(certificate.guarantee))),
            ("counter", .integer(Int64(wallet.counter))),
            ("expires_at", moment(certificate.expiresAt)),
        ]
    }

    private static func outgoing(
        _ outgoing: OfflineWallet.Outgoing, _ purse: OfflinePurse
    ) -> JSON {
        let asked = purse.device.requests.last { $0.id == outgoing.request }
        return [
            "request": .string(outgoing.request.hex), "state": .string(outgoing.state.name),
            "amount": .integer(Int64(outgoing.amount)),
            "records": .array(outgoing.records.map { .string($0.id.hex) }),
            "code": .string(outgoing.code), "deposit": .bool(outgoing.isToIssuer),
            "name": asked.map { .string(text($0.name)) } ?? .null,
            "time": moment(outgoing.records[0].time),
        ]
    }

    private static func received(_ each: OfflineWallet.Received) -> JSON {
        [
            "record": .string(each.record.id.hex), "request": .string(each.record.request.hex),
            "amount": .integer(Int64(each.record.amount)),
            "left": .integer(Int64(each.record.amount - each.drawn)),
            "hop": .integer(Int64(each.record.hop)), "settled": .bool(each.isSettled),
            "code": .string(text(each.record.id.code)), "time": moment(each.record.time),
            "expires_at": moment(each.valueExpiry),
        ]
    }

    private static func request(_ request: OfflineRequest) -> JSON {
        [
            "request": .string(request.id.hex), "amount": .integer(Int64(request.amount)),
            "memo": .string(text(request.memo)), "time": moment(request.time),
        ]
    }

    static func state(_ state: OfflineWalletState) -> JSON {
        [
            "wallet": .string(state.id), "currency": .string(state.currency),
            "status": .string(state.status), "claim_by": .string(state.claimBy),
        ]
    }

    private static func moment(_ seconds: UInt32) -> JSON { .string("\(Timestamp.of(seconds))") }
}

extension Timestamp {
    static func of(_ seconds: UInt32) -> Timestamp {
        Timestamp(microseconds: Int64(seconds) * 1_000_000)
    }
}

extension OfflineWallet.Outgoing {
    /// What both people compare.
    var code: String { OfflineJSON.text(records[records.count - 1].id.code) }
    var isToIssuer: Bool { records[0].payee == .issuer }
}

extension OfflinePurse {
    /// Requests that are shown and not paid, the newest last.
    var openRequests: [OfflineRequest] {
        device.requests.filter { request in
            request.payee.wallet == wallet.id
                && wallet.outstanding.contains { $0.request == request.id }
        }
    }

    var proofs: [FraudProof] { device.proofs + device.proofsFound }
}
