internal import Postgres

// Terms: who is the usual writer, and since when.

extension LedgerStore {
    static let newestTerm: SQL = """
        SELECT h.term, t.address
        FROM ledger.head h LEFT JOIN ledger.terms t ON t.number = h.term WHERE h.id = 1
        """

    /// Ends a term and begins the next. It moves the fence, so that whoever decides on a picture of
    /// the old term writes nothing, and its next picture shows the new one.
    static func beginTerm(after term: Int64, address: String?) -> SQL {
        """
        WITH head AS (
            UPDATE ledger.head SET version = version + 1, term = term + 1
            WHERE id = 1 AND term = \(term) RETURNING term
        )
        INSERT INTO ledger.terms (number, address) SELECT term, \(address) FROM head
        RETURNING number
        """
    }
}

extension BatchWriter {
    func newestTerm() throws(DatabaseError) -> (number: Int64, address: String?) {
        let row = try connected().query(LedgerStore.newestTerm)[0]
        return (try row[0], try row[1])
    }

    /// False when another process was faster.
    func beginTerm(after term: Int64, address: String?) throws(DatabaseError) -> Bool {
        let rows = try connected().query(LedgerStore.beginTerm(after: term, address: address))
        cache.forgetHeads()
        return !rows.isEmpty
    }
}
