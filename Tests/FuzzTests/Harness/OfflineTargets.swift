import Cryptography

@testable import OfflineProtocol

/// OFP1: every object has one encoding, and every text of a code one object.
extension FuzzTarget {
    static let offline =
        [
            object("offline-certificate", Certificate.init) { $0.encoded },
            object("offline-record", SpendRecord.init) { $0.encoded },
            object("offline-payment", bytesMax: 1400, OfflinePayment.init) { $0.encoded },
            object("offline-request", OfflineRequest.init) { $0.encoded },
            object("offline-acknowledgement", Acknowledgement.init) { $0.encoded },
            object("offline-decline", Decline.init) { $0.encoded },
            object("offline-revocations", RevocationList.init) { $0.encoded },
            object("offline-receipt", OfflineReceipt.init) { $0.encoded },
            object("offline-proof", FraudProof.init) { $0.encoded },
            object("offline-enrolment", Enrolment.init) { $0.encoded },
        ] + [
            FuzzTarget("base45", bytesMax: 256, base45),
            FuzzTarget("code-text", bytesMax: 1024, codeText),
            FuzzTarget("code-frames", bytesMax: 1600, frames),
            FuzzTarget("offline-acceptance", bytesMax: 1400, acceptance),
        ]

    private static func object<Object>(
        _ name: String, bytesMax: Int = 640,
        _ decode: @escaping @Sendable ([UInt8]) throws -> Object,
        _ encode: @escaping @Sendable (Object) -> [UInt8]
    ) -> FuzzTarget {
        FuzzTarget(name, bytesMax: bytesMax) { input in
            guard let object = try decoded({ try decode(input) }) else { return }
            try hold(encode(object) == input, "one encoding")
            guard input.count > 1 else { return }
            try hold(
                try decoded { try decode(Array(input.dropLast())) } == nil, "none is cut short")
            try hold(try decoded { try decode(input + [0]) } == nil, "nothing follows")
        }
    }

    private static func base45(_ input: [UInt8]) throws {
        if let bytes = try decoded({ try Base45.decode(input) }) {
            try hold(Base45.encode(bytes) == input, "one spelling")
        }
        try hold(try Base45.decode(Base45.encode(input)) == input, "what is written is read")
    }

    /// Texts by lines, as a camera reads them one after the other.
    private static func codeText(_ input: [UInt8]) throws {
        var assembler = FrameAssembler()
        for line in input.lines {
            guard let content = try decoded({ try CodeText.decode(line) }) else { continue }
            switch content {
            case .object(let object):
                try hold(CodeText.whole(object) == line, "one text")
            case .frame(let frame):
                try hold(Array("OM:".utf8) + Base45.encode(frame.encoded) == line, "one text")
                guard let object = assembler.add(frame) else { continue }
                try hold(Frame.message(of: object) == frame.message, "pieces of one object")
                try hold(object.count == Int(frame.totalBytes), "the whole object")
            }
        }
    }

    /// The first byte says which frame is lost.
    private static func frames(_ input: [UInt8]) throws {
        let object = Array(input.dropFirst())
        guard let lost = input.first, !object.isEmpty else { return }
        let texts = CodeText.frames(of: object)
        var assembler = FrameAssembler()
        var whole: [UInt8]?
        for (index, text) in texts.enumerated() where index != Int(lost) % texts.count {
            guard case .frame(let frame) = try CodeText.decode(text) else {
                throw Broken(description: "a frame is a frame")
            }
            whole = assembler.add(frame)
        }
        try hold(whole == object, "any one frame may be lost")
    }

    /// Where every signature holds, the rules alone must keep the books.
    private static func acceptance(_ input: [UInt8]) throws {
        guard let payment = try decoded({ try OfflinePayment(decoding: input) }),
            let last = payment.records.last
        else { return }
        var own = payment.certificates[0]
        own.wallet = last.payee
        guard own.wallet != .issuer else { return }
        var wallet = OfflineWallet(own)
        var request = OfflineRequest(
            payee: own, amount: 0, time: 0, nonce: 0, nameSalt: .none, name: [], memo: [])
        request.signature = last.signature
        wallet.ask(request)
        let world = WorldView(
            issuerKeys: payment.certificates.map {
                IssuerKey(
                    number: $0.issuerKey, publicKey: $0.publicKey, notBefore: 0, notAfter: .max)
            }, revocations: nil, cheats: [], now: 0)
        let payee = Acceptance.Payee(
            wallet: own.wallet, currency: own.currency, outstanding: [(last.request, 0)], seen: [],
            amountMax: .max)
        let taken = try decoded { try Acceptance(of: payment, by: payee, in: world) { _ in true } }
        guard let taken else { return }
        let sum = payment.final.reduce(UInt64(0)) { $0 + UInt64($1.amount) }
        try hold(UInt64(taken.amount) == sum, "the amount is that of the last records")
        for record in payment.records {
            guard let signer = payment.certificate(of: record.payer) else { continue }
            try hold(record.amount <= signer.perTransfer, "no record is above its limit")
            try hold(record.sentTotal <= signer.outLimit, "no wallet sends more than it may")
            let drawn = payment.records.filter { $0.source == record.id }
                .reduce(UInt64(0)) { $0 + UInt64($1.amount) }
            try hold(drawn <= UInt64(record.amount), "no source gives more than it got")
        }
    }
}
