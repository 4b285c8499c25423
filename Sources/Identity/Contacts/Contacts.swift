internal import Notifications
internal import Postgres
package import Values

// Another telephone number or e-mail address is taken by who shows two things: to be the person, by
// a step-up, and to hold what is new, by a code that went there. One that has a wallet already is
// sent nothing, and the answer is the same, so that nobody learns who has one.

extension Identity {
    /// Sends a code to the number that the person wants to have.
    package func orderPhoneChange(
        to phone: PhoneNumber, by session: Session, _ presence: Presence, password: String?
    ) async throws {
        let person = try await person(of: session)
        guard person.phone != phone || !person.isVerified else {
            throw IdentityRejection.alreadyVerified
        }
        try await requireStepUp(of: session, presence, password: password)
        try await sendCode(.changePhone, to: .phone(phone), from: presence.origin) { transaction in
            try isFree(.phone(phone), for: session.user, transaction) ? session.user : nil
        }
    }

    /// Sends a code to the e-mail address that the person wants to have, or has and wants to prove,
    /// for which being logged in is enough.
    package func orderEmailChange(
        to email: EmailAddress, by session: Session, _ presence: Presence, password: String?
    ) async throws {
        let person = try await person(of: session)
        if person.email == email {
            guard !person.isEmailProven else { throw IdentityRejection.emailProven }
        } else {
            try await requireStepUp(of: session, presence, password: password)
        }
        try await sendCode(.changeEmail, to: .email(email), from: presence.origin) { transaction in
            try isFree(.email(email), for: session.user, transaction) ? session.user : nil
        }
    }

    /// Takes the number, with its code. All other sessions end, and the old number is told.
    package func changePhone(
        to phone: PhoneNumber, code: String, by session: Session, from origin: Origin
    ) async throws -> User {
        try await change(.changePhone, .phone(phone), code, session, origin) {
            person, key, now, transaction in
            try transaction.execute(
                """
                UPDATE identity.users SET phone_index = \(vault.index(phone)),
                    phone_sealed = \(key.seal(phone.e164, .phone)),
                    verified_at = coalesce(verified_at, \(now))
                WHERE id = \(person.id)
                """)
            return Act(
                .phoneChanged, by: person.id, of: person.id, from: origin,
                before: Self.json(person.phone.map { "\($0)" }), after: Self.json("\(phone)"))
        }
    }

    /// Takes the address, with its code, or notes that it is proven.
    package func changeEmail(
        to email: EmailAddress, code: String, by session: Session, from origin: Origin
    ) async throws -> User {
        try await change(.changeEmail, .email(email), code, session, origin) {
            person, key, now, transaction in
            try transaction.execute(
                """
                UPDATE identity.users SET email_index = \(vault.index(email)),
                    email_sealed = \(key.seal(email.text, .email)), email_proven_at = \(now)
                WHERE id = \(person.id)
                """)
            return Act(
                person.email == email ? .emailProven : .emailChanged, by: person.id, of: person.id,
                from: origin, before: Self.json(person.email.map { "\($0)" }),
                after: Self.json("\(email)"))
        }
    }

    // MARK: Steps

    private typealias Store =
        @Sendable (User, PersonKey, Timestamp, borrowing Transaction) throws -> Act

    private func change(
        _ purpose: CodePurpose, _ address: CodeAddress, _ code: String, _ session: Session,
        _ origin: Origin, _ store: @escaping Store
    ) async throws -> User {
        let now = clock.now
        let outcome: Result<User, IdentityRejection>
        do {
            outcome = try await database.transaction { transaction in
                let checked = try check(
                    code, purpose, sentTo: address, from: origin, now, transaction)
                // A wrong try is counted, so the transaction commits and the refusal is a value.
                let right: RightCode
                do throws(IdentityRejection) { right = try checked.get() } catch {
                    return .failure(error)
                }
                guard right.user == session.user, try use(right, now, transaction),
                    let person = try lock(session.user, transaction),
                    let key = try key(of: session.user, transaction)
                else { return .failure(.codeExpired) }
                let act = try store(person, key, now, transaction)
                if !person.has(address) {
                    try tellOld(person, purpose, transaction)
                    try endOthers(of: session, now, transaction)
                }
                try announceChange(of: person.id, in: transaction)
                let changed = try users(where: "id = \(person.id)", transaction)[0]
                try audit.record(act, in: transaction)
                return .success(changed)
            }
        } catch let error as DatabaseError {
            // Somebody signed up with it since the code was sent.
            throw taken(error) ?? error
        }
        sessionCache.forget(user: session.user)
        return try outcome.get()
    }

    /// On every channel that there was, which is where the real owner is if this is a thief.
    private func tellOld(
        _ person: User, _ purpose: CodePurpose, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        let what = purpose == .changePhone ? "telephone number" : "e-mail address"
        try tell(
            person,
            """
            The \(what) of your Florin wallet was changed, and other devices were logged out. If \
            that was not you, ask support for help now.
            """, in: transaction)
    }

    private func endOthers(
        of session: Session, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws(DatabaseError) {
        try transaction.execute(
            """
            UPDATE identity.sessions SET ended_at = \(now), end_reason = 'contact_change'
            WHERE user_id = \(session.user) AND ended_at IS NULL AND id <> \(session.id)
            """)
    }

    private func person(of session: Session) async throws -> User {
        guard let person = try await user(session.user) else {
            throw IdentityRejection.sessionInvalid
        }
        return person
    }

    private func isFree(
        _ address: CodeAddress, for user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> Bool {
        let owner = try find(address, transaction)?.id
        return owner == nil || owner == user
    }

    /// Masked: the log is read by more people than the number.
    private static func json(_ masked: String?) -> String {
        guard let masked else { return "null" }
        return #"{"masked":"\#(masked)"}"#
    }
}

extension User {
    fileprivate func has(_ address: CodeAddress) -> Bool {
        switch address {
        case .phone(let phone): self.phone == phone
        case .email(let email): self.email == email
        }
    }
}

extension Act.Kind {
    static let phoneChanged = Act.Kind("phone_changed")
    static let emailChanged = Act.Kind("email_changed")
    static let emailProven = Act.Kind("email_proven")
}
