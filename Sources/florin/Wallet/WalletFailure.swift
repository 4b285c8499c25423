internal import FlorinClient

/// Why a command of the terminal wallet did not do what was asked.
enum WalletFailure: Error {
    /// The wallet itself says no; a sentence for the person.
    case refused(String)
    /// The same with a name for programs.
    case named(String, String)
    /// The server's no to a command about this currency, in which its facts are told.
    case problem(FlorinProblem, currency: String)
    /// The server's no, and what its person does about it here.
    case advised(FlorinProblem, String)
    /// Nobody answers at this address.
    case unreachable(String)
    /// A command whose outcome is not known, and the key to ask for it again.
    case unknownOutcome(key: String, FlorinError)
}

/// What the program ends with, and what it says then.
struct Ended {
    static let fine: Int32 = 0
    static let refused: Int32 = 1
    static let usage: Int32 = 2
    static let network: Int32 = 3

    let code: Int32
    /// For programs: the server's code, or one of ours.
    let name: String
    let sentence: String
    var problem: FlorinProblem?

    private init(_ code: Int32, _ name: String, _ sentence: String) {
        self.code = code
        self.name = name
        self.sentence = sentence
    }

    init(_ error: any Error) {
        switch error {
        case let error as Arguments.Misunderstood: self.init(Self.usage, "usage", error.reason)
        case WalletFailure.refused(let reason): self.init(Self.refused, "refused", reason)
        case WalletFailure.named(let name, let reason): self.init(Self.refused, name, reason)
        case WalletFailure.problem(let problem, let currency):
            self.init(
                Self.refused, problem.code,
                WalletText.sentence(problem) + WalletText.facts(problem, currency))
            self.problem = problem
        case WalletFailure.advised(let problem, let sentence):
            self.init(Self.refused, problem.code, sentence)
            self.problem = problem
        case WalletFailure.unreachable(let server):
            self.init(
                Self.network, "network", "Nobody answers at \(server). Is Florin running there?")
        case WalletFailure.unknownOutcome(let key, let cause):
            self.init(
                Self.network, "outcome_unknown",
                "\(Ended(cause).sentence) The command may have been carried out. "
                    + "Run it again with --key \(key): it is carried out once at most.")
        case let error as FlorinError: self.init(error)
        case is CancellationError: self.init(Self.refused, "cancelled", "Cancelled.")
        default: self.init(Self.refused, "failed", "\(error)")
        }
    }

    private init(_ error: FlorinError) {
        switch error {
        case .problem(let problem):
            self.init(Self.refused, problem.code, WalletText.sentence(problem))
            self.problem = problem
        case .network(let failure, _): self.init(Self.network, "network", Self.sentence(failure))
        case .unreadable(let status):
            self.init(
                Self.network, "unreadable_answer",
                "The server's answer (status \(status)) is none of Florin's.")
        case .notLoggedIn:
            self.init(
                Self.refused, "not_logged_in", "Log in first: florin wallet log-in NAME")
        }
    }

    private static func sentence(_ failure: NetworkFailure) -> String {
        switch failure {
        case .badAddress: "The server's address is not one; write it like https://wallet.example."
        case .unreachable: "The server cannot be reached."
        case .untrusted: "The server's certificate is not to be trusted."
        case .timedOut: "The server took too long."
        case .broken: "The connection broke."
        case .answerTooLarge: "The server's answer is too long."
        }
    }
}
