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
        let (since, password) = (stepUpsSince, StepUpMethod.password.rawValue)
        return try await database.read { transaction in
            let row = try transaction.query(
                """
                SELECT EXISTS (SELECT 1 FROM identity.step_ups
                        WHERE session_id = \(session.id) AND at > \(since)
                            AND method <> \(password)),
                    EXISTS (SELECT 1 FROM identity.pins WHERE user_id = \(session.user))
                """)[0]
            return try row[0] ? .present : .absent(isPinSet: try row[1])
        }
    }
}
