/// Which statements the server has parsed for this connection, under which names.
struct StatementCache {
    /// A statement costs the server some tens of kilobytes, so the least used one makes room.
    static let statementsMax = 256

    final class Statement {
        let name: String
        let text: String
        let types: [UInt32]
        var isPrepared = false
        fileprivate var lastUse = 0

        fileprivate init(name: String, text: String, types: [UInt32]) {
            self.name = name
            self.text = text
            self.types = types
        }

        /// Whether values of these types can be sent to it; a null fits everywhere.
        fileprivate func fits(_ values: [SQLValue]) -> Bool {
            for (type, value) in zip(types, values) {
                let offered = value.type.oid
                guard offered == type || offered == 0 else { return false }
            }
            return true
        }
    }

    /// By text; the same text with other types of values is another statement to the server.
    private var statements: [String: [Statement]] = [:]
    private var count = 0
    private var uses = 0
    private var namesGiven = 0

    /// Names of statements that made room and that the server still holds.
    private(set) var retired: [String] = []

    /// The statement for this text and these types of values: a new one is not prepared yet.
    mutating func statement(for sql: SQL) -> Statement {
        uses += 1
        if let known = statements[sql.text]?.first(where: { $0.fits(sql.values) }) {
            known.lastUse = uses
            return known
        }
        if count >= Self.statementsMax { retireLeastUsed() }
        return add(sql)
    }

    private mutating func add(_ sql: SQL) -> Statement {
        namesGiven += 1
        count += 1
        let statement = Statement(
            name: "f\(namesGiven)", text: sql.text, types: sql.values.map(\.type.oid))
        statement.lastUse = uses
        statements[sql.text, default: []].append(statement)
        return statement
    }

    private mutating func retireLeastUsed() {
        let all = statements.values.joined()
        guard let oldest = all.min(by: { $0.lastUse < $1.lastUse }) else { return }
        forget(oldest)
        if oldest.isPrepared { retired.append(oldest.name) }
    }

    mutating func forget(_ statement: Statement) {
        guard var variants = statements[statement.text],
            let place = variants.firstIndex(where: { $0 === statement })
        else { return }
        variants.remove(at: place)
        count -= 1
        statements[statement.text] = variants.isEmpty ? nil : variants
    }

    /// Names are never used twice, so what the server may still hold does no harm.
    mutating func forgetAll() {
        statements.removeAll()
        retired.removeAll()
        count = 0
    }

    mutating func takeRetired() -> [String] {
        defer { retired.removeAll() }
        return retired
    }
}
