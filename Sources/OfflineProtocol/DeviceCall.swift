/// What a page does with a device: each call takes the device's bytes and gives them back as they
/// are to be stored. All decisions are made here; a page stores, signs, verifies and shows.
///
/// A browser verifies signatures asynchronously, so a call is made twice: the first answer lists
/// what is to be verified, the second call brings the verdicts.
package enum DeviceCall: UInt8, CaseIterable, Sendable {
    /// A key of 65 bytes, the account's 16, and the time: what a device signs to enrol.
    case enrolment = 32
    /// Root, issuer's keys, certificate, name and salt: a new device.
    case enrol = 33
    /// The state for people, as JSON.
    case describe = 34
    /// Amount, memo and nonce: a request to sign.
    case ask = 35
    /// A request's id and its signature: the request, kept so that it can be shown again.
    case seal = 36
    /// A request's id: the request as it was sealed.
    case asked = 37
    /// Whether a scanned request may be paid.
    case judge = 38
    /// A request and the amount: reserves the records.
    case pay = 39
    /// A received record and a random request: reserves its deposit.
    case deposit = 40
    /// An amount and a random request: reserves the way back of own money.
    case unlock = 41
    /// A payment's request: what is to be signed of it.
    case reserved = 42
    /// A payment's request and its signatures.
    case sign = 43
    /// The payment as it is shown, and its code.
    case show = 44
    /// What taking a payment would mean; takes nothing.
    case weigh = 45
    /// Takes a payment up to an amount.
    case accept = 46
    /// A request: the word to sign that its payment arrived.
    case acknowledgement = 47
    /// The payee's signed word.
    case acknowledge = 48
    /// A payment that nobody took.
    case giveUp = 49
    /// A proof of fraud that somebody showed.
    case takeProof = 50
    /// Objects that the server may not know.
    case unsettled = 51
    /// Time, keys, certificate and revocations, then any number of proofs, records and receipts.
    case learn = 52

    /// Before an answer: done, refused, or signatures to be verified first.
    package static let (good, refused, unverified): (UInt8, UInt8, UInt8) = (0, 1, 2)

    /// - Parameter input: verdicts, the device (nothing before there is one) and the clock, then
    ///   what the call takes.
    package func answer(_ input: [UInt8]) -> [UInt8] {
        do throws(CallRefusal) {
            let step = try DeviceStep(input)
            return step.answer(self)
        } catch {
            return DeviceStep.answer(Self.refused, state: [], [error.name])
        }
    }
}

/// Any refusal of the protocol, by its name.
struct CallRefusal: Error {
    let name: [UInt8]

    init(_ name: String) { self.name = name.octets }
}

/// Signatures whose verdicts the page has brought, and those that it has yet to find out.
final class Verdicts {
    private var known: [(id: ObjectID, isGood: Bool)] = []
    private(set) var unknown: [SignatureCheck] = []

    init(_ bytes: [UInt8]) throws(DecodingFault) {
        var reader = ByteReader(bytes)
        while reader.remaining > 0 {
            known.append((id: try reader.id(), isGood: try reader.uint8() == 1))
        }
    }

    /// What is not known yet counts as good, so that one question asks for everything.
    func isGood(_ check: SignatureCheck) -> Bool {
        let id = Self.id(of: check)
        if let found = known.first(where: { $0.id == id }) { return found.isGood }
        unknown.append(check)
        return true
    }

    /// For each: the id of the verdict, the key as WebCrypto imports it, signature and message.
    var question: [UInt8] {
        var writer = ByteWriter(capacity: 1_024)
        writer.put(DeviceCall.unverified)
        for check in unknown {
            writer.put(Self.id(of: check))
            writer.put(CurvePoint.uncompressed(check.publicKey) ?? [])
            writer.put(check.signature)
            writer.put(field: check.message)
        }
        return writer.bytes
    }

    private static func id(of check: SignatureCheck) -> ObjectID {
        SHA256.digest(check.publicKey + check.signature + check.message).id
    }
}

/// One call in progress.
final class DeviceStep {
    let verdicts: Verdicts
    /// Nil before a device is enrolled.
    private(set) var found: OfflineDevice?
    let before: [UInt8]
    let clock: UInt32
    var arguments: ByteReader

    init(_ input: [UInt8]) throws(CallRefusal) {
        do throws(DecodingFault) {
            arguments = ByteReader(input)
            verdicts = try Verdicts(try arguments.field())
            before = try arguments.field()
            clock = try arguments.uint32()
            if !before.isEmpty { found = try OfflineDevice(decoding: before) }
        } catch {
            throw CallRefusal(error.name)
        }
    }

    func answer(_ call: DeviceCall) -> [UInt8] {
        var (status, reply) = (DeviceCall.good, [[UInt8]]())
        do throws(CallRefusal) { reply = try perform(call) } catch {
            (status, reply) = (DeviceCall.refused, [error.name])
        }
        // Neither stands before all signatures are verified.
        guard verdicts.unknown.isEmpty else { return verdicts.question }
        return Self.answer(status, state: changed, reply)
    }

    static func answer(_ status: UInt8, state: [UInt8], _ reply: [[UInt8]]) -> [UInt8] {
        var writer = ByteWriter(capacity: 1_024)
        writer.put(status)
        writer.put(field: state)
        for field in reply { writer.put(field: field) }
        return writer.bytes
    }

    /// The state as it is to be stored; nothing when it is as it was.
    private var changed: [UInt8] {
        let after = found?.encoded ?? []
        return after == before ? [] : after
    }

    private func perform(_ call: DeviceCall) throws(CallRefusal) -> [[UInt8]] {
        if call == .enrolment { return try enrolment() }
        if call == .enrol {
            found = try enrolled()
            return []
        }
        guard var device = found else { throw CallRefusal("device_missing") }
        // A refused payment may leave a proof of fraud behind.
        defer { found = device }
        switch call {
        case .enrolment, .enrol, .describe: return [device.description(clock)]
        case .ask: return try ask(&device)
        case .seal: return try seal(&device)
        case .asked: return try asked(device)
        case .judge: return try judge(device)
        case .pay: return try pay(&device)
        case .deposit: return try deposit(&device)
        case .unlock: return try unlock(&device)
        case .reserved: return try reserved(device)
        case .sign: return try sign(&device)
        case .show: return try show(&device)
        case .weigh: return try weigh(&device)
        case .accept: return try accept(&device)
        case .acknowledgement: return try acknowledgement(device)
        case .acknowledge: return try acknowledge(&device)
        case .giveUp: return try giveUp(&device)
        case .takeProof: return try takeProof(&device)
        case .unsettled: return device.unsettled
        case .learn: return try learn(&device)
        }
    }
}
