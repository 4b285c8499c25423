internal import Postgres
internal import Values

extension Identity {
    /// Checks a password and opens a session, or asks for a second step.
    /// - Throws: `IdentityRejection.secondStepRequired` with the challenge to answer.
    package func logIn(
        login: String, password: String, _ wish: LogInWish, from origin: Origin
    ) async throws -> OpenedSession {
        let proof = try await prove(login: login, password: password, from: origin)
        let now = clock.now
        let entered = try await database.transaction { transaction in
            try accept(proof, now, transaction)
            return try enter(proof.user, wish, from: origin, now, transaction)
        }
        switch entered {
        case .opened(let session): return session
        case .asked(let asked, let phone):
            if let phone {
                let user = proof.user.id
                try await sendCode(.logIn, to: .phone(phone), from: origin) { _ in user }
            }
            throw IdentityRejection.secondStepRequired(asked)
        }
    }

    // MARK: Steps

    private enum Entered: Sendable {
        case opened(OpenedSession)
        case asked(SecondStepAsked, sending: PhoneNumber?)
    }

    private func enter(
        _ user: User, _ wish: LogInWish, from origin: Origin, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> Entered {
        let device = try knownDevice(wish.deviceTokens, of: user.id, now, transaction)
        let methods = try steps(asked: user, on: device, transaction)
        guard methods.isEmpty else {
            let asked = try challenge(
                user, on: device, wish, methods, from: origin, now, transaction)
            return .asked(asked, sending: try phone(for: asked, of: user, now, transaction))
        }
        if let device {
            return .opened(
                try open(user, on: device, wish, .password, from: origin, now, transaction))
        }
        // Before a way to reach the person is proven there is nothing to protect, and who proves it
        // makes their device known.
        guard user.isVerified else {
            return .opened(
                try open(user, on: nil, wish, .password, from: origin, now, transaction))
        }
        return .opened(try openUnasked(user, wish, .password, from: origin, now, transaction))
    }

    /// Opens a session for who need not be asked more, and announces a device of a new name.
    func openUnasked(
        _ user: User, _ wish: LogInWish, _ way: LogInWay, from origin: Origin, _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> OpenedSession {
        if let device = try device(named: wish.deviceName, of: user.id, now, transaction) {
            return try open(user, on: device, wish, way, from: origin, now, transaction)
        }
        let device = try addDevice(named: wish.deviceName, of: user.id, now, transaction)
        try announce(device, to: user, transaction)
        return try open(user, on: device, wish, way, from: origin, now, transaction, isNew: true)
    }
}
