import HTTP

/// One call of the API, before it is sent.
struct Call: Sendable {
    var method = Method.get
    var path: String
    var query: [(name: String, value: String?)] = []
    var body: JSON?
    /// A body that is no JSON, and its media type.
    var file: (bytes: [UInt8], type: String)?
    /// The name of the command; the same at every attempt.
    var key: String?
    /// Whether it is made without logging in.
    var isOpen = false
    var headers: [(String, String)] = []

    /// Whether making it twice has the effect of making it once.
    var isRepeatable: Bool { method == .get || key != nil }
}

/// A successful answer.
struct Answer: Sendable {
    let status: Int
    let fields: Fields
    let isReplay: Bool

    func read<Value>(
        _ read: (Fields) throws(Fields.Missing) -> Value
    ) throws(FlorinError) -> Value {
        do { return try read(fields) } catch { throw .unreadable(status: status) }
    }
}

/// Makes calls: adds the token and renews it, repeats what may be repeated, turns answers into
/// values and everything else into `FlorinError`.
struct Exchange: Sendable {
    static let attemptsMax = 4
    static let pauseMillisecondsFirst: Int64 = 200
    /// A server that wants more patience than this gets the caller's, not ours.
    static let pauseSecondsMax: Int64 = 10

    let server: String
    let unixSocket: String?
    let http: HTTPClient
    let tokens: TokenKeeper

    func perform(_ call: Call) async throws -> Answer {
        var attempt = 1
        var mayHaveArrived = false
        while true {
            do { return try await attemptOnce(call) } catch let error as FlorinError {
                mayHaveArrived = mayHaveArrived || error.isOutcomeUnknown
                guard attempt < Self.attemptsMax, let pause = pause(call, error, attempt) else {
                    throw error.after(mayHaveArrived: mayHaveArrived)
                }
                try await Task.sleep(for: pause)
                attempt += 1
            }
        }
    }

    /// How long to wait before the next attempt, or nil when there must be none.
    private func pause(_ call: Call, _ error: FlorinError, _ attempt: Int) -> Duration? {
        let usual = Self.pauseMillisecondsFirst << (attempt - 1)
        // Half of it at random, so that many clients do not come back together.
        let jittered = Duration.milliseconds(Int64.random(in: usual / 2...usual))
        switch error {
        case .network(let failure, let mayHaveArrived):
            guard ![.badAddress, .untrusted, .answerTooLarge].contains(failure) else { return nil }
            return call.isRepeatable || !mayHaveArrived ? jittered : nil
        // People decide when payments go on, not the next second.
        case .problem(let problem) where problem.code == "money_out_stopped": return nil
        case .problem(let problem) where problem.status == 503 && call.isRepeatable:
            guard let seconds = problem.retryAfter else { return jittered }
            return seconds <= Self.pauseSecondsMax ? .seconds(seconds) + jittered : nil
        // What a proxy says when it cannot reach the server, or not soon enough.
        case .unreadable(let status) where (502...504).contains(status) && call.isRepeatable:
            return jittered
        case .problem, .unreadable, .notLoggedIn: return nil
        }
    }

    private func attemptOnce(_ call: Call) async throws -> Answer {
        try Self.answer(try await authorized(call) { try await send($0) })
    }

    /// Sends with the token, and once more with a new one when the token has grown too old.
    func authorized(
        _ call: Call, _ send: (OutboundRequest) async throws -> OutboundResponse
    ) async throws -> OutboundResponse {
        guard !call.isOpen else { return try await send(request(call, nil)) }
        guard let credentials = await tokens.credentials else { throw FlorinError.notLoggedIn }
        let response = try await send(request(call, credentials))
        guard response.status == 401 else { return response }
        let renewed = try await tokens.renew(credentials) { try await refresh($0) }
        return try await send(request(call, renewed))
    }

    /// Sent once only: a refresh token that comes twice ends the session.
    private func refresh(_ stale: Credentials) async throws -> Credentials {
        let call = Call(
            method: .post, path: "/v1/sessions/refresh",
            body: ["refresh_token": .string(stale.refreshToken)], isOpen: true)
        return try Self.answer(try await send(request(call, nil))).read(Credentials.init)
    }

    func send(_ request: OutboundRequest) async throws -> OutboundResponse {
        do { return try await http.send(request) } catch { throw Self.failure(error) }
    }

    /// The body of a success goes to `onChunk` as it comes.
    func stream(
        _ request: OutboundRequest, onChunk: @escaping @Sendable ([UInt8]) -> Void
    ) async throws -> OutboundResponse {
        do { return try await http.stream(request, onChunk: onChunk) } catch {
            throw Self.failure(error)
        }
    }

    private func request(_ call: Call, _ credentials: Credentials?) -> OutboundRequest {
        var request = OutboundRequest(call.method, server + call.path + Self.text(call.query))
        request.unixSocket = unixSocket
        request.headers = [("Accept", "application/json, */*;q=0.1")] + call.headers
        if let body = call.body {
            request.body = body.encoded()
            request.headers.append(("Content-Type", "application/json"))
        }
        if let file = call.file {
            request.body = file.bytes
            request.headers.append(("Content-Type", file.type))
        }
        if let key = call.key { request.headers.append(("Idempotency-Key", key)) }
        if let credentials {
            request.headers.append(("Authorization", "Bearer " + credentials.accessToken))
        }
        return request
    }

    private static func text(_ query: [(name: String, value: String?)]) -> String {
        let pairs = query.compactMap { name, value in
            value.map { "\(name)=\(PercentEncoding.encode($0))" }
        }
        return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
    }

    static func answer(_ response: OutboundResponse) throws(FlorinError) -> Answer {
        let json = response.body.isEmpty ? JSON.null : try parsed(response)
        guard (200...299).contains(response.status) else { throw problem(response, json) }
        return Answer(
            status: response.status, fields: Fields(json: json),
            isReplay: response.header("Idempotent-Replayed") == "true")
    }

    private static func parsed(_ response: OutboundResponse) throws(FlorinError) -> JSON {
        do { return try JSON(parsing: response.body) } catch {
            throw .unreadable(status: response.status)
        }
    }

    private static func problem(_ response: OutboundResponse, _ json: JSON) -> FlorinError {
        let retryAfter = response.header("Retry-After").flatMap { Int64($0) }
        do {
            return .problem(
                try FlorinProblem(
                    status: response.status, Fields(json: json), retryAfter: retryAfter))
        } catch { return .unreadable(status: response.status) }
    }

    /// A cancelled task gets the error that cancelled tasks expect.
    static func failure(_ error: OutboundError) -> any Error {
        let mayHaveArrived = error.delivery == .unknown
        return switch error {
        case .cancelled: CancellationError()
        case .invalidRequest: FlorinError.network(.badAddress, mayHaveArrived: false)
        case .unreachable, .circuitOpen, .queueFull:
            FlorinError.network(.unreachable, mayHaveArrived: mayHaveArrived)
        case .untrusted: FlorinError.network(.untrusted, mayHaveArrived: mayHaveArrived)
        case .timedOut: FlorinError.network(.timedOut, mayHaveArrived: mayHaveArrived)
        case .broken, .closed: FlorinError.network(.broken, mayHaveArrived: mayHaveArrived)
        case .responseTooLarge: FlorinError.network(.answerTooLarge, mayHaveArrived: true)
        }
    }
}

extension FlorinError {
    /// The last attempt may not have left and an earlier one have arrived.
    fileprivate func after(mayHaveArrived: Bool) -> FlorinError {
        guard case .network(let failure, _) = self else { return self }
        return .network(failure, mayHaveArrived: mayHaveArrived)
    }
}

/// Text in a path or a query (RFC 3986 section 2): all but unreserved characters are escaped.
enum PercentEncoding {
    private static let digits = Array("0123456789ABCDEF".utf8)

    static func encode(_ text: String) -> String {
        let bytes = text.utf8.flatMap { byte in
            isUnreserved(byte)
                ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "~"): true
        default: false
        }
    }
}
