import Cryptography
import OfflineProtocol
import Testing

/// What a page has asked, and what the server's build answered.
final class Transcript {
    struct Question {
        let call: UInt8
        let bytes: [UInt8]
        let answer: [UInt8]
    }

    private(set) var questions: [Question] = []
    private(set) var refusals: Set<String> = []

    func ask(_ call: ProtocolCall, _ bytes: [UInt8]) {
        questions.append(
            Question(call: call.rawValue, bytes: bytes, answer: call.answer(bytes)))
    }

    func ask(_ call: DeviceCall, _ bytes: [UInt8]) -> [UInt8] {
        let answer = call.answer(bytes)
        questions.append(Question(call: call.rawValue, bytes: bytes, answer: answer))
        return answer
    }

    func note(refusal name: String) { refusals.insert(name) }
}

struct PageRefusal: Error, Equatable {
    let name: String
}

/// A device as a page has it: bytes that are stored, a key that signs, and calls.
struct PageDevice {
    static let root = SigningKey.generate()

    let key: SigningKey
    let transcript: Transcript
    private(set) var state: [UInt8] = []
    var clock = Issuer.start + 60

    init(
        _ number: UInt64, of issuer: Issuer, _ transcript: Transcript, own: UInt32 = 1_000,
        change: (inout Certificate) -> Void = { _ in }
    ) throws {
        key = .generate()
        self.transcript = transcript
        let name = "Wallet \(number)"
        let certificate = issuer.certify(number, key, name: name, own: own, change: change)
        try call(
            .enrol,
            Words().field(Self.root.compressed).field(Self.keys(of: issuer).encoded)
                .field(certificate.encoded).field(Array(name.utf8)).id(Purse.salt))
    }

    static func keys(of issuer: Issuer, by root: SigningKey = root) -> IssuerKeyList {
        let list = IssuerKeyList(issuedAt: Issuer.start, keys: [issuer.issuerKey])
        return list.signed(root.sign(list.message))
    }

    /// Asks once for the signatures, verifies them, and asks again, as pages do.
    @discardableResult
    mutating func call(_ call: DeviceCall, _ arguments: Words = Words()) throws -> [[UInt8]] {
        var (verdicts, answer): ([UInt8], [UInt8])
        verdicts = []
        repeat {
            answer = transcript.ask(
                call,
                Words().field(verdicts).field(state).number(clock).bytes + arguments.bytes)
            if answer[0] == DeviceCall.unverified { verdicts += Self.verdicts(answer) }
        } while answer[0] == DeviceCall.unverified
        var fields = Self.fields(answer.dropFirst())
        let changed = fields.removeFirst()
        if !changed.isEmpty { state = changed }
        guard answer[0] == DeviceCall.good else {
            let name = String(decoding: fields[0], as: UTF8.self)
            transcript.note(refusal: name)
            throw PageRefusal(name: name)
        }
        return fields
    }

    private static func fields(_ bytes: ArraySlice<UInt8>) -> [[UInt8]] {
        var (rest, fields) = (bytes, [[UInt8]]())
        while !rest.isEmpty {
            let count = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
            fields.append(Array(rest.dropFirst(4).prefix(count)))
            rest = rest.dropFirst(4 + count)
        }
        return fields
    }

    private static func verdicts(_ question: [UInt8]) -> [UInt8] {
        var (rest, verdicts) = (question.dropFirst(), [UInt8]())
        while !rest.isEmpty {
            let (id, key) = (rest.prefix(16), Array(rest.dropFirst(16).prefix(65)))
            let signature = Array(rest.dropFirst(81).prefix(64))
            let count = rest.dropFirst(145).prefix(4).reduce(0) { $0 << 8 | Int($1) }
            let message = Array(rest.dropFirst(149).prefix(count))
            let check = SignatureCheck(
                publicKey: CurvePoint.compressed(key), message: message, signature: signature)
            verdicts += id + [OpenSSLVerify.isGood(check) ? 1 : 0]
            rest = rest.dropFirst(149 + count)
        }
        return verdicts
    }
}

/// Arguments of a call.
struct Words {
    private(set) var bytes: [UInt8] = []

    func field(_ field: [UInt8]) -> Words { number(UInt32(field.count)).raw(field) }
    func id(_ id: ObjectID) -> Words { raw(id.bytes) }
    func text(_ text: String) -> Words { raw([UInt8(text.utf8.count)] + Array(text.utf8)) }

    func number(_ number: UInt32) -> Words {
        raw((0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) })
    }

    func raw(_ more: [UInt8]) -> Words {
        var words = self
        words.bytes += more
        return words
    }
}

// MARK: What people do with it

extension PageDevice {
    mutating func ask(_ amount: UInt32, memo: String = "Tea") throws -> OfflineRequest {
        let nonce = (0..<8).map { _ in UInt8.random(in: .min ... .max) }
        let made = try call(.ask, Words().number(amount).text(memo).raw(nonce))
        let sealed = try call(.seal, Words().raw(made[0]).field(key.sign(made[1])))
        let shown = try call(.asked, Words().raw(made[0]))
        #expect(shown == sealed)
        return try OfflineRequest(decoding: sealed[0])
    }

    mutating func pay(
        _ request: OfflineRequest, amount: UInt32? = nil
    ) throws -> OfflinePayment {
        try call(.judge, Words().field(request.encoded))
        let id = try call(
            .pay, Words().field(request.encoded).number(amount ?? request.amount))[0]
        return try finish(id)
    }

    mutating func finish(_ request: [UInt8]) throws -> OfflinePayment {
        var words = Words().raw(request)
        for message in try call(.reserved, words) { words = words.field(key.sign(message)) }
        try call(.sign, words)
        return try OfflinePayment(decoding: try call(.show, Words().raw(request))[0])
    }

    mutating func accept(_ payment: OfflinePayment, max: UInt32 = 10_000) throws {
        try call(.weigh, Words().field(payment.encoded))
        try call(.accept, Words().field(payment.encoded).number(max))
    }

    mutating func learn(
        keys: [UInt8] = [], certificate: [UInt8] = [], revocations: [UInt8] = [],
        objects: [[UInt8]] = []
    ) throws {
        let words = Words().number(clock).field(keys).field(certificate).field(revocations)
        try call(.learn, objects.reduce(words) { $0.field($1) })
    }

    var described: String {
        mutating get throws { String(decoding: try call(.describe)[0], as: UTF8.self) }
    }
}
