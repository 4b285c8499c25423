import CMicrohttpd
import Values

/// What the server knows of a request once its head is complete.
struct IncomingHead {
    let head: RequestHead
    /// As declared; nil when there is no body or it comes in chunks.
    let contentLength: Int?
    let expectsContinue: Bool
}

/// Copies a head out of the engine's memory, and refuses every form that two programs could read
/// as different requests (RFC 9112 §11.2, "Request Smuggling").
///
/// The engine forgives bare line feeds, folded lines, NUL and doubled spaces. It leaves the texts
/// where it received them and only overwrites the line ends, so a head without such tricks is one
/// in which every part begins exactly where the one before it must have ended. That is checked from
/// addresses; nothing outside the engine's strings is read.
struct HeadReader {
    /// Where the engine put the parts of the request line.
    struct Line {
        let method: String
        let methodAddress: UInt
        let target: String
        let targetAddress: UInt
        let version: String
        let versionAddress: UInt
    }

    private let line: Line
    private let headBytesMax: Int
    private var fields = HeaderFields()
    private var fieldsCount = 0
    private var problem: Problem?
    /// Where the next name must begin if the line before it ended in CRLF.
    private var expectedAddress: UInt
    private var hosts = 0
    private var contentLengths = 0
    private var contentLength: Int?
    private var isChunked = false
    private var expectsContinue = false

    static let fieldsMax = 100
    private static let lineEndBytes: UInt = 2

    init(line: Line, headBytesMax: Int) {
        self.line = line
        self.headBytesMax = headBytesMax
        expectedAddress = line.versionAddress + UInt(line.version.utf8.count) + Self.lineEndBytes
    }

    mutating func read(
        from connection: OpaquePointer, peer: Client, proxiesTrusted: NetworkRanges,
        ids: inout RequestIDSource
    ) throws(Problem) -> IncomingHead {
        unsafe withUnsafeMutablePointer(to: &self) {
            _ = unsafe MHD_get_connection_values_n(connection, .HEADER_KIND, collectField, $0)
        }
        if let problem { throw problem }
        let headBytes = unsafe florin_mhd_head_bytes(connection)
        try checkLine()
        try checkEnd(headBytes: headBytes)
        try checkFraming()
        guard headBytes <= headBytesMax else { throw .headTooLarge }
        let target =
            line.method == "OPTIONS" && line.target == "*"
            ? RequestTarget.asterisk : RequestTarget(line.target)
        guard let target else { throw .malformed("The address is not well-formed.") }
        let named = fields["x-request-id"].flatMap { RequestID.isSane($0) ? $0 : nil }
        let head = RequestHead(
            method: Method(rawValue: line.method), target: target, fields: fields,
            id: named ?? ids.next(),
            client: peer.behind(proxiesTrusted, fields))
        return IncomingHead(
            head: head, contentLength: contentLength, expectsContinue: expectsContinue)
    }

    // MARK: Fields

    fileprivate mutating func collect(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
    ) {
        guard problem == nil else { return }
        fieldsCount += 1
        guard fieldsCount <= Self.fieldsMax else { return problem = .headTooLarge }
        guard UInt(bitPattern: name.baseAddress) == expectedAddress else {
            return problem = .malformed("A line of the head does not end in CRLF, or is folded.")
        }
        guard unsafe !name.isEmpty, unsafe name.allSatisfy(ASCII.isToken) else {
            return problem = .malformed("A header field's name has a character it must not have.")
        }
        guard unsafe value.allSatisfy(Self.isFieldByte) else {
            return problem = .malformed("A header field has a control character.")
        }
        expectedAddress =
            UInt(bitPattern: value.baseAddress) + UInt(value.count) + Self.lineEndBytes
        unsafe note(name, value)
        unsafe fields.append(name: name, value: value)
    }

    private static func isFieldByte(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte != 0x7F || byte == 0x09
    }

    /// Remembers the fields that decide where the request ends and whom it is for.
    private mutating func note(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
        switch name.count {
        case 4 where unsafe Self.equals(name, "host"): hosts += 1
        case 6 where unsafe Self.equals(name, "expect"): expectsContinue = true
        case 14 where unsafe Self.equals(name, "content-length"):
            contentLengths += 1
            contentLength = unsafe Int(String(decoding: value, as: UTF8.self))
        case 17 where unsafe Self.equals(name, "transfer-encoding"):
            if isChunked { problem = .transferCodingNotImplemented }
            isChunked = true
            if unsafe !Self.equals(value, "chunked") { problem = .transferCodingNotImplemented }
        default: break
        }
    }

    private static func equals(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for position in bytes.indices
        where unsafe ASCII.lowercased(bytes[position]) != text.utf8Start[position] { return false }
        return true
    }

    // MARK: The whole

    private func checkLine() throws(Problem) {
        guard line.method.utf8.allSatisfy(ASCII.isToken),
            line.targetAddress == line.methodAddress + UInt(line.method.utf8.count) + 1,
            line.versionAddress == line.targetAddress + UInt(line.target.utf8.count) + 1
        else { throw .malformed("The request line is not three words with one space between.") }
        guard line.version == "HTTP/1.1" || line.version == "HTTP/1.0" else {
            throw .versionNotSupported
        }
    }

    /// The last line and the empty one after it, which no name follows.
    private func checkEnd(headBytes: Int) throws(Problem) {
        guard line.methodAddress + UInt(headBytes) == expectedAddress + Self.lineEndBytes else {
            throw .malformed("The head does not end in an empty line with CRLF.")
        }
    }

    private func checkFraming() throws(Problem) {
        guard hosts == 1 || hosts == 0 && line.version == "HTTP/1.0" else {
            throw .malformed("A request names exactly one Host.")
        }
        guard contentLengths <= 1 else { throw .malformed("Content-Length comes more than once.") }
        guard contentLengths == 0 || contentLength != nil else {
            throw .malformed("Content-Length is no number.")
        }
        guard !isChunked || contentLengths == 0 else {
            throw .malformed("Content-Length and Transfer-Encoding contradict each other.")
        }
        guard !isChunked || line.version == "HTTP/1.1" else {
            throw .malformed("HTTP/1.0 has no chunks.")
        }
    }
}

/// The engine's iterator, which carries the reader as its context.
private let collectField: MHD_KeyValueIteratorN = {
    context, _, name, nameBytes, value, valueBytes in
    guard let context = unsafe context, let name = unsafe name else { return .YES }
    // A field without a value has no address to check; MHD gives NULL for those of queries only.
    guard let value = unsafe value else { return .YES }
    let reader = unsafe context.assumingMemoryBound(to: HeadReader.self)
    unsafe reader.pointee.collect(
        UnsafeRawBufferPointer(start: name, count: nameBytes),
        UnsafeRawBufferPointer(start: value, count: valueBytes))
    return .YES
}

extension Problem {
    fileprivate static func malformed(_ detail: String) -> Problem {
        .invalidRequest(detail)
    }

    fileprivate static let versionNotSupported = Problem(
        status: 505, code: "http_version_not_supported", detail: "Speak HTTP/1.1.")
}
