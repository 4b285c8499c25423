internal import Cryptography
internal import Postgres
internal import Values

/// How a person shows that the password is not all they have.
package enum SecondStep: Sendable {
    /// The code that was sent to the telephone.
    case smsCode(String)
    case factor(SecondFactor)
    case passkey(PasskeyAssertion)

    /// The names on the wire, in the order in which they are offered.
    package enum Method: String, Sendable, CaseIterable {
        case smsCode = "sms_code"
        case totp
        case recoveryCode = "recovery_code"
        case passkey
    }

    var method: Method {
        switch self {
        case .smsCode: .smsCode
        case .factor(.totp): .totp
        case .factor(.recoveryCode): .recoveryCode
        case .passkey: .passkey
        }
    }
}

/// What a log-in is asked for, besides the password that was right.
package struct SecondStepAsked: Sendable, Equatable {
    let challenge: String
    let methods: [SecondStep.Method]
    /// Where a code is on its way to, most of it hidden; nil when none was sent.
    let sentTo: String?
    let expiresIn: Int64

    package static let example = SecondStepAsked(
        challenge: "", methods: [], sentTo: nil, expiresIn: ChallengeRules.secondsValid)

    var words: String {
        if let sentTo {
            return "This device is new. Answer with the code that was sent to \(sentTo)."
        }
        return methods.contains(.totp)
            ? "Enter the code that your authenticator app shows now, or a recovery code."
            : "This device is new. Use a passkey, or have a code sent to your telephone."
    }

    var facts: [Fact] {
        [
            Fact("challenge", challenge), Fact("methods", methods.map(\.rawValue)),
            Fact("expires_in", expiresIn),
        ] + (sentTo.map { [Fact("sent_to", $0)] } ?? [])
    }
}

extension Identity {
    /// What this log-in is asked for: whoever set up an authenticator app always something, others
    /// on a device that is not known.
    func steps(
        asked user: User, on device: Device?, _ transaction: borrowing Transaction
    ) throws -> [SecondStep.Method] {
        let methods = try secondSteps(of: user, transaction)
        let isAsked = methods.contains(.totp) || (device == nil && asksNewDevices)
        return isAsked ? methods : []
    }

    /// What this person can answer with. Who has proven no telephone number has nothing that is
    /// worth a second step, and nothing to take it with.
    func secondSteps(
        of user: User, _ transaction: borrowing Transaction
    ) throws -> [SecondStep.Method] {
        let row = try transaction.query(
            """
            SELECT EXISTS (SELECT 1 FROM identity.authenticator_apps
                    WHERE user_id = \(user.id) AND confirmed_at IS NOT NULL),
                EXISTS (SELECT 1 FROM identity.recovery_codes
                    WHERE user_id = \(user.id) AND used_at IS NULL),
                EXISTS (SELECT 1 FROM identity.passkeys
                    WHERE user_id = \(user.id) AND suspended_at IS NULL)
            """)[0]
        let (hasApp, hasCodes, hasPasskey): (Bool, Bool, Bool) = (
            try row[0], try row[1], try row[2]
        )
        // A telephone number can be taken from its owner; an app was set up so that it need not be
        // trusted.
        return SecondStep.Method.allCases.filter { method in
            switch method {
            case .smsCode: user.phone != nil && user.isVerified && !hasApp
            case .totp: hasApp
            case .recoveryCode: hasApp && hasCodes
            case .passkey: hasPasskey
            }
        }
    }

    /// What is wrong with the answer; nil when it is right. Runs in the challenge's transaction,
    /// which commits either way, so that tries stay counted.
    func check(
        _ step: SecondStep, of user: User, from origin: Origin, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> IdentityRejection? {
        switch step {
        case .smsCode(let code):
            try check(sms: code, of: user, from: origin, now, transaction)
        case .factor(let factor):
            try check(factor, of: user.id, from: origin, now, transaction)
        case .passkey(let assertion):
            try check(assertion, of: user.id, from: origin, now, transaction)
        }
    }

    private func check(
        sms code: String, of user: User, from origin: Origin, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> IdentityRejection? {
        guard let phone = user.phone else { return .codeExpired }
        switch try check(code, .logIn, sentTo: .phone(phone), from: origin, now, transaction) {
        case .refused(let refusal): return refusal
        case .used: return .codeExpired
        case .right(let code): return try use(code, now, transaction) ? nil : .codeExpired
        }
    }

    private func check(
        _ assertion: PasskeyAssertion, of user: ID<User>, from origin: Origin, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> IdentityRejection? {
        let clientData: ClientData
        do {
            clientData = try reading { () throws(WebAuthnError) in
                try ClientData(parsing: assertion.clientData)
            }
        } catch { return error }
        guard try take(clientData.challenge, .secondStep, of: user, now, transaction) else {
            return .passkeyChallengeExpired
        }
        switch try prove(assertion, clientData, from: origin, transaction) {
        case .failure(let refusal): return refusal
        case .success(let owner): return owner == user ? nil : .passkeyUnknown
        }
    }
}

extension IdentityRejection {
    /// What the log of acts says of a refused proof.
    var reasonOfAct: String {
        if case .secondFactorIncorrect(_, wasUsed: true) = self { return "totp_used_again" }
        return code
    }

    /// Whether somebody guessed, rather than came late or too often.
    var isWrongAnswer: Bool {
        switch self {
        case .codeIncorrect, .secondFactorIncorrect, .passkeyInvalid, .passkeyUnknown,
            .passkeySuspended:
            true
        default: false
        }
    }
}
