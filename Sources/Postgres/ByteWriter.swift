import Values

#if canImport(Glibc)
    import Glibc
#endif

/// Lays values out in PostgreSQL's binary formats, one after another in one piece of memory.
///
/// The layouts are those of the server's `*_recv` functions: numbers in network order, arrays as
/// `array_recv` of `src/backend/utils/adt/arrayfuncs.c` reads them.
@safe
struct ByteWriter: ~Copyable {
    /// Memory that one large statement needed is given back when it exceeds this.
    static let bytesKept = 1024 * 1024

    private var memory: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var count = 0

    init() {
        capacity = 4096
        unsafe memory = .allocate(byteCount: capacity, alignment: 16)
    }

    deinit { unsafe memory.deallocate() }

    /// Valid until the next change.
    var bytes: UnsafeRawPointer { unsafe UnsafeRawPointer(memory) }

    mutating func removeAll() {
        count = 0
        if capacity > Self.bytesKept { reallocate(4096) }
    }

    /// Writes the value without a length and says whether it is a null.
    mutating func write(_ value: borrowing SQLValue) -> Bool {
        switch copy value {
        case .null, .nullOf: return false
        case .bool(let flag): put(UInt8(flag ? 1 : 0))
        case .int16(let number): put(number)
        case .int32(let number): put(number)
        case .int64(let number): put(number)
        case .text(let text): put(text)
        case .bytes(let bytes): put(bytes)
        case .uuid(let high, let low): put(high, low)
        case .timestamp(let moment): put(Self.sinceEpoch(moment))
        case .bools(let flags): putArray(flags, of: .bool) { $0.put(UInt8($1 ? 1 : 0)) }
        case .int16s(let numbers): putArray(numbers, of: .int16) { $0.put($1) }
        case .int32s(let numbers): putArray(numbers, of: .int32) { $0.put($1) }
        case .int64s(let numbers): putArray(numbers, of: .int64) { $0.put($1) }
        case .int64sOrNull(let numbers): putNullables(numbers, of: .int64) { $0.put($1) }
        case .texts(let texts): putArray(texts, of: .text) { $0.put($1) }
        case .textsOrNull(let texts): putNullables(texts, of: .text) { $0.put($1) }
        case .bytess(let pieces): putArray(pieces, of: .bytes) { $0.put($1) }
        case .bytessOrNull(let pieces): putNullables(pieces, of: .bytes) { $0.put($1) }
        case .uuids(let ids): putArray(ids, of: .uuid) { $0.put($1.high, $1.low) }
        case .uuidsOrNull(let ids): putNullables(ids, of: .uuid) { $0.put($1.high, $1.low) }
        case .timestamps(let moments):
            putArray(moments, of: .timestamp) { $0.put(Self.sinceEpoch($1)) }
        case .timestampsOrNull(let moments):
            putNullables(moments, of: .timestamp) { $0.put(Self.sinceEpoch($1)) }
        }
        return true
    }

    /// Writes the value after its length in 32 bits, or −1 for a null, as in rows of COPY.
    mutating func writeWithLength(_ value: borrowing SQLValue) {
        let start = count
        put(Int32(-1))
        if write(value) { setLength(at: start) }
    }

    // MARK: Arrays

    private mutating func putArray<Element>(
        _ elements: [Element], of type: SQLType, _ put: (inout ByteWriter, Element) -> Void
    ) {
        putArrayHead(count: elements.count, hasNulls: false, type)
        for element in elements {
            let start = count
            self.put(Int32(0))
            put(&self, element)
            setLength(at: start)
        }
    }

    private mutating func putNullables<Element>(
        _ elements: [Element?], of type: SQLType, _ put: (inout ByteWriter, Element) -> Void
    ) {
        putArrayHead(count: elements.count, hasNulls: true, type)
        for element in elements {
            let start = count
            self.put(Int32(-1))
            guard let element else { continue }
            put(&self, element)
            setLength(at: start)
        }
    }

    private mutating func putArrayHead(count: Int, hasNulls: Bool, _ type: SQLType) {
        reserve(20 + 20 * count)
        put(Int32(count == 0 ? 0 : 1))  // dimensions
        put(Int32(hasNulls ? 1 : 0))
        put(type.oid)
        guard count > 0 else { return }
        put(Int32(count))
        put(Int32(1))  // the index of the first element
    }

    // MARK: Plain values

    /// PostgreSQL counts microseconds from 2000-01-01.
    static let epochMicroseconds: Int64 = 946_684_800_000_000

    /// A moment before the server's calendar becomes one that the server refuses, and never
    /// `-infinity`, whose bits are those of `Int64.min`.
    private static func sinceEpoch(_ moment: Timestamp) -> Int64 {
        let (since, overflow) = moment.microseconds.subtractingReportingOverflow(epochMicroseconds)
        return overflow ? .min + 1 : max(since, .min + 1)
    }

    @inline(__always)
    mutating func put(_ number: some FixedWidthInteger & BitwiseCopyable) {
        let size = number.bitWidth / 8
        reserve(size)
        unsafe memory.storeBytes(of: number.bigEndian, toByteOffset: count, as: type(of: number))
        count += size
    }

    private mutating func put(_ high: UInt64, _ low: UInt64) {
        put(high)
        put(low)
    }

    private mutating func put(_ text: String) {
        var text = text
        text.withUTF8 { unsafe put(UnsafeRawBufferPointer($0)) }
    }

    private mutating func put(_ bytes: [UInt8]) {
        unsafe bytes.withUnsafeBytes { unsafe put($0) }
    }

    mutating func put(_ source: UnsafeRawBufferPointer) {
        guard let base = source.baseAddress else { return }
        reserve(source.count)
        unsafe memory.advanced(by: count).copyMemory(from: base, byteCount: source.count)
        count += source.count
    }

    private mutating func setLength(at start: Int) {
        let length = Int32(count - start - 4).bigEndian
        unsafe memory.storeBytes(of: length, toByteOffset: start, as: Int32.self)
    }

    // MARK: Memory

    @inline(__always)
    private mutating func reserve(_ more: Int) {
        if count + more > capacity { reallocate(max(count + more, capacity * 2)) }
    }

    private mutating func reallocate(_ size: Int) {
        let grown = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        unsafe grown.copyMemory(from: memory, byteCount: count)
        unsafe memory.deallocate()
        unsafe memory = grown
        capacity = size
    }
}
