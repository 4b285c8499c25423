internal import Postgres
internal import Values

extension Identity {
    /// Refuses what a stolen session must not do: it takes the PIN with the request, or a session
    /// that was stepped up lately, or, of who has no PIN, the password.
    func requireStepUp(
        of session: Session, _ presence: Presence, password: String?
    ) async throws {
        switch try await state(of: session, presence) {
        case .present: return
        case .absent(isPinSet: true): throw IdentityRejection.stepUpRequired
        case .absent(isPinSet: false):
            guard let password, let user = try await user(session.user) else {
                throw IdentityRejection.stepUpRequired
            }
            let proof = try await prove(password, of: user, from: presence.origin)
            let now = clock.now
            try await database.transaction { try accept(proof, now, $0) }
        }
    }

    /// What it may refuse.
    static let stepUpRejections: [IdentityRejection] = [
        .stepUpRequired, .passwordIncorrect, .pinIncorrect(triesLeft: 0),
        .tooManyAttempts(retryAfter: 0),
    ]
}
