package import HTTP
internal import Postgres
internal import Values

/// What staff have shown before they work.
enum StaffRules {
    /// A working day: for so long a second factor counts in the session that showed it.
    static let secondFactorSeconds: Int64 = 12 * 3600
}

/// With what somebody came in, as the log of acts calls it.
enum LogInWay: String, Sendable {
    case password
    case smsCode = "sms_code"
    case totp
    case recoveryCode = "recovery_code"
    case passkey

    init(_ method: SecondStep.Method) {
        switch method {
        case .smsCode: self = .smsCode
        case .totp: self = .totp
        case .recoveryCode: self = .recoveryCode
        case .passkey: self = .passkey
        }
    }

    /// Whether staff may work afterwards. A code by SMS goes to whoever has the number just now,
    /// and a recovery code is for setting up what was lost.
    var isSecondFactor: Bool {
        switch self {
        case .totp, .passkey: true
        case .password, .smsCode, .recoveryCode: false
        }
    }
}

extension Identity {
    /// A member of staff at work: who has the role, and has shown a second factor in this session.
    ///
    /// Routes with which one is set up are open to every session, so that the first admin, whom the
    /// operator names at the terminal, gets in too.
    package func atWork<Staff>(
        _ request: Request, _ admit: (Session) throws(IdentityRejection) -> Staff
    ) async throws -> Staff {
        let session = try await session(of: request)
        do { return try admit(session) } catch .secondFactorRequired {
            throw IdentityRejection.secondFactorRequired(try await factorsOfWork(session.user))
        }
    }

    /// Until when staff may work in a session that showed a second factor then; nil when that is
    /// over, or was never.
    func worksUntil(_ shownAt: Timestamp?, _ now: Timestamp) -> Timestamp? {
        guard asksStaff else { return Timestamp(microseconds: .max) }
        let end = shownAt?.adding(seconds: StaffRules.secondFactorSeconds)
        return end.flatMap { now < $0 ? $0 : nil }
    }

    /// Writes down that a second factor was shown in the session; the caller forgets it afterwards.
    func noteSecondFactor(
        in session: Session, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            "UPDATE identity.sessions SET second_factor_at = \(now) WHERE id = \(session.id)")
        // What others may do does not depend on it, so nobody need look them up again.
        if session.role.isStaff { try announceChange(of: session.user, in: transaction) }
    }

    /// The same for this process, which need not wait to be told.
    func forget(afterSecondFactorIn session: Session) {
        if session.role.isStaff { sessionCache.forget(user: session.user) }
    }

    // MARK: Steps

    /// What this member of staff can show.
    private func factorsOfWork(_ user: ID<User>) async throws -> [StepUpMethod] {
        try await database.read { try factors(of: user, $0) }.filter { $0 != .pin }
    }
}
