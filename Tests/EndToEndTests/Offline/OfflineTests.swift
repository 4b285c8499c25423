import HTTP
import OfflineProtocol
import TestSupport
import Testing

@Suite("Offline payments", .timeLimit(.minutes(2)))
struct OfflineTests {
    /// Two people with phones: the first has 1000 online and 600 of it locked.
    private func pair() async throws -> (Device, Device) {
        let api = try await World.api
        let payer = try await Device.enrol(Person.signUp(api, money: 1_000), own: 600)
        return (payer, try await Device.enrol(Person.signUp(api)))
    }

    @Test func whatIsLockedIsNoLongerOnline() async throws {
        let (payer, payee) = try await pair()
        #expect(try await payer.person.available() == 400)
        let certificate = payer.wallet.certificate
        #expect(certificate.ownLimit == 600)
        #expect(certificate.outLimit > certificate.ownLimit)
        #expect(certificate.currency == 404)
        #expect(payee.wallet.certificate.ownLimit == 0)
        #expect(payer.wallet.ownAvailable == 600)
    }

    /// Nobody has asked for the issuer's keys before, and all do at once.
    @Test func theFirstToComeAgreeOnTheKeys() async throws {
        let world = try await OfflineWorld.start()
        var people: [Person] = []
        for _ in 0..<6 { people.append(try await Person.signUp(world.api)) }
        let devices = try await withThrowingTaskGroup(of: Device.self) { group in
            for person in people { group.addTask { try await Device.enrol(person) } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let keys = devices[0].issuerKeys
        #expect(keys.count == 1)
        for device in devices {
            #expect(device.issuerKeys == keys)
            let certificate = device.wallet.certificate
            #expect(SignatureCheck.isGood(certificate.check(by: keys[0].publicKey)))
        }
    }

    @Test(arguments: [true, false])
    func eitherSideSettles(payerFirst: Bool) async throws {
        var (payer, payee) = try await pair()
        let payment = try payer.pay(250, to: &payee)
        let (first, second) = payerFirst ? (payer, payee) : (payee, payer)
        let results = try await first.show(payment.encoded)
        #expect(results.map(\.status) == ["known", "settled"])
        #expect(results[1]["covered"]?.integer == 250)
        #expect(try await second.show(payment.encoded) == results)

        let deposit = try payee.deposit(payment.last.id)
        #expect(try await payee.show(deposit).map(\.status) == ["settled"])
        #expect(try await payee.person.available() == 250)
        // Once more, by somebody else, changes nothing.
        #expect(try await payer.show(deposit, payment.encoded).count == 3)
        #expect(try await payee.person.available() == 250)
        #expect(try await payer.person.available() == 400)
    }

    @Test func anyoneMayCarryARecord() async throws {
        var (payer, payee) = try await pair()
        let stranger = try await Person.signUp(World.api)
        let payment = try payer.pay(100, to: &payee)
        #expect(try await stranger.upload(payment.encoded).last?.status == "settled")
        try await stranger.refused(
            404, "offline_record_not_found", .get, "/v1/offline/xfers/\(payment.last.hex)")
        let fate = try await payee.person.fate(of: payment.last)
        let receipt = try OfflineReceipt(decoding: try #require(fate.object("receipt")))
        #expect(receipt.record == payment.last.id)
        #expect(receipt.status == .settled)
        #expect(receipt.covered == 100)
        let issuer = try #require(
            payer.issuerKeys.first { $0.number == receipt.issuerKey })
        #expect(SignatureCheck.isGood(receipt.check(by: issuer.publicKey)))
    }

    @Test func valueIsPassedOnBeforeAnybodyWasOnline() async throws {
        var (alice, bob) = try await pair()
        var carol = try await Device.enrol(Person.signUp(World.api))
        let first = try alice.pay(300, to: &bob)
        let second = try bob.pay(120, to: &carol)
        // The last holder alone, and first without what it draws on.
        #expect(try await carol.show(second.last.encoded).map(\.status) == ["waiting_source"])
        #expect(try await carol.person.fate(of: second.last).status == "waiting_source")
        #expect(try await carol.show(first.last.encoded).map(\.status) == ["settled"])
        #expect(try await carol.person.fate(of: second.last).status == "settled")

        #expect(try await carol.show(try carol.deposit(second.last.id))[0].status == "settled")
        #expect(try await bob.show(try bob.deposit(first.last.id))[0].status == "settled")
        #expect(try await carol.person.available() == 120)
        #expect(try await bob.person.available() == 180)
    }

    @Test func aTillIsPaidAtOnce() async throws {
        var (payer, _) = try await pair()
        let shop = try await Person.signUp(World.api)
        var till = try await Device.enrol(shop, isReceiveOnly: true)
        let payment = try payer.pay(75, to: &till)
        #expect(try await payer.show(payment.encoded).last?.status == "settled")
        #expect(try await shop.available() == 75)
        // Its program never signs, but if one did, nothing would be paid twice.
        let deposit = till.forge { record in
            record.source = payment.last.id
            record.hop = 2
            (record.amount, record.sourceSpent, record.sentTotal) = (75, 75, 75)
        }
        #expect(try await till.show(deposit.encoded)[0].status == "settled")
        #expect(try await shop.available() == 75)
        try await shop.refused(
            409, "offline_wallet_receives_only", .post,
            "/v1/offline/wallets/\(till.hex)/topups", ["amount": 1])
    }

    @Test func aSyncDoesEverythingAndMayBeRepeated() async throws {
        var (payer, payee) = try await pair()
        let payment = try payer.pay(250, to: &payee)
        let answer = try await payer.sync(topUpTo: 500)
        #expect(answer["locked"]?.integer == 500)
        #expect(try await payer.person.available() == 250)
        #expect(answer["missing"]?.array == [])
        #expect(answer["receipts"]?.objects.count == 1)
        #expect(payer.wallet.certificate.ownLimit == 750)
        #expect(payer.wallet.ownAvailable == 500)
        let again = try await payer.sync(topUpTo: 500)
        #expect(again["locked"]?.integer == 500)
        #expect(try await payer.person.available() == 250)

        // The payee learns of it without having shown anything.
        let other = try await payee.person.post(
            "/v1/offline/sync", ["wallet": .string(payee.hex), "objects": []], status: 200)
        #expect(other["incoming"]?.objects == [payment.last.encoded])
    }

    @Test func gapsAreAskedFor() async throws {
        var (payer, payee) = try await pair()
        let payments = try [10, 20, 30].map { try payer.pay($0, to: &payee) }
        try await payee.show(payments[2].encoded)
        let answer = try await payer.person.post(
            "/v1/offline/sync",
            ["wallet": .string(payer.hex), "objects": [], "head": 3], status: 200)
        #expect(answer["missing"]?.array == [1, 2])
        // What was not shown is not counted: the limits stay as they were.
        let certificate = try Certificate(
            decoding: try #require(answer.object("certificate")))
        #expect(certificate.outLimit == payer.wallet.certificate.outLimit)
        #expect(certificate.counterMax == payer.wallet.certificate.counterMax)
    }

    @Test func aDeclineGivesBackAtOnce() async throws {
        var (payer, payee) = try await pair()
        let payment = try payer.pay(200, to: &payee)
        // The payee's word may come before the record.
        let decline = payee.decline(payment.last.id)
        #expect(try await payee.show(decline).map(\.status) == ["known"])
        #expect(try await payer.show(payment.encoded).last?.status == "declined")
        #expect(try await payer.person.available() == 600)
        // A decline of somebody else is nothing.
        let other = try payer.pay(50, to: &payee)
        try await payer.show(other.encoded)
        try await payer.show(payer.decline(other.last.id))
        #expect(try await payee.person.fate(of: other.last).status == "settled")
        let body: JSON = ["decline": .string(payee.decline(other.last.id).text)]
        let path = "/v1/offline/xfers/\(other.last.hex)/decline"
        let forged: JSON = ["decline": .string(payer.decline(other.last.id).text)]
        try await payee.person.refused(422, "offline_decline_invalid", .post, path, forged)
        #expect(try await payee.person.post(path, body).status == "declined")
        #expect(try await payer.person.available() == 650)
    }

    @Test func movementsCannotBeSentBackOnline() async throws {
        var (payer, payee) = try await pair()
        let payment = try payer.pay(200, to: &payee)
        try await payee.show(payment.encoded, try payee.deposit(payment.last.id))
        let entry = try #require(try await payee.person.history().first)
        #expect(entry["purpose"]?.string == "offline_return")
        try await payee.person.refused(
            409, "transfer_not_reversible", .post, "/v1/transfers/\(entry.id)/reversals")
        #expect(try await payee.person.available() == 200)
    }
}

extension [UInt8] {
    var text: String { JSON.objects([self]).array?[0].string ?? "" }
}
