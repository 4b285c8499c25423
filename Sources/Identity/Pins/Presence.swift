package import HTTP
internal import Postgres
package import Values

/// What a request brings to show that the person is there, and not only their session.
///
/// It keeps the request and reads it when it is asked: most payments are too small to ask.
package struct Presence: Sendable {
    /// Carries the PIN with one request.
    package static let header = "X-Florin-PIN"

    private let request: Request?

    package init(_ request: Request) { self.request = request }

    private init() { request = nil }

    /// What the operator's own programs do, who have no PIN to give.
    package static let vouched = Presence()

    var isVouched: Bool { request == nil }
    var origin: Origin { request?.origin ?? .program }
    /// The routes have checked its form.
    var pin: Pin? { request?.header(Self.header).flatMap { Pin($0) } }
}

extension Parameter {
    /// The PIN of who pays, where the amount asks for one.
    package static let pin = Parameter.header(
        Presence.header, .pin, "The PIN, for this request alone; or step the session up.")
}

extension Schema {
    /// Six digits.
    package static let pin = Schema.string(
        min: Pin.digitsCount, max: Pin.digitsCount,
        pattern: Pattern(Pin.pattern) { Pin.isWellFormed($0) })
}

/// How a session can be stepped up.
package enum StepUpMethod: String, Sendable, CaseIterable {
    case pin
    case passkey
    case totp
}

/// How long a stepped-up session stays so.
package enum StepUpRules {
    package static let seconds: Int64 = 300
}

extension Identity {
    /// Refuses a payment at or above the threshold whose person has not shown to be there, by the
    /// PIN with the request or by a session that was stepped up lately.
    package func requirePresence(of payer: Payer, threshold: Money) async throws {
        guard !payer.presence.isVouched, case .person(let session) = payer.caller,
            case .absent(let isPinSet) = try await state(of: session, payer.presence)
        else { return }
        throw IdentityRejection.pinRequired(
            threshold: threshold.minorUnits, currency: threshold.currency.code, isSet: isPinSet)
    }

    /// Whether `requirePresence` would ask for the PIN if none came.
    package func isPinAskedFor(from payer: Payer) async throws -> Bool {
        guard !payer.presence.isVouched, case .person(let session) = payer.caller,
            case .absent = try await state(of: session, .vouched)
        else { return false }
        return true
    }

    /// Steps the session up with the PIN.
    package func stepUp(
        _ session: Session, with pin: Pin, from origin: Origin
    ) async throws -> Timestamp {
        try await prove(pin, of: session, from: origin)
        return try await stepUp(session, by: .pin, from: origin)
    }

    /// Writes down that the person has just proven to be there.
    func stepUp(
        _ session: Session, by method: StepUpMethod, from origin: Origin
    ) async throws -> Timestamp {
        let now = clock.now
        try await database.transaction { transaction in
            try transaction.execute(
                """
                INSERT INTO identity.step_ups (session_id, method, at)
                VALUES (\(session.id), \(method.rawValue), \(now))
                ON CONFLICT (session_id, method) DO UPDATE SET at = excluded.at
                """)
            try audit.record(
                Act(
                    .steppedUp, by: session.user, of: session.user, from: origin,
                    reason: method.rawValue), in: transaction)
        }
        return now.adding(seconds: StepUpRules.seconds)
    }

    enum PresenceState: Sendable {
        case present
        case absent(isPinSet: Bool)
    }

    /// Checks the PIN where one is given, else looks whether the session was stepped up.
    func state(of session: Session, _ presence: Presence) async throws -> PresenceState {
        if let pin = presence.pin {
            do { try await prove(pin, of: session, from: presence.origin) } catch IdentityRejection
                .pinNotSet
            { return .absent(isPinSet: false) }
            return .present
        }
        let since = clock.now.adding(seconds: -StepUpRules.seconds)
        return try await database.read { transaction in
            let row = try transaction.query(
                """
                SELECT EXISTS (SELECT 1 FROM identity.step_ups
                        WHERE session_id = \(session.id) AND at > \(since)),
                    EXISTS (SELECT 1 FROM identity.pins WHERE user_id = \(session.user))
                """)[0]
            return try row[0] ? .present : .absent(isPinSet: try row[1])
        }
    }
}

extension Act.Kind {
    static let steppedUp = Act.Kind("stepped_up")
}
