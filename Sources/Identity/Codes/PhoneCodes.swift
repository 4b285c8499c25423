internal import Postgres
internal import Values

extension Identity {
    /// Sends a new code. A number that nobody has signed up with, or that is verified, gets none,
    /// and the answer is the same.
    package func resendCode(to phone: String, from origin: Origin) async throws {
        guard let phone = PhoneNumber(phone) else { throw IdentityRejection.phoneInvalid }
        try await sendCode(.phone, to: .phone(phone), from: origin) { transaction in
            try find(phone, transaction).flatMap { $0.isVerified ? nil : $0.id }
        }
    }

    /// Proves that the person holds the number, which makes the device known that they do it on.
    package func verifyPhone(
        _ phone: String, code: String, deviceName: String?, from origin: Origin
    ) async throws -> (user: User, device: String?) {
        guard let phone = PhoneNumber(phone) else { throw IdentityRejection.phoneInvalid }
        let now = clock.now
        let outcome = try await database.transaction {
            transaction -> Result<(User, Device), any Error> in
            let checked = try check(
                code, .phone, sentTo: .phone(phone), from: origin, now, transaction)
            switch checked {
            case .refused(let refusal): return .failure(refusal)
            // Only who has the right code is told.
            case .used: return .failure(IdentityRejection.alreadyVerified)
            case .right(let code):
                guard try use(code, now, transaction),
                    let user = try verified(code.user, now, transaction)
                else { return .failure(IdentityRejection.codeExpired) }
                let device = try addDevice(
                    named: DeviceName.make(deviceName, agent: origin.agent), of: user.id, now,
                    transaction)
                try audit.record(
                    Act(.phoneVerified, by: user.id, of: user.id, from: origin), in: transaction)
                try audit.record(
                    Act(.deviceAdded, by: user.id, of: user.id, from: origin, after: device.name),
                    in: transaction)
                return .success((user, device))
            }
        }
        let (user, device) = try outcome.get()
        sessionCache.forget(user: user.id)
        return (user, device.token)
    }

    private func verified(
        _ user: ID<User>, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> User? {
        try transaction.execute(
            """
            UPDATE identity.users SET verified_at = \(now)
            WHERE id = \(user) AND verified_at IS NULL
            """)
        try announceChange(of: user, in: transaction)
        return try users(where: "id = \(user)", transaction).first
    }
}

extension Act.Kind {
    static let phoneVerified = Act.Kind("phone_verified")
}
