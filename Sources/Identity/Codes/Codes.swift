internal import Cryptography
internal import Notifications
internal import Postgres
internal import Values

// One mechanism for every purpose. An address that belongs to nobody is treated like any other: its
// code is written, counted and checked, and only the carrying is left out. So neither an answer nor
// its time tells who has a wallet.

extension Identity {
    /// Sends a code to the address, at most one a minute.
    ///
    /// - Parameters:
    ///   - isFirst: for somebody who has just come, whom nobody else's requests shall keep out.
    ///   - act: what the code belongs to, for the audit log.
    ///   - owner: says in the code's transaction whose address this is; nil: nobody's.
    func sendCode(
        _ purpose: CodePurpose, to address: CodeAddress, isFirst: Bool = false,
        recording act: Act? = nil, from origin: Origin,
        of owner: @escaping @Sendable (borrowing Transaction) throws -> ID<User>?
    ) async throws {
        let start = ContinuousClock.now
        try await codeGate.admit(to: address, isFirst: isFirst, from: origin)
        let now = clock.now
        try await database.transaction { transaction in
            let owner = try owner(transaction)
            try writeCode(
                purpose, to: address, of: owner, isFirst: isFirst, now, transaction)
            if let act { try audit.record(act, in: transaction) }
            let kind = owner == nil ? Act.Kind.codeWithheld : .codeSent
            try audit.record(
                Act(kind, by: owner, of: owner, from: origin, reason: purpose.rawValue),
                in: transaction)
        }
        // A person's key is read and a stranger has none, which takes a part of a millisecond.
        try await Task.sleep(until: start + CodeRules.answerAfter)
    }

    /// What a code that was given turned out to be.
    enum CheckedCode: Sendable {
        case right(RightCode)
        /// It was right, and its one time is over.
        case used
        case refused(IdentityRejection)
    }

    /// A code that was right; `use` makes it work, once.
    struct RightCode: Sendable {
        fileprivate let id: ID<CodeRow>
        fileprivate let address: CodeAddress
        let user: ID<User>
    }

    enum CodeRow {}

    /// Counts the try, then says what the code is. The try is to be committed, so a refusal is a
    /// value.
    func check(
        _ code: String, _ purpose: CodePurpose, sentTo address: CodeAddress,
        from origin: Origin, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws -> CheckedCode {
        let index = index(address)
        let row = try transaction.first(
            """
            SELECT id, user_id, code_hash, expires_at, tries::bigint, used_at IS NOT NULL,
                created_at
            FROM identity.codes
            WHERE address_index = \(index) AND purpose = \(purpose.rawValue)
            ORDER BY created_at DESC LIMIT 1 FOR UPDATE
            """)
        guard let row else { return .refused(.codeExpired) }
        let (id, user): (ID<CodeRow>, ID<User>?) = (try row[0], try row[1])
        let (hash, expiresAt): ([UInt8], Timestamp) = (try row[2], try row[3])
        let (tries, isUsed): (Int64, Bool) = (try row[4], try row[5])
        guard now < expiresAt else { return .refused(.codeExpired) }
        let guessed = guesses(at: .code(purpose), of: user, named: Base64URL.encode(index))
        let wait = try secondsLocked(guessed, now, transaction)
        guard wait == nil, tries < CodeRules.triesMax else {
            let next = try (row[6] as Timestamp).adding(seconds: CodeRules.secondsBetween)
            let untilNext = tries < CodeRules.triesMax ? 0 : now.seconds(until: next)
            return .refused(.tooManyAttempts(retryAfter: max(1, wait ?? 0, untilNext)))
        }
        try transaction.execute(
            "UPDATE identity.codes SET tries = tries + 1 WHERE id = \(id)")
        let isRight = constantTimeEquals(hash, vault.hash(code: code, named: "\(id)"))
        if isUsed { return isRight ? .used : .refused(.codeExpired) }
        // A code that went to nobody was never right.
        guard let user, isRight else {
            switch try countWrongGuess(at: guessed, from: origin, now, transaction) {
            case .counted(let left):
                let leftOfCode = CodeRules.triesMax - tries - 1
                return .refused(.codeIncorrect(triesLeft: min(left, leftOfCode)))
            case .locked(let seconds): return .refused(.tooManyAttempts(retryAfter: seconds))
            }
        }
        try forgetGuesses(at: guessed, transaction)
        return .right(RightCode(id: id, address: address, user: user))
    }

    /// Whether the code works now; false when another request has used it meanwhile.
    func use(
        _ code: RightCode, _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws(DatabaseError) -> Bool {
        let used = try transaction.execute(
            "UPDATE identity.codes SET used_at = \(now) WHERE id = \(code.id) AND used_at IS NULL")
        guard used == 1 else { return false }
        try codeGate.answered(by: code.address, in: transaction)
        return true
    }

    // MARK: Steps

    private func writeCode(
        _ purpose: CodePurpose, to address: CodeAddress, of owner: ID<User>?, isFirst: Bool,
        _ now: Timestamp, _ transaction: borrowing Transaction
    ) throws {
        let index = index(address)
        // One at a time: requests side by side would each find that a code may be sent.
        let lock = index.prefix(8).reduce(0) { $0 << 8 | Int64($1) }
        _ = try transaction.query("SELECT pg_advisory_xact_lock(\(lock))")
        let wait = try secondsUntilNextCode(purpose, to: index, now, transaction)
        if let wait, !isFirst { throw IdentityRejection.tooManyAttempts(retryAfter: wait) }
        let (id, code) = (ID<CodeRow>.make(at: now), SecureRandom.digits(CodeRules.digits))
        try transaction.execute(
            """
            INSERT INTO identity.codes
                (id, user_id, purpose, address_index, code_hash, created_at, expires_at)
            VALUES (\(id), \(owner), \(purpose.rawValue), \(index),
                \(vault.hash(code: code, named: "\(id)")), \(now),
                \(now.adding(seconds: CodeRules.secondsValid)))
            """)
        try codeGate.sent(to: address, isWithheld: owner == nil, in: transaction)
        let text = purpose.message(code)
        switch address {
        case .phone(let phone):
            try notifications.send(
                sms: text, to: phone, isWithheld: owner == nil, in: transaction)
        case .email(let email):
            try notifications.send(
                email: text, to: email, isWithheld: owner == nil, in: transaction)
        }
    }

    /// Whether a code was sent that will still be good then.
    func hasCode(
        _ purpose: CodePurpose, sentTo address: CodeAddress, goodAt then: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> Bool {
        let newest = try transaction.first(
            """
            SELECT used_at IS NULL AND tries < \(CodeRules.triesMax) AND expires_at > \(then)
            FROM identity.codes
            WHERE address_index = \(index(address)) AND purpose = \(purpose.rawValue)
            ORDER BY created_at DESC LIMIT 1
            """)
        return try newest?[0] ?? false
    }

    private func secondsUntilNextCode(
        _ purpose: CodePurpose, to index: [UInt8], _ now: Timestamp,
        _ transaction: borrowing Transaction
    ) throws -> Int64? {
        let hourAgo = now.adding(seconds: -3600)
        let row = try transaction.query(
            """
            SELECT count(*), min(created_at), max(created_at) FROM identity.codes
            WHERE address_index = \(index) AND purpose = \(purpose.rawValue)
                AND created_at > \(hourAgo)
            """)[0]
        let count: Int64 = try row[0]
        let oldest: Timestamp? = try row[1]
        let newest: Timestamp? = try row[2]
        guard let oldest, let newest else { return nil }
        let next =
            count >= CodeRules.perHourMax
            ? oldest.adding(seconds: 3600) : newest.adding(seconds: CodeRules.secondsBetween)
        let wait = now.seconds(until: next)
        return wait > 0 ? wait : nil
    }

    func index(_ address: CodeAddress) -> [UInt8] {
        switch address {
        case .phone(let phone): vault.index(phone)
        case .email(let email): vault.index(email)
        }
    }
}

extension Act.Kind {
    static let codeSent = Act.Kind("code_sent")
    /// Somebody asked for a code to an address that belongs to nobody.
    static let codeWithheld = Act.Kind("code_withheld")
}
