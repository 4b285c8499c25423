import Peers
import Postgres
import Testing
import Values

@testable import Ledger

/// What one process says to another is what the other understands.
@Suite struct ForwardMessageTests {
    private static let leg = Leg(
        debit: AccountID(1), credit: AccountID(.max), amount: Money(-7, Currency("KES")!),
        code: TransferCode(rawValue: -3), isLimited: true, isDerived: true,
        isReturn: true)
    private static let operations: [Operation] = [
        .post(leg), .hold(leg, seconds: .min), .capture(hold: TransferID(5), amount: nil),
        .capture(hold: TransferID(5), amount: .max), .void(hold: TransferID(6)),
        .expire(hold: TransferID(7)), .reverse(TransferID(8)),
    ]
    private static let request = ForwardRequest(
        number: 9, term: 3,
        commands: [
            Command(key: .random(), operations), Command(key: .random(), [operations[0]]),
        ])

    @Test func commandsArriveAsTheyWereSent() throws {
        let arrived = try ForwardRequest(Self.request.bytes)
        #expect(arrived.number == 9)
        for (command, sent) in zip(arrived.commands, Self.request.commands) {
            #expect(command.key == sent.key)
            #expect(command.operations == sent.operations)
            #expect(command.term == 3)
        }
        #expect(arrived.commands.count == 2)
    }

    private static func line(full: Bool) -> Transfer {
        Transfer(
            id: TransferID(4), at: Timestamp(microseconds: 5), kind: full ? .capture : .hold,
            code: TransferCode(rawValue: 6), debit: AccountID(7), credit: AccountID(8), amount: 9,
            debitAfter: Balance(posted: -10, held: 11), creditAfter: Balance(posted: 12, held: 13),
            debitPrevious: 14, creditPrevious: 15, key: full ? .random() : nil, legs: -1,
            isLimited: full, settles: full ? TransferID(16) : nil,
            expiresAt: full ? nil : Timestamp(microseconds: 17))
    }

    private static let receipts = [true, false].map { isReplay in
        Receipt(transfers: [line(full: true), line(full: false)], isReplay: isReplay)
    }

    private static let refusal: LedgerRefusal = {
        var refusal = LedgerRefusal(
            .limitExceeded,
            [Fact("a", 1), Fact("b", "text"), Fact("c", ["x", "y"]), Fact("d", true)])
        refusal.operation = 3
        return refusal
    }()

    private static let answer = ForwardAnswer(
        number: 1,
        outcomes: receipts.map { .success($0) } + [
            .failure(refusal), .failure(LedgerOverloaded()),
            .failure(DatabaseError.commitUnknown), .failure(DatabaseError.closed),
        ])

    @Test func outcomesArriveAsTheyWereSent() throws {
        let arrived = try ForwardAnswer(Self.answer.bytes)
        #expect(arrived.number == 1)
        #expect(!arrived.isTermOver)
        for (outcome, sent) in zip(arrived.outcomes, Self.receipts) {
            #expect(try outcome.get().transfers == sent.transfers)
            #expect(try outcome.get().isReplay == sent.isReplay)
        }
        let failures = arrived.outcomes.dropFirst(2).compactMap { outcome in
            if case .failure(let error) = outcome { error } else { nil }
        }
        #expect(failures[0] as? LedgerRefusal == Self.refusal)
        #expect((failures[0] as? LedgerRefusal)?.operation == 3)
        #expect(failures[1] is LedgerOverloaded)
        if case DatabaseError.commitUnknown = failures[2] {} else { Issue.record("not unknown") }
        if case DatabaseError.connection = failures[3] {} else { Issue.record("not a failure") }
    }

    @Test func anyAnswerThatTheTermIsOverIsAboutAll() throws {
        let answer = ForwardAnswer(
            number: 1, outcomes: [.success(Self.receipts[0]), .failure(TermOver())])
        #expect(try ForwardAnswer(answer.bytes).isTermOver)
    }

    /// Cut anywhere, or with any byte changed, it is refused or says something else, and no more.
    @Test func whatIsDamagedBreaksNothing() {
        for bytes in [Self.request.bytes, Self.answer.bytes] {
            for length in bytes.indices {
                let cut = Array(bytes[..<length])
                #expect(throws: MessageError.self) { try ForwardRequest(cut) }
                #expect(throws: MessageError.self) { try ForwardAnswer(cut) }
                var changed = bytes
                changed[length] ^= 1 << (length % 8)
                _ = Result { try ForwardRequest(changed) }
                _ = Result { try ForwardAnswer(changed) }
            }
        }
    }
}
