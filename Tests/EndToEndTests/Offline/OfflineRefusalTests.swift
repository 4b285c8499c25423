import Cryptography
import HTTP
import OfflineProtocol
import TestSupport
import Testing

@Suite("What offline payments refuse", .timeLimit(.minutes(2)))
struct OfflineRefusalTests {
    private func pair() async throws -> (Device, Device) {
        let api = try await World.api
        return (
            try await Device.enrol(Person.signUp(api, money: 1_000), own: 600),
            try await Device.enrol(Person.signUp(api))
        )
    }

    @Test func enrolment() async throws {
        let api = try await World.api
        let (person, other) = (try await Person.signUp(api), try await Person.signUp(api))
        let key = SigningKey.generate()
        let body = try Device.csr(of: person, key)
        let path = "/v1/offline/wallets"
        // In the name of somebody else, cut, damaged.
        try await other.refused(422, "offline_enrolment_invalid", .post, path, body)
        let zeros = String(repeating: "A", count: 156)
        try await person.refused(
            422, "offline_enrolment_invalid", .post, path, body.replacing("csr", .string(zeros)))
        var bytes = try #require(body.object("csr"))
        bytes[116] ^= 1
        try await person.refused(
            422, "offline_enrolment_forged", .post, path, body.replacing("csr", .string(bytes.text))
        )
        try await person.refused(
            422, "currency_not_supported", .post, path, body.replacing("currency", "JPY"))
        let made = try await person.post(path, body)
        // Once more is the same wallet; in another currency it would be another.
        #expect(try await person.post(path, body)["wallet"] == made["wallet"])
        try await person.refused(
            409, "offline_key_taken", .post, path, body.replacing("currency", "USD"))
        try await other.refused(
            409, "offline_key_taken", .post, path, try Device.csr(of: other, key))
        for _ in 1..<5 { _ = try await Device.enrol(person) }
        try await person.refused(
            409, "offline_wallets_too_many", .post, path, try Device.csr(of: person, .generate()))
        #expect(try await person.get(path).rows.count == 5)
    }

    @Test func locking() async throws {
        let (phone, _) = try await pair()
        let path = "/v1/offline/wallets/\(phone.hex)/topups"
        let refused = try await phone.person.refused(
            409, "insufficient_funds", .post, path, ["amount": 401])
        #expect(refused["available"]?.integer == 400)
        try await phone.person.refused(
            422, "amount_must_be_positive", .post, path, ["amount": 0])
        try await phone.person.refused(
            400, "idempotency_key_required", .post, path, ["amount": 1], key: nil)
        try await phone.person.refused(
            404, "offline_wallet_not_found", .post,
            "/v1/offline/wallets/00000000000000ff/topups", ["amount": 1])
        // Ten units of 130 KES.
        try await phone.person.topUp(1_000_000)
        let limit = try await phone.person.refused(
            409, "offline_limit_exceeded", .post, path, ["amount": 129_401])
        #expect(limit["limit_amount"]?.integer == 130_000)
        #expect(limit["remaining"]?.integer == 129_400)
        // The same key is one top-up, even where another would be too much.
        let key = Api.newKey()
        let first = try await phone.person.post(path, ["amount": 129_400], key: key)
        let again = try await phone.person.post(path, ["amount": 129_400], key: key)
        #expect(try limits(first) == limits(again))
        try await phone.person.refused(
            422, "idempotency_mismatch", .post, path, ["amount": 1], key: key)
        #expect(try await phone.person.available() == 1_000_400 - 129_400)
    }

    private func limits(_ answer: JSON) throws -> UInt32 {
        try Certificate(decoding: try #require(answer.object("certificate"))).ownLimit
    }

    @Test func everyObjectIsAnsweredForItself() async throws {
        var (payer, payee) = try await pair()
        let good = try payer.pay(100, to: &payee)
        let strangers = try await pair().0
        var forged = good.last
        forged.signature[7] ^= 1
        var certificate = payer.wallet.certificate
        certificate.publicKey = strangers.wallet.certificate.publicKey
        var raised = payer.wallet.certificate
        raised.guarantee += 1_000
        let objects: [[UInt8]] = [
            [], [0x12, 1, 2], Array(good.last.encoded.dropLast()), forged.encoded,
            payer.forge { $0.payer = WalletID(99) }.encoded,
            payer.forge { $0.payee = WalletID(99) }.encoded,
            payer.forge { $0.payee = payer.id }.encoded,
            payer.forge { $0.hop = 2 }.encoded,
            payer.forge { ($0.sourceSpent, $0.sentTotal) = (601, 601) }.encoded,
            payer.forge { $0.counter = 1_000 }.encoded,
            certificate.encoded, raised.encoded, payee.ask(1).encoded, good.last.encoded,
            good.last.encoded, payer.wallet.certificate.encoded,
        ]
        let results = try await payee.show(objects)
        #expect(
            results.map { $0["reason"]?.string ?? $0.status } == [
                "not_an_object", "not_an_object", "not_an_object", "signature_forged",
                "wallet_unknown", "payee_unknown", "payee_is_payer", "hop_invalid",
                "limits_exceeded", "limits_exceeded", "certificate_foreign", "signature_forged",
                "not_an_object", "settled", "settled", "known",
            ])
        #expect(results.map { $0["object"]?.integer } == (0..<16).map { Int64($0) })
    }

    @Test func whatDrawsOnASourceWronglyIsRejected() async throws {
        var (payer, payee) = try await pair()
        let other = try await pair().0
        let payment = try payer.pay(100, to: &payee)
        try await payee.show(payment.encoded)
        func spend(_ device: Device, _ change: (inout SpendRecord) -> Void) -> SpendRecord {
            device.forge { record in
                record.source = payment.last.id
                record.hop = 2
                change(&record)
            }
        }
        let stolen = spend(other) { _ in }
        let tooMuch = spend(payee) { record in
            (record.amount, record.sourceSpent, record.sentTotal) = (1, 101, 101)
        }
        let tooFar = spend(payee) { $0.hop = 3 }
        // Who draws on what is rejected is rejected too, whichever comes first.
        let child = other.forge { record in
            record.source = stolen.id
            record.hop = 3
        }
        #expect(try await payee.show(child.encoded)[0].status == "waiting_source")
        let results = try await payee.show(stolen.encoded, tooMuch.encoded, tooFar.encoded)
        #expect(
            results.map { $0["reason"]?.string } == [
                "source_not_the_payers", "source_overdrawn", "hop_invalid",
            ])
        #expect(try await payee.show(child.encoded)[0]["reason"]?.string == "source_rejected")
    }

    @Test func walletsOfDifferentCurrenciesDoNotMix() async throws {
        let (payer, _) = try await pair()
        let other = try await Device.enrol(Person.signUp(World.api), currency: "USD")
        let record = payer.forge { $0.payee = other.id }
        #expect(try await payer.show(record.encoded)[0]["reason"]?.string == "currency_differs")
    }

    @Test func uploadsAreBounded() async throws {
        let api = try await World.api
        let person = try await Person.signUp(api)
        let many = JSON.array(Array(repeating: "AAAA", count: 129))
        let reply = try await person.reply(.post, "/v1/offline/objects", ["objects": many])
        #expect(reply.status == 400)
        let most: JSON = ["objects": .array(Array(repeating: "AAAA", count: 128))]
        var status = 200
        for _ in 0..<160 where status == 200 {
            status = try await person.reply(.post, "/v1/offline/objects", most).status
        }
        let problem = try await person.refused(
            429, "offline_quota_exceeded", .post, "/v1/offline/objects", most)
        #expect(problem["objects_max"]?.integer == 20_000)
        // Somebody else's day is not over.
        #expect(
            try await Person.signUp(api).reply(.post, "/v1/offline/objects", most).status == 200)
    }
}
