internal import Postgres

/// The books in a plain dump, without a server.
///
/// Rows may stand in any order in a dump. Where they stand is kept for each table that is read in
/// order: eight bytes a row while their numbers follow one another, sixteen otherwise.
final class DumpBooks: BookSource {
    private let file: DumpFile
    private let reversed: Set<Int64>
    private var orders: [String: RowOrder] = [:]

    init(_ path: String) throws {
        file = try DumpFile.open(path)
        let columns: [StaticString] = ["id", "kind", "settles"]
        let reader = try DumpReader(file, Transfer.table, columns: columns)
        var (order, reversed) = (RowOrder(), Set<Int64>())
        try Self.readable(Transfer.table, columns) {
            try reader.eachRow { place in
                order.append(number: try reader.int64(), place: place)
                let kind = try reader.int16()
                guard kind == TransferKind.reversal.rawValue else { return }
                if let settles = try reader.int64OrNull() { reversed.insert(settles) }
            }
        }
        order.sort()
        orders[Transfer.table.description] = order
        self.reversed = reversed
    }

    func reversedLines() throws -> Set<Int64> { reversed }

    func linesCount() throws -> Int64 {
        Int64(orders[Transfer.table.description]?.count ?? 0)
    }

    @discardableResult
    func each<Row: BookRow>(
        _ rows: Row.Type, in range: ClosedRange<Int64>, limit: Int64,
        _ body: (Row) throws -> Void
    ) throws -> Int {
        let order = try order(of: rows)
        var reader = try DumpReader(file, rows.table, columns: rows.columns)
        var count = 0
        for place in order.places(in: range) {
            guard Int64(count) < limit else { break }
            try Self.readable(rows.table, rows.columns) { try reader.stand(at: place) }
            try body(Row.read(&reader))
            count += 1
        }
        return count
    }

    private func order<Row: BookRow>(of rows: Row.Type) throws -> RowOrder {
        let table = rows.table.description
        if let known = orders[table] { return known }
        let reader = try DumpReader(file, rows.table, columns: [rows.columns[0]])
        var order = RowOrder()
        try Self.readable(rows.table, rows.columns) {
            try reader.eachRow { order.append(number: try reader.int64(), place: $0) }
        }
        order.sort()
        orders[table] = order
        return order
    }

    private static func readable(
        _ table: StaticString, _ columns: [StaticString], _ body: () throws -> Void
    ) throws {
        do {
            try body()
        } catch DatabaseError.decoding(let column, let expected) {
            throw UnreadableRow(table, columns, column: column, expected: expected)
        }
    }
}

/// Where the rows of a table stand in a file, by number.
struct RowOrder {
    /// The number of the first row, while each has the next number.
    private var first: Int64 = 0
    /// Places of rows that follow one another, until one does not.
    private var consecutive: [Int] = []
    /// All rows, once one did not follow.
    private var others: [(number: Int64, place: Int)] = []

    var count: Int { consecutive.count + others.count }

    mutating func append(number: Int64, place: Int) {
        if others.isEmpty {
            if consecutive.isEmpty { first = number }
            let (next, overflow) = first.addingReportingOverflow(Int64(consecutive.count))
            if !overflow, number == next { return consecutive.append(place) }
            others = consecutive.enumerated().map { (first + Int64($0.offset), $0.element) }
            consecutive = []
        }
        others.append((number, place))
    }

    /// Equal numbers stay in the order of the file.
    mutating func sort() {
        others.sort { ($0.number, $0.place) < ($1.number, $1.place) }
    }

    /// The places of the rows with these numbers, in the order of the numbers.
    func places(in range: ClosedRange<Int64>) -> Places {
        let isConsecutive = others.isEmpty
        let low = position(of: range.lowerBound)
        let high =
            range.upperBound == .max ? count : max(low, position(of: range.upperBound + 1))
        return Places(order: self, isConsecutive: isConsecutive, positions: low..<high)
    }

    /// Where the first row of at least this number comes.
    private func position(of number: Int64) -> Int {
        if others.isEmpty {
            guard number > first else { return 0 }
            return Int(min(Int128(number) - Int128(first), Int128(consecutive.count)))
        }
        var (low, high) = (0, others.count)
        while low < high {
            let middle = low + (high - low) / 2
            if others[middle].number < number { low = middle + 1 } else { high = middle }
        }
        return low
    }

    struct Places: Sequence, IteratorProtocol {
        fileprivate let order: RowOrder
        fileprivate let isConsecutive: Bool
        fileprivate var positions: Range<Int>

        mutating func next() -> Int? {
            guard let position = positions.first else { return nil }
            positions = positions.dropFirst()
            return isConsecutive ? order.consecutive[position] : order.others[position].place
        }
    }
}
