import HTTP
import OfflineProtocol
import TestSupport
import Testing

/// People who pay each other without a network, some of them with a copied phone, and everything
/// that was signed and taken.
struct Village {
    /// One for each phone; a cheat has two that were copied from each other.
    var devices: [[Device]]
    /// What a payee has taken, with who paid whom.
    private(set) var taken: [(payer: Int, payee: Int, payment: OfflinePayment)] = []
    /// Deposits and unlocks: they move money between two pockets of one person.
    private(set) var returned: [[UInt8]] = []
    private var random: SplitMix64

    static let money: Int64 = 5_000
    static let own: Int64 = 2_000

    /// - Parameter cheats: the first ones copy their phones.
    init(
        _ count: Int, cheats: Int, in world: OfflineWorld, seed: UInt64
    ) async throws {
        random = SplitMix64(seed: seed)
        var phones: [Device] = []
        for _ in 0..<count {
            let person = try await Person.signUp(world.api, money: Self.money)
            _ = try await world.api.expect(
                200, .put, "/sandbox/standing", ["kyc_tier": 2], token: person.token)
            phones.append(try await Device.enrol(person, own: Self.own))
        }
        try await world.pass(days: 1, &phones)
        devices = phones.enumerated().map { $0 < cheats ? [$1, $1] : [$1] }
    }

    var people: [Person] { devices.map { $0[0].person } }

    func isCheat(_ index: Int) -> Bool { devices[index].count > 1 }

    // MARK: A day without a network

    mutating func live(_ steps: Int) {
        for _ in 0..<steps {
            let (payer, payee) = (index(), index())
            switch Int.random(in: 0..<20, using: &random) {
            case 0: giveBack(payer)
            case 1 where isCheat(payer): jump(payer, payee)
            default: pay(payer, payee)
            }
        }
    }

    private mutating func index() -> Int { Int.random(in: devices.indices, using: &random) }

    /// What the rules of either phone refuse does not happen.
    private mutating func pay(_ payer: Int, _ payee: Int) {
        guard payer != payee else { return }
        let copy = Int.random(in: devices[payer].indices, using: &random)
        let request = devices[payee][0].ask(UInt32.random(in: 1...400, using: &random))
        do {
            let payment = try devices[payer][copy].pay(request)
            try devices[payee][0].accept(payment)
            taken.append((payer, payee, payment))
        } catch {}
    }

    /// A changed program signs with a counter of its own choice, and totals that leave its other
    /// records out.
    private mutating func jump(_ payer: Int, _ payee: Int) {
        guard payer != payee else { return }
        let request = devices[payee][0].ask(UInt32.random(in: 1...400, using: &random))
        let cheat = devices[payer][1]
        let ahead = UInt32.random(in: 1...4, using: &random)
        let record = cheat.forge { record in
            record.payee = request.payee.wallet
            record.request = request.id
            record.counter += ahead
            record.amount = request.amount
            record.sourceSpent = request.amount
            record.sentTotal = request.amount
        }
        do {
            let payment = try OfflinePayment(
                certificates: [cheat.wallet.certificate], records: [record])
            try devices[payee][0].accept(payment)
            taken.append((payer, payee, payment))
        } catch {}
    }

    private mutating func giveBack(_ index: Int) {
        do {
            let source = devices[index][0].wallet.received.last?.record.id
            if let source, random.chance(70) {
                returned.append(try devices[index][0].deposit(source))
            } else {
                returned.append(try devices[index][0].unlock(10))
            }
        } catch {}
    }

    // MARK: What it must come to

    /// What each has in the end when everything was shown in time and the guarantee holds: what
    /// came in less what went out. Whoever overspent has nothing and owes the rest.
    var positions: [Int64] {
        var positions = devices.map { _ in Self.money }
        for (payer, payee, payment) in taken {
            let amount = payment.final.reduce(Int64(0)) { $0 + Int64($1.amount) }
            positions[payer] -= amount
            positions[payee] += amount
        }
        return positions
    }

    /// Everything that was signed, in some order, some of it several times.
    func objects(using random: inout SplitMix64) -> [[UInt8]] {
        var objects = returned
        for (_, _, payment) in taken {
            // A record alone may come long before what it draws on.
            objects.append(
                random.chance(50) ? payment.encoded : payment.last.encoded)
            objects += payment.records.map { $0.encoded }
        }
        objects += objects.filter { _ in random.chance(20) }
        return objects.shuffled(using: &random)
    }
}
