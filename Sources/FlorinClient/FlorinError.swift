/// Why a call has no answer that could be used.
public enum FlorinError: Error, Sendable, Equatable {
    /// The server said no, and why.
    case problem(FlorinProblem)
    /// No answer came. When `mayHaveArrived`, only the server knows what became of the call:
    /// repeat a command with the same key, and it is carried out once.
    case network(NetworkFailure, mayHaveArrived: Bool)
    /// What came is not what the API describes.
    case unreadable(status: Int)
    /// The call needs a log-in, and there is none.
    case notLoggedIn
}

extension FlorinError {
    /// Whether only the server knows if the call had its effect. A command is then repeated with
    /// the same key until this is false: it is carried out once at most.
    public var isOutcomeUnknown: Bool {
        switch self {
        case .network(_, let mayHaveArrived): mayHaveArrived
        case .problem(let problem): problem.status >= 500
        case .unreadable: true
        case .notLoggedIn: false
        }
    }
}

public enum NetworkFailure: Sendable, Equatable {
    /// The server's address is none.
    case badAddress
    /// No name, no route, or nobody listening.
    case unreachable
    /// The server's certificate is not to be trusted.
    case untrusted
    case timedOut
    case broken
    case answerTooLarge
}

/// A refusal of the server (RFC 9457).
public struct FlorinProblem: Sendable, Equatable {
    public let status: Int
    /// The stable name to decide by, such as `insufficient_funds`.
    public let code: String
    public let title: String
    /// A sentence for people.
    public let detail: String
    /// What belongs to this refusal, such as `available`.
    public let facts: [String: FlorinFact]
    /// What to tell the operator.
    public let requestID: String?
    /// Seconds after which trying again makes sense.
    public let retryAfter: Int64?
}

public enum FlorinFact: Sendable, Equatable {
    case integer(Int64)
    case text(String)
    case texts([String])
    case bool(Bool)
    /// Any other JSON, as text.
    case json(String)
}
