import Cryptography
import Identity
import Ledger
import OfflineProtocol
import Testing
import Values

@testable import Offline

/// The rules that the slice's SQL asks: each is a value of values.
@Suite("Offline rules")
struct RulesTests {
    private static let now = Timestamp(seconds: 1_790_000_000)
    private static let later = now.adding(seconds: 60)
    private static let earlier = now.adding(seconds: -60)
    private static let currency = Currency("KES")!

    // MARK: Letting go

    private func record(
        to payee: WalletID = WalletID(2), _ change: (inout StoredRecord) -> Void = { _ in }
    ) -> StoredRecord {
        let body = SpendRecord(
            payer: WalletID(1), payee: payee, counter: 1, amount: 100, sourceSpent: 100,
            sentTotal: 100, time: Self.now.seconds, hop: 1, source: .none,
            request: ObjectID(1, 1), previous: ObjectID(2, 2))
        var record = StoredRecord(
            id: body.id, logIndex: 1, record: body, currency: Self.currency, bucket: AccountID(9),
            state: .settled, rejection: nil, outcome: .settled, paid: 100, drawn: 0, released: 0,
            returned: 0, isShownByPayer: true, isShownByOthers: false, undeliveredAt: nil,
            returnDue: nil, declinedAt: nil, maturesAt: nil, seenAt: Self.now,
            settledAt: Self.now, closedAt: nil)
        change(&record)
        return record
    }

    private func emptying(
        _ record: StoredRecord, isUnseen: Bool = true, payeeClaimBy: Timestamp? = later
    ) -> Emptying? {
        Emptying(record, isUnseen: isUnseen, payeeClaimBy: payeeClaimBy, at: Self.now)
    }

    @Test func aBucketIsThePayeesUntilTheirTimeIsOver() {
        #expect(emptying(record()) == nil)
        #expect(emptying(record(), payeeClaimBy: Self.now) == .released)
        #expect(emptying(record { $0.closedAt = Self.earlier }, payeeClaimBy: Self.now) == nil)
        #expect(emptying(record { $0.state = .pending }, payeeClaimBy: Self.now) == nil)
    }

    @Test func whatNobodyTookGoesBackWhenItIsDue() {
        func givenUp(due: Timestamp) -> StoredRecord {
            record { ($0.undeliveredAt, $0.returnDue) = (Self.earlier, due) }
        }
        #expect(emptying(givenUp(due: Self.later)) == nil)
        #expect(emptying(givenUp(due: Self.now)) == .refunded)
        // Not even when the payee's own time is over before.
        #expect(emptying(givenUp(due: Self.later), payeeClaimBy: Self.now) == nil)
        // Whoever has it keeps it.
        #expect(emptying(givenUp(due: Self.now), isUnseen: false) == nil)
        #expect(
            emptying(givenUp(due: Self.now), isUnseen: false, payeeClaimBy: Self.now) == .released)
    }

    @Test func whatIsDeclinedGoesBackAtOnce() {
        #expect(emptying(record { $0.declinedAt = Self.now }, isUnseen: false) == .declined)
        #expect(
            emptying(record { $0.declinedAt = Self.now }, payeeClaimBy: Self.earlier) == .declined)
    }

    @Test func depositsMature() {
        func deposit(_ due: Timestamp?) -> StoredRecord {
            record(to: .issuer) { $0.maturesAt = due }
        }
        #expect(emptying(deposit(Self.later), payeeClaimBy: nil) == nil)
        #expect(emptying(deposit(Self.now), payeeClaimBy: nil) == .matured)
        #expect(emptying(deposit(nil), payeeClaimBy: nil) == nil)
    }

    // MARK: Debts and the fund

    @Test func claimsArePaidInTheirOrder() {
        #expect(Repayment.parts(of: 100, among: [30, 50, 40]) == [30, 50, 20])
        #expect(Repayment.parts(of: 10, among: [30, 50]) == [10, 0])
        #expect(Repayment.parts(of: 500, among: [30, 50]) == [30, 50])
        #expect(Repayment.parts(of: 0, among: [30]) == [0])
    }

    @Test func theFundPaysNobodyWhoIsNewOrHasCheated() {
        let old = Self.now.adding(seconds: -OfflinePolicy.payeeAgeSecondsMin)
        func room(_ paid: Int64, _ since: Timestamp?, _ hasCheated: Bool = false) -> Int64 {
            OfflinePolicy.payeeRoom(
                cap: 300, paid: paid, since: since, hasCheated: hasCheated, Self.now)
        }
        #expect(room(0, old) == 300)
        #expect(room(120, old) == 180)
        #expect(room(300, old) == 0 && room(400, old) == 0)
        #expect(room(0, nil) == 0)
        #expect(room(0, old.adding(seconds: 1)) == 0)
        #expect(room(0, old, true) == 0)
    }

    // MARK: Certificates

    private func wallet(_ change: (inout DeviceWallet) -> Void = { _ in }) -> DeviceWallet {
        var wallet = DeviceWallet(
            id: WalletID(7), owner: ID(high: 1, low: 1), currency: Self.currency,
            publicKey: SigningKey.seeded(1).compressed, nameSalt: ObjectID(1, 2).bytes,
            isReceiveOnly: false, escrow: AccountID(1), online: AccountID(2), status: .live,
            ownLimit: 500, outLimit: 0, perTransfer: 0, guarantee: 0, counterMax: 0, hopsMax: 0,
            guaranteeUsed: 0, instantDepositMax: 0, instantUnlockMax: 0, claimBy: Self.now)
        change(&wallet)
        return wallet
    }

    private func certificate(
        _ wallet: DeviceWallet, _ tier: OfflinePolicy.Tier = .known, seen: SeenChain? = nil,
        promisedByOthers: Int64 = 0
    ) -> Certificate {
        let policy = OfflinePolicy(unitWorth: [:])
        return Certificate(
            of: wallet, policy.terms(of: tier, in: Self.currency),
            seen ?? SeenChain(counter: 3, sentTotal: 200, ownSpent: 150),
            promisedByOthers: promisedByOthers, 1, name: "a", Self.now)
    }

    @Test func aCertificateAllowsWhatIsLeftAndWhatMayBePassedOn() {
        let first = certificate(wallet())
        #expect(first.ownLimit == 500)
        // What was sent, what is left of the own, and what may be received and passed on.
        #expect(first.outLimit == 200 + 350 + 5_000)
        #expect(first.counterMax == 43)
        #expect(first.perTransfer == 2_000 && first.guarantee == 2_500 && first.hopsMax == 3)
        #expect(first.claimBy == UInt64(Self.now.seconds) + 10 * 86_400)
    }

    @Test func itsNumbersOnlyRise() {
        let before = wallet {
            ($0.outLimit, $0.perTransfer, $0.guarantee) = (90_000, 5_000, 10_000)
            ($0.counterMax, $0.hopsMax) = (80, 3)
        }
        let next = certificate(before, .new)
        #expect(next.outLimit == 90_000 && next.perTransfer == 5_000 && next.guarantee == 10_000)
        #expect(next.counterMax == 80 && next.hopsMax == 3)
    }

    @Test func aPersonHasOneGuarantee() {
        #expect(certificate(wallet(), promisedByOthers: 1_000).guarantee == 1_500)
        #expect(certificate(wallet(), promisedByOthers: 9_000).guarantee == 0)
    }
}
