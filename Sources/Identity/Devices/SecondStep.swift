internal import Postgres
internal import Values

/// How a person on a new device shows that the password is not all they have.
package enum SecondStep: Sendable {
    /// The code that was sent to the telephone.
    case smsCode(String)

    /// The names on the wire, in the order in which they are offered.
    package enum Method: String, Sendable, CaseIterable {
        case smsCode = "sms_code"
    }

    var method: Method {
        switch self {
        case .smsCode: .smsCode
        }
    }
}

extension Identity {
    /// What this person can answer with. Who has proven no telephone number has nothing that is
    /// worth a second step, and nothing to take it with.
    func secondSteps(
        of user: User, _ transaction: borrowing Transaction
    ) throws -> [SecondStep.Method] {
        var methods: [SecondStep.Method] = []
        if user.phone != nil, user.isVerified { methods.append(.smsCode) }
        return methods
    }

    /// What is wrong with the answer; nil when it is right. Runs in the challenge's transaction,
    /// which commits either way, so that tries stay counted.
    func check(
        _ step: SecondStep, to challenge: SessionChallenge, of user: User, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> IdentityRejection? {
        switch step {
        case .smsCode(let code):
            try check(code, for: CodeRules.logInPurpose, of: user.id, now, transaction)
        }
    }
}
