import HTTP
import OfflineProtocol
import TestSupport
import Testing

@Suite("Deadlines of offline money", .timeLimit(.minutes(2)))
struct OfflineDeadlineTests {
    /// Longer than a first certificate with its grace, or a bucket's wait.
    private static let days: Int64 = 8

    private func start(
        _ money: Int64 = 600
    ) async throws -> (OfflineWorld, Device, Device) {
        let world = try await OfflineWorld.start(fund: 10_000)
        return (
            world, try await world.device(money: money, own: 600), try await world.device()
        )
    }

    @Test func whatALostPhoneDidNotSpendComesBack() async throws {
        let (world, phone, bob) = try await start()
        var (spending, receiving) = (phone, bob)
        let payment = try spending.pay(150, to: &receiving)
        let lost = try await phone.person.post("/v1/offline/wallets/\(phone.hex)/lost")
        #expect(lost["status"]?.string == "lost")
        let again = try await phone.person.post("/v1/offline/wallets/\(phone.hex)/lost")
        #expect(again == lost)
        try await phone.person.refused(
            409, "offline_wallet_ended", .post, "/v1/offline/wallets/\(phone.hex)/topups",
            ["amount": 1])
        let list = try await world.api.expect(200, .get, "/v1/offline/crl")
        let revoked = try RevocationList(decoding: try #require(list.object("crl")))
        #expect(revoked.wallets == [phone.id])
        // What it paid before is honoured, and a new phone begins at once.
        #expect(try await bob.show(payment.encoded).last?.status == "settled")
        _ = try await Device.enrol(phone.person)

        var devices = [phone, bob]
        try await world.pass(days: Self.days, &devices)
        let (owner, payee) = (devices[0].person, devices[1].person)
        try await eventually("the books come to it") { try await owner.available() == 450 }
        // The payee's phone was never seen again either.
        try await eventually("the books come to it") { try await payee.available() == 150 }
        try await world.check()
    }

    @Test func whatIsUnlockedMatures() async throws {
        let (world, phone, _) = try await start()
        var device = phone
        #expect(try await device.show(try device.unlock(200))[0].status == "settled")
        #expect(try await device.person.available() == 0)
        var devices = [device]
        try await world.pass(days: Self.days, &devices)
        let owner = devices[0].person
        try await eventually("the books come to it") { try await owner.available() == 600 }
        try await world.check()
    }

    @Test func whatNobodyTookComesBackAfterTheClaim() async throws {
        let (world, phone, bob) = try await start()
        var payer = phone
        var payee = bob
        let payment = try payer.pay(payee.ask(150))
        try await payer.show(payment.encoded)
        let path = "/v1/offline/xfers/\(payment.last.hex)/undelivered"
        let marked = try await payer.person.post(path)
        #expect(marked.status == "settled")
        let again = try await payer.person.post(path)
        #expect(again["undelivered_at"] == marked["undelivered_at"])
        var devices = [payer, payee]
        try await world.pass(days: Self.days, &devices)
        let owner = devices[0].person
        // With what was left in the escrow.
        try await eventually("the books come to it") { try await owner.available() == 600 }
        #expect(try await owner.fate(of: payment.last).status == "refunded")
        #expect(try await devices[1].person.available() == 0)
        try await world.check()
    }

    @Test(arguments: ["record", "acknowledgement", "next record"])
    func thePayeesWordWins(word: String) async throws {
        let (world, phone, bob) = try await start()
        var (payer, payee) = (phone, bob)
        var carol = try await world.device()
        let payment = try payer.pay(150, to: &payee)
        try await payer.show(payment.encoded)
        _ = try await payer.person.post("/v1/offline/xfers/\(payment.last.hex)/undelivered")
        switch word {
        case "record": try await payee.show(payment.encoded)
        case "acknowledgement": try await payer.show(payee.acknowledge(payment.last.id))
        default: try await carol.show(try payee.pay(150, to: &carol).last.encoded)
        }
        var devices = [payer, payee, carol]
        try await world.pass(days: Self.days, &devices)
        let (owner, receivers) = (devices[0].person, devices[1...].map(\.person))
        try await eventually("the books come to it") { try await owner.available() == 450 }
        let last = word == "next record" ? receivers[1] : receivers[0]
        try await eventually("the books come to it") { try await last.available() == 150 }
        #expect(try await owner.fate(of: payment.last).status == "settled")
        try await world.check()
    }

    @Test func aDeliveredPaymentIsNoLongerUndelivered() async throws {
        let (_, phone, bob) = try await start()
        var (payer, payee) = (phone, bob)
        let payment = try payer.pay(150, to: &payee)
        let path = "/v1/offline/xfers/\(payment.last.hex)/undelivered"
        try await payer.person.refused(404, "offline_record_not_found", .post, path)
        try await payee.show(payment.encoded)
        try await payer.person.refused(409, "offline_record_ended", .post, path)
        try await payee.person.refused(404, "offline_record_not_found", .post, path)
    }

    @Test func lateRecordsAreWorthNothingButTheirPayersWord() async throws {
        let (world, phone, bob) = try await start()
        var (payer, payee) = (phone, bob)
        let (kept, admitted) = (
            try payer.pay(100, to: &payee), try payer.pay(70, to: &payee)
        )
        var devices = [payer, payee]
        try await world.pass(days: Self.days, &devices)
        (payer, payee) = (devices[0], devices[1])
        let owner = payer.person
        try await eventually("the books come to it") { try await owner.available() == 600 }
        // Too late: the escrow has gone back, and the fund pays nothing for it.
        #expect(try await payee.show(kept.encoded).last?.status == "short")
        #expect(try await owner.available() == 600)
        // Who shows what they signed themselves admits it.
        #expect(try await payer.show(admitted.encoded).last?.status == "settled")
        #expect(try await owner.available() == 530)
        let exposure = try await world.exposure()
        #expect(exposure["fund"]?.integer == 10_000)
        #expect(exposure["open_cases"]?.integer == 0)
        let answer = try await payer.sync()
        #expect(answer[at: "wallet", "status"]?.string == "retired")
        try await world.check()
    }
}
