import CCurl

/// One exchange in libcurl's hands. Lives on the loop's thread and nowhere else.
@safe final class OutboundTransfer {
    /// Of all header lines of one answer.
    private static let headBytesMax = 64 * 1024

    let order: OutboundOrder
    let easy: UnsafeMutableRawPointer
    private let responseBytesMax: Int
    private var headerList: UnsafeMutablePointer<curl_slist>?
    private var headers: [(name: String, value: String)] = []
    private var headBytes = 0
    private var isHeadComplete = false
    private var body: [UInt8] = []
    private var isTooLarge = false

    /// Nil when libcurl refuses an option, which it does for what it cannot parse.
    init?(_ order: OutboundOrder, responseBytesMax: Int) {
        guard let easy = unsafe curl_easy_init() else { return nil }
        self.order = order
        unsafe self.easy = easy
        self.responseBytesMax = responseBytesMax
        guard prepare(order.request) else { return nil }
    }

    deinit {
        unsafe curl_easy_cleanup(easy)
        unsafe curl_slist_free_all(headerList)
    }

    /// The transfer of a handle that is being worked on.
    static func of(_ easy: UnsafeMutableRawPointer) -> OutboundTransfer? {
        guard let context = unsafe florin_curl_get_private(easy) else { return nil }
        return unsafe Unmanaged<OutboundTransfer>.fromOpaque(context).takeUnretainedValue()
    }

    // MARK: The request

    private func prepare(_ request: OutboundRequest) -> Bool {
        set(CURLOPT_URL, request.url)
            && set(CURLOPT_PROTOCOLS_STR, "http,https")
            && set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
            && set(CURLOPT_NOSIGNAL, 1)
            && set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
            && set(CURLOPT_SSL_VERIFYPEER, 1)
            && set(CURLOPT_SSL_VERIFYHOST, 2)
            && set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
            && set(CURLOPT_FOLLOWLOCATION, 0)
            // An empty proxy is no proxy, whatever the environment says.
            && set(CURLOPT_PROXY, "")
            && (request.unixSocket.map { set(CURLOPT_UNIX_SOCKET_PATH, $0) } ?? true)
            && setTimes(request) && setMethod(request) && setHeaders(request) && setReceivers()
    }

    private func setTimes(_ request: OutboundRequest) -> Bool {
        let connect = set(CURLOPT_CONNECTTIMEOUT_MS, request.connectTimeoutMilliseconds)
        guard order.onChunk != nil else {
            return connect && set(CURLOPT_TIMEOUT_MS, request.timeoutMilliseconds)
        }
        return connect && set(CURLOPT_LOW_SPEED_LIMIT, 1)
            && set(CURLOPT_LOW_SPEED_TIME, request.silenceSecondsMax)
    }

    private func setMethod(_ request: OutboundRequest) -> Bool {
        // When a kept connection turns out dead, libcurl sends the request again on another. Only
        // what may safely be sent twice gets a kept connection.
        guard set(CURLOPT_FRESH_CONNECT, request.isIdempotent ? 0 : 1) else { return false }
        switch request.method {
        case .get where request.body.isEmpty: return set(CURLOPT_HTTPGET, 1)
        case .head: return set(CURLOPT_NOBODY, 1)
        case .delete where request.body.isEmpty, .options where request.body.isEmpty:
            return set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        default:
            return setBody(request.body) && set(CURLOPT_CUSTOMREQUEST, request.method.rawValue)
        }
    }

    private func setBody(_ body: [UInt8]) -> Bool {
        // The size first: libcurl copies as many bytes as it has been told of by then.
        let isSized = unsafe florin_curl_set_offset(
            easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count))
        guard isSized == CURLE_OK else { return false }
        // No bytes have no address, and without one libcurl would read standard input.
        guard !body.isEmpty else { return set(CURLOPT_COPYPOSTFIELDS, "") }
        return unsafe florin_curl_set_pointer(easy, CURLOPT_COPYPOSTFIELDS, body) == CURLE_OK
    }

    private func setHeaders(_ request: OutboundRequest) -> Bool {
        // libcurl's own guess at a content type and its pause for `100 Continue` are not wanted.
        var lines = ["Expect:"]
        if !request.hasHeader("Content-Type") { lines.append("Content-Type:") }
        if !request.hasHeader("User-Agent") { lines.append("User-Agent: florin") }
        // libcurl takes `Name:` for a removal, and `Name;` for a field without value.
        lines += request.headers.map { $1.isEmpty ? "\($0);" : "\($0): \($1)" }
        for line in lines {
            guard let longer = unsafe curl_slist_append(headerList, line) else { return false }
            unsafe headerList = longer
        }
        return unsafe florin_curl_set_list(easy, CURLOPT_HTTPHEADER, headerList) == CURLE_OK
    }

    private func setReceivers() -> Bool {
        // Unretained: the loop keeps this object for as long as the handle is at work.
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        for option in [CURLOPT_PRIVATE, CURLOPT_WRITEDATA, CURLOPT_HEADERDATA] {
            guard unsafe florin_curl_set_pointer(easy, option, context) == CURLE_OK else {
                return false
            }
        }
        let body: florin_curl_receiver = { bytes, size, count, context in
            unsafe OutboundTransfer.receive(bytes, size * count, context) { $0.receiveBody($1) }
        }
        let head: florin_curl_receiver = { bytes, size, count, context in
            unsafe OutboundTransfer.receive(bytes, size * count, context) { $0.receiveHead($1) }
        }
        return unsafe florin_curl_set_receiver(easy, CURLOPT_WRITEFUNCTION, body) == CURLE_OK
            && florin_curl_set_receiver(easy, CURLOPT_HEADERFUNCTION, head) == CURLE_OK
    }

    private func set(_ option: CURLoption, _ value: Int) -> Bool {
        unsafe florin_curl_set_long(easy, option, value) == CURLE_OK
    }

    private func set(_ option: CURLoption, _ value: String) -> Bool {
        unsafe florin_curl_set_text(easy, option, value) == CURLE_OK
    }

    // MARK: The answer

    /// Gives the bytes to the transfer; any number but theirs makes libcurl abort.
    private static func receive(
        _ bytes: UnsafeMutablePointer<CChar>?, _ count: Int, _ context: UnsafeMutableRawPointer?,
        _ take: (OutboundTransfer, [UInt8]) -> Bool
    ) -> Int {
        guard let context = unsafe context, let bytes = unsafe bytes else { return 0 }
        let transfer = unsafe Unmanaged<OutboundTransfer>.fromOpaque(context).takeUnretainedValue()
        let copy = unsafe [UInt8](UnsafeRawBufferPointer(start: bytes, count: count))
        guard take(transfer, copy) else {
            transfer.isTooLarge = true
            return count == 0 ? 1 : 0
        }
        return count
    }

    private func receiveHead(_ line: [UInt8]) -> Bool {
        headBytes += line.count
        guard headBytes <= Self.headBytesMax else { return false }
        if line.starts(with: "HTTP/".utf8) {
            // A final answer follows an interim one; the fields of the latter are not its fields.
            headers = []
        } else if line.elementsEqual("\r\n".utf8) || line.elementsEqual("\n".utf8) {
            isHeadComplete = status >= 200
        } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            let name = String(decoding: line[..<colon], as: UTF8.self)
            let value = line[(colon + 1)...].drop { $0 == 0x20 || $0 == 0x09 }
            let end = value.lastIndex { $0 > 0x20 }.map { $0 + 1 } ?? value.startIndex
            headers.append((name, String(decoding: value[..<end], as: UTF8.self)))
        }
        return true
    }

    private func receiveBody(_ bytes: [UInt8]) -> Bool {
        if let onChunk = order.onChunk, isSuccess {
            onChunk(bytes)
            return true
        }
        guard body.count + bytes.count <= responseBytesMax else { return false }
        body += bytes
        return true
    }

    private var status: Int { unsafe florin_curl_get_long(easy, CURLINFO_RESPONSE_CODE) }
    private var isSuccess: Bool { (200...299).contains(status) }

    /// The size counts every byte of the request that was written, over all of libcurl's attempts.
    var delivery: OutboundError.Delivery {
        unsafe florin_curl_get_long(easy, CURLINFO_REQUEST_SIZE) == 0 ? .notSent : .unknown
    }

    func outcome(_ code: CURLcode) -> OutboundOutcome {
        if isTooLarge { return .failure(.responseTooLarge) }
        guard code == CURLE_OK else { return .failure(error(code)) }
        // libcurl is content with a head that breaks off.
        guard isHeadComplete else { return .failure(.broken(delivery)) }
        return .success(OutboundResponse(status: status, headers: headers, body: body))
    }

    private func error(_ code: CURLcode) -> OutboundError {
        switch code {
        case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_LOGIN_DENIED:
            delivery == .notSent ? .invalidRequest : .broken(.unknown)
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT: .unreachable(delivery)
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR:
            .untrusted(delivery)
        case CURLE_OPERATION_TIMEDOUT: .timedOut(delivery)
        default: .broken(delivery)
        }
    }
}

extension OutboundRequest {
    fileprivate func hasHeader(_ name: String) -> Bool {
        headers.contains { ASCII.equalsIgnoringCase($0.0, name) }
    }
}
