import Cryptography
import HTTP
import OfflineProtocol
import TestSupport
import Testing

@Suite("Offline money that is spent twice", .timeLimit(.minutes(2)))
struct OfflineFraudTests {
    /// The same phone twice pays the same 500 to two people; a day has passed since they enrolled.
    private struct Fork {
        var cheat: Device
        var bob: Device
        var carol: Device
        let first: OfflinePayment
        let second: OfflinePayment
    }

    private func fork(
        in world: OfflineWorld, online: Int64 = 60, amount: UInt32 = 500
    ) async throws -> Fork {
        let own = Int64(amount)
        var devices = [
            try await world.device(money: own + online, own: own), try await world.device(),
            try await world.device(),
        ]
        try await world.pass(days: 1, &devices)
        var (cheat, bob, carol) = (devices[0], devices[1], devices[2])
        var clone = cheat
        let first = try cheat.pay(amount, to: &bob)
        let second = try clone.pay(amount, to: &carol)
        return Fork(cheat: cheat, bob: bob, carol: carol, first: first, second: second)
    }

    @Test func bothPayeesAreHonoured() async throws {
        let world = try await OfflineWorld.start(fund: 10_000)
        var fork = try await fork(in: world)
        #expect(try await fork.bob.show(fork.first.encoded).last?.status == "settled")
        let result = try await fork.carol.show(fork.second.encoded).last
        #expect(result?.status == "guaranteed")
        #expect(result?["covered"]?.integer == 500)
        // From the cheat's own money first, then from the fund, which is owed it.
        #expect(try await fork.cheat.person.available() == 0)
        let exposure = try await world.exposure()
        #expect(exposure["fund"]?.integer == 9_560)
        #expect(exposure["owed_to_fund"]?.integer == 440)
        #expect(exposure["owed_to_payees"]?.integer == 0)
        #expect(exposure["open_cases"]?.integer == 1)
        try await fork.carol.show(try fork.carol.deposit(fork.second.last.id))
        try await fork.bob.show(try fork.bob.deposit(fork.first.last.id))
        #expect(try await fork.carol.person.available() == 500)
        #expect(try await fork.bob.person.available() == 500)
        try await world.check()
    }

    @Test func theProofIsPublicAndTheWalletCutOff() async throws {
        let world = try await OfflineWorld.start(fund: 10_000)
        var fork = try await fork(in: world)
        try await world.api.refused(
            404, "offline_proof_not_found", .get, "/v1/offline/proofs/\(fork.cheat.hex)")
        try await fork.bob.show(fork.first.encoded, fork.second.encoded)

        let published = try await world.api.expect(
            200, .get, "/v1/offline/proofs/\(fork.cheat.hex)")
        let proof = try FraudProof(
            decoding: try #require(published["proofs"]?.objects.first))
        #expect(proof.conflict == .sameCounter)
        #expect(
            Set([proof.first.id, proof.second.id])
                == Set([fork.first.last.id, fork.second.last.id]))
        let issuer = try #require(
            fork.bob.issuerKeys.first { $0.number == proof.certificate.issuerKey })
        #expect(proof.holds(issuerKey: issuer.publicKey, SignatureCheck.isGood))

        let list = try await world.api.expect(200, .get, "/v1/offline/crl")
        let revoked = try RevocationList(decoding: try #require(list.object("crl")))
        #expect(revoked.wallets == [fork.cheat.id])
        #expect(SignatureCheck.isGood(revoked.check(by: issuer.publicKey)))
        let later = revoked.issuedAt + 1
        let none = try await world.api.expect(200, .get, "/v1/offline/crl?since=\(later)")
        #expect(none.object("crl") == nil)

        let answer = try await fork.cheat.sync()
        #expect(answer.object("certificate") == nil)
        #expect(answer[at: "wallet", "status"]?.string == "frozen")
        try await fork.cheat.person.refused(
            409, "offline_wallet_ended", .post,
            "/v1/offline/wallets/\(fork.cheat.hex)/topups", ["amount": 1])
        // Bob's phone, which synced, refuses the next one without asking anybody.
        #expect(try await fork.bob.sync()["proofs"]?.objects == [proof.encoded])
    }

    @Test func staffSeeBothRecordsSideBySide() async throws {
        let world = try await OfflineWorld.start()
        let fork = try await fork(in: world)
        try await fork.bob.show(fork.first.encoded, fork.second.encoded)
        let support = try await world.staff("support")
        let listed = try #require(try await support.get("/v1/staff/offline/cases").rows.first)
        #expect(listed["wallet"]?.string == fork.cheat.hex)
        #expect(listed["user_id"]?.string == fork.cheat.person.id)
        #expect(listed["overspent"]?.integer == 500)
        let found = try await support.get("/v1/staff/offline/cases/\(fork.cheat.hex)")
        let pair = try #require(found["conflicts"]?.array?.first)
        #expect(pair["kind"]?.string == "F1")
        let counters = ["first", "second"].map { pair[at: $0, "counter"]?.integer }
        #expect(counters == [1, 1])
        let payees = Set(["first", "second"].map { pair[at: $0, "payee"]?.string })
        #expect(payees == [fork.bob.hex, fork.carol.hex])
    }

    @Test func whatTheGuaranteeDoesNotCoverStaysAClaim() async throws {
        // The fund has less than it promised.
        let world = try await OfflineWorld.start(fund: 400)
        var fork = try await fork(in: world)
        try await fork.bob.show(fork.first.encoded)
        let result = try await fork.carol.show(fork.second.encoded).last
        #expect(result?.status == "short")
        #expect(result?["covered"]?.integer == 460)
        #expect(try await world.exposure()["owed_to_payees"]?.integer == 40)
        // Carol passes the value on, and the claim with it.
        var dave = try await world.device()
        let passed = try fork.carol.pay(500, to: &dave)
        let rest = try await dave.show(passed.encoded).last
        #expect(rest?.status == "short")
        #expect(rest?["covered"]?.integer == 460)
        #expect(try await dave.show(try dave.deposit(passed.last.id))[0].status == "short")
        #expect(try await dave.person.available() == 460)
        try await fork.cheat.person.refused(
            409, "offline_debt_open", .post, "/v1/offline/wallets",
            try Device.csr(of: fork.cheat.person, .generate()))

        // The cheat has money again: the fund first, then whoever holds the claim now.
        try await fork.cheat.person.topUp(1_000)
        try await world.api.advanceClock(seconds: 61)
        try await eventually("the books come to it") { try await dave.person.available() == 500 }
        #expect(try await fork.cheat.person.available() == 1_000 - 440)
        let exposure = try await world.exposure()
        #expect(exposure["fund"]?.integer == 400)
        #expect(exposure["owed_to_fund"]?.integer == 0)
        #expect(exposure["owed_to_payees"]?.integer == 0)
        try await world.check()
    }

    @Test func nobodyInsuresThemselves() async throws {
        let world = try await OfflineWorld.start(fund: 10_000)
        var devices = [try await world.device(money: 500, own: 500)]
        devices.append(try await Device.enrol(devices[0].person))
        try await world.pass(days: 1, &devices)
        var (cheat, other) = (devices[0], devices[1])
        var (clone, third) = (cheat, other)
        _ = third.ask(1)
        let first = try cheat.pay(500, to: &other)
        let second = try clone.pay(500, to: &third)
        let results = try await other.show(first.encoded, second.encoded)
        #expect(results.map(\.status) == ["known", "settled", "known", "short"])
        #expect(try await world.exposure()["fund"]?.integer == 10_000)
        try await world.check()
    }

    @Test func theFundPaysNobodyWhoCameToday() async throws {
        let world = try await OfflineWorld.start(fund: 10_000)
        var (cheat, bob, carol) = (
            try await world.device(money: 500, own: 500), try await world.device(),
            try await world.device()
        )
        var clone = cheat
        let first = try cheat.pay(500, to: &bob)
        let second = try clone.pay(500, to: &carol)
        try await bob.show(first.encoded)
        #expect(try await carol.show(second.encoded).last?.status == "short")
        #expect(try await world.exposure()["fund"]?.integer == 10_000)
        try await world.check()
    }

    @Test func aForkWithADepositIsTheSameOffence() async throws {
        let world = try await OfflineWorld.start(fund: 10_000)
        var devices = [
            try await world.device(money: 500, own: 500), try await world.device(),
        ]
        try await world.pass(days: 1, &devices)
        var (cheat, bob) = (devices[0], devices[1])
        var clone = cheat
        let payment = try cheat.pay(500, to: &bob)
        // The unlock is shown first, and matures; the payment is paid from it.
        #expect(try await clone.show(try clone.unlock(500))[0].status == "settled")
        #expect(try await clone.person.available() == 0)
        #expect(try await bob.show(payment.encoded).last?.status == "settled")
        #expect(try await world.exposure()["fund"]?.integer == 10_000)
        #expect(try await world.exposure()["open_cases"]?.integer == 1)
        try await world.check()
    }

    @Test func whoeverOnlyPassedValueOnIsNotLiable() async throws {
        let world = try await OfflineWorld.start()
        var fork = try await fork(in: world, online: 0)
        var dave = try await world.device()
        let passed = try fork.carol.pay(500, to: &dave)
        try await fork.bob.show(fork.first.encoded)
        #expect(try await dave.show(passed.encoded).last?.status == "short")
        #expect(try await fork.carol.person.available() == 0)
        #expect(try await world.exposure()["open_cases"]?.integer == 1)
        let cases = try await world.staff("support").get("/v1/staff/offline/cases").rows
        #expect(cases.map { $0["wallet"]?.string } == [fork.cheat.hex])
        try await world.check()
    }

    @Test func aRestoredBackupThatSpendsNothingTwiceIsNotPublished() async throws {
        let world = try await OfflineWorld.start()
        var (phone, bob, carol) = (
            try await world.device(money: 500, own: 500), try await world.device(),
            try await world.device()
        )
        var backup = phone
        let first = try phone.pay(100, to: &bob)
        let second = try backup.pay(200, to: &carol)
        try await bob.show(first.encoded, second.encoded)
        #expect(try await world.exposure()["open_cases"]?.integer == 1)
        try await world.api.refused(
            404, "offline_proof_not_found", .get, "/v1/offline/proofs/\(phone.hex)")
        // The person begins anew with another key.
        let next = try await Device.enrol(phone.person)
        #expect(next.id != phone.id)
        try await world.check()
    }
}
