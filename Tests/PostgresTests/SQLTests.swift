import Postgres
import Testing
import Values

@Suite struct SQLTests {
    @Test func holesBecomePlaceholders() {
        let sql: SQL = "SELECT \(Int64(1)), \("two") WHERE \(true)"
        #expect(sql.text == "SELECT $1, $2 WHERE $3")
        #expect(sql.values.map(\.type) == [.int64, .text, .bool])
    }

    @Test func piecesAreRenumbered() {
        let filter: SQL = "a = \(Int64(1)) AND b = \(Int64(2))"
        let sql: SQL = "SELECT \("x") WHERE \(filter) OR c = \(Int64(3))"
        #expect(sql.text == "SELECT $1 WHERE a = $2 AND b = $3 OR c = $4")
        #expect(sql.values.count == 4)
    }

    @Test func piecesNestAndJoin() {
        let filters: [SQL] = ["a = \(Int64(1))", "é = \("é")", "c"]
        let joined = filters.joined(separator: " AND ")
        #expect(joined.text == "a = $1 AND é = $2 AND c")
        #expect(("WHERE (" + joined + ")").text == "WHERE (a = $1 AND é = $2 AND c)")
        let nested: SQL = "\(joined) OR \(joined)"
        #expect(nested.text == "a = $1 AND é = $2 AND c OR a = $3 AND é = $4 AND c")
        #expect([SQL]().joined(separator: ", ").text.isEmpty)
    }

    @Test func manyPlaceholdersKeepTheirPlaces() {
        let list = (0..<12).map { number in "\(Int64(number))" as SQL }.joined(separator: ",")
        let sql: SQL = "IN (\(list)) AND x = \("last")"
        #expect(sql.text == "IN ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12) AND x = $13")
    }

    @Test func identifiersAreQuoted() {
        #expect(SQL(identifier: "plain").text == "\"plain\"")
        #expect(SQL(identifier: "a\"; DROP TABLE b; --").text == "\"a\"\"; DROP TABLE b; --\"")
    }

    @Test func descriptionsDoNotHoldValues() {
        let secret = "4929 1234"
        let sql: SQL = "SELECT \(secret), \([secret]), \(Array(secret.utf8))"
        for text in ["\(sql)", String(reflecting: sql), "\(sql.values)", dumped(sql)] {
            #expect(!text.contains(secret) && !text.contains("52, 57"))
        }
        let settings = ConnectionSettings(url: "postgres://florin:\(secret)@host/db")
        #expect(!"\(settings)\(String(reflecting: settings))\(dumped(settings))".contains(secret))
    }

    private func dumped(_ value: some Any) -> String {
        var text = ""
        dump(value, to: &text)
        return text
    }
}
