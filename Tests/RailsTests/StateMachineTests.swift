import FoundationEssentials
import Ledger
import Postgres
import Rails
import TestSupport
import Testing
import Values

@Suite("The state machine of money in and out")
struct StateMachineTests {
    @Test func theDatabaseHasTheSameMoves() async throws {
        let made = try await TestPostgres.database(migrations: RailsWorld.migrations)
        let stored = try made.connection().query(
            "SELECT kind, from_state, to_state FROM rails.moves"
        ).map { row in [try row[0] as String, try row[1], try row[2]] }
        let known = RailMove.all.map { [$0.kind.rawValue, $0.from.rawValue, $0.to.rawValue] }
        #expect(Set(stored) == Set(known))
        #expect(known.count == Set(known).count)
    }

    @Test func thePictureIsOfThisMachine() throws {
        let root = #filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/" + $1 }
        let page = try String(
            decoding: Data(contentsOf: URL(filePath: root + "/docs/rails.md")), as: UTF8.self)
        for kind in RailKind.allCases {
            let picture = "```mermaid\n" + RailMove.picture(kind) + "```"
            #expect(page.contains(picture), "docs/rails.md should show:\n\(picture)")
        }
    }

    @Test func everyStateIsReachedAndOnlyFinalOnesAreClosed() {
        for kind in RailKind.allCases {
            let moves = RailMove.all.filter { $0.kind == kind }
            var reached: Set<RailState> = [.created]
            while true {
                let more = moves.filter { reached.contains($0.from) }.map(\.to)
                guard !reached.isSuperset(of: more) else { break }
                reached.formUnion(more)
            }
            #expect(reached == Set(moves.flatMap { [$0.from, $0.to] }))
            for state in reached where state.isOpen {
                #expect(moves.contains { $0.from == state }, "\(state) is open and leads nowhere")
            }
        }
    }

    /// Every pair of states, in the database: what the table has not is refused there.
    @Test func theDatabaseRefusesEveryOtherMove() async throws {
        try await RailsWorld.run { world in
            let payer = try await world.person(money: 500_000)
            let topUp = try await world.topUp(10_000, by: payer)
            let connection = try Connection.open(world.settings)
            for from in RailState.allCases {
                for to in RailState.allCases where from != to {
                    let isLegal = RailMove.isLegal(.topUp, from: from, to: to)
                    let refusal = Self.move(topUp, from, to, connection)
                    #expect(
                        refusal?.contains("does not move") != isLegal,
                        "\(from) to \(to): \(refusal ?? "done")")
                }
            }
        }
    }

    /// Only the trigger's answer counts: the row that it is tried on is put there without it.
    private static func move(
        _ payment: RailPayment, _ from: RailState, _ to: RailState, _ connection: Connection
    ) -> String? {
        do {
            try connection.run(unprepared: "BEGIN")
            defer { do { try connection.run(unprepared: "ROLLBACK") } catch {} }
            for statement in [
                "ALTER TABLE rails.payments DISABLE TRIGGER payments_move" as SQL,
                """
                UPDATE rails.payments SET state = \(from.rawValue), called_at = now(),
                    transfer = CASE WHEN \([.settled, .reversed, .chargedBack].contains(from))
                        THEN 1 END,
                    failure = CASE WHEN \(from == .failed) THEN 'refused' END
                WHERE id = \(payment.id)
                """,
            ] { try connection.execute(statement) }
            try connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
            try connection.execute("ALTER TABLE rails.payments ENABLE TRIGGER payments_move")
            try connection.execute(
                """
                UPDATE rails.payments SET state = \(to.rawValue), version = version + 1,
                    due_at = now(),
                    transfer = CASE WHEN \([.settled, .reversed, .chargedBack].contains(to))
                        THEN 1 END,
                    failure = CASE WHEN \(to == .failed) THEN 'refused' END
                WHERE id = \(payment.id)
                """)
            return nil
        } catch { return error.debugDescription }
    }

    @Test func aPaymentKeepsWhatItIsAndHasAStepForEachChange() async throws {
        try await RailsWorld.run { world in
            let payer = try await world.person()
            let topUp = try await world.topUp(10_000, by: payer)
            let connection = try Connection.open(world.settings)
            for statement in [
                "UPDATE rails.payments SET amount = 20000 WHERE id = \(topUp.id)" as SQL,
                "UPDATE rails.payments SET wallet = wallet + 1 WHERE id = \(topUp.id)",
                "UPDATE rails.payments SET version = version + 2 WHERE id = \(topUp.id)",
                "UPDATE rails.payments SET version = version + 1 WHERE id = \(topUp.id)",
                "UPDATE rails.payments SET state = 'settled' WHERE id = \(topUp.id)",
                "DELETE FROM rails.payments WHERE id = \(topUp.id)",
                "UPDATE rails.steps SET detail = 'x' WHERE payment = \(topUp.id)",
                "DELETE FROM rails.steps WHERE payment = \(topUp.id)",
                "DELETE FROM rails.moves",
                "INSERT INTO rails.moves VALUES ('top_up', 'created', 'settled')",
            ] {
                #expect(throws: DatabaseError.self, "\(statement)") {
                    try connection.execute(statement)
                }
            }
        }
    }
}
