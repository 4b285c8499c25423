/// A request to somebody else's server.
package struct OutboundRequest: Sendable {
    package var method: Method
    /// Absolute, `http` or `https`, without a user name in it.
    package var url: String
    package var headers: [(String, String)]
    package var body: [UInt8]
    /// For the whole exchange, waiting for a free connection included. Streams have none.
    package var timeoutMilliseconds: Int = 30_000
    /// For name, connection and TLS handshake together.
    package var connectTimeoutMilliseconds: Int = 5000
    /// A stream that says nothing for so long is taken for dead.
    package var silenceSecondsMax: Int = 60
    /// Connects to this socket instead of the URL's host and port.
    package var unixSocket: String?

    package init(
        _ method: Method, _ url: String, headers: [(String, String)] = [], body: [UInt8] = []
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
    }

    /// Says of a POST without such a header that it may be sent twice, as a mere question may.
    package var isRepeatable = false

    /// Whether sending it twice has the effect of sending it once (RFC 9110 section 9.2.2, or a
    /// key).
    var isIdempotent: Bool {
        if isRepeatable { return true }
        return switch method {
        case .get, .head, .put, .delete, .options: true
        case .post, .patch:
            headers.contains { ASCII.equalsIgnoringCase($0.0, "Idempotency-Key") }
        }
    }
}

/// What the server answered, whatever its status.
package struct OutboundResponse: Sendable {
    package let status: Int
    package let headers: [(name: String, value: String)]
    /// Empty for a stream that succeeded: its bytes went to the caller as they came.
    package let body: [UInt8]

    package init(status: Int, headers: [(name: String, value: String)] = [], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first field of that name, in any case.
    package func header(_ name: String) -> String? {
        headers.first { ASCII.equalsIgnoringCase($0.name, name) }?.value
    }
}

/// Why there is no complete answer.
package enum OutboundError: Error, Sendable, Equatable {
    /// Whether the server may have acted on the request. Payments are decided by this.
    package enum Delivery: Sendable, Equatable {
        /// Not one byte of the request left: trying again is safe.
        case notSent
        /// The request may have arrived: only the server knows what became of it.
        case unknown
    }

    /// The URL, a header or the method cannot be sent.
    case invalidRequest
    /// No name, no route, or nobody listening.
    case unreachable(Delivery)
    /// The server's certificate is not to be trusted, or TLS could not be agreed on.
    case untrusted(Delivery)
    case timedOut(Delivery)
    /// The calling task was cancelled.
    case cancelled(Delivery)
    /// The client was closed.
    case closed(Delivery)
    /// The connection broke, or what came over it was not HTTP.
    case broken(Delivery)
    /// The server has failed several times in a row and is left alone for a while.
    case circuitOpen
    /// Too many requests wait for this server already.
    case queueFull
    /// The answer was longer than the client accepts.
    case responseTooLarge

    package var delivery: Delivery {
        switch self {
        case .invalidRequest, .circuitOpen, .queueFull: .notSent
        case .unreachable(let delivery), .untrusted(let delivery), .timedOut(let delivery),
            .cancelled(let delivery), .closed(let delivery), .broken(let delivery):
            delivery
        case .responseTooLarge: .unknown
        }
    }
}
