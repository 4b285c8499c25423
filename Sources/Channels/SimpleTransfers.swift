package import Identity
package import Ledger
package import Payments
package import Postgres
package import Values

/// The simple transfer API: a small, well-known surface on the same people, wallets and ledger.
package struct SimpleTransfers: Sendable {
    let identity: Identity
    let payments: Payments
    let ledger: Ledger
    let database: Database
    let terms: SimpleTerms

    package init(
        identity: Identity, payments: Payments, ledger: Ledger, database: Database,
        terms: SimpleTerms
    ) {
        self.identity = identity
        self.payments = payments
        self.ledger = ledger
        self.database = database
        self.terms = terms
    }
}

/// How far the operator opens this surface.
package struct SimpleTerms: Sendable {
    package enum Access: String, Sendable, CaseIterable {
        case off
        /// Money moves only for the sender's own access token; staff may look.
        case authenticated
        /// As the original: no token asked. Only for accounts of this surface, only in a sandbox.
        case open
    }

    package let access: Access
    package let currency: Currency
    /// Play money for a new user, in minor units; nil where the operator has not turned it on.
    package let demoBalance: Int64?
    /// Whether anyone may top up with play money; elsewhere only staff may, from the operator's
    /// float.
    package let isSandbox: Bool
    /// Of a new user's wallet; nil: those of the user's plan and tier.
    package let limits: AccountLimits?

    package init(
        access: Access, currency: Currency, demoBalance: Int64?, isSandbox: Bool,
        limits: AccountLimits?
    ) {
        self.limits = limits
        self.access = access
        self.currency = currency
        self.demoBalance = demoBalance
        self.isSandbox = isSandbox
    }
}

/// Every reason this surface says no, besides those of the slices behind it.
package enum SimpleRejection: String, Refusal, CaseIterable {
    case userNotFound = "user_not_found"
    case amountInvalid = "amount_invalid"
    case dateInvalid = "date_invalid"

    package var code: String { rawValue }

    package var status: Int {
        switch self {
        case .userNotFound: 404
        case .amountInvalid, .dateInvalid: 422
        }
    }

    package var detail: String {
        switch self {
        case .userNotFound: "There is no such user."
        case .amountInvalid: "The amount must be positive, with no more decimals than the currency."
        case .dateInvalid: "Dates are written 2026-01-31, and the end is not before the start."
        }
    }
}

extension SimpleTransfers {
    /// A user of this surface with their wallet.
    package struct Member: Sendable {
        package let user: User
        package let wallet: Wallet
        package let balance: Balance
    }

    package struct Line: Sendable {
        package let id: ID<Transfer>
        package let sender: String
        package let receiver: String
        package let amount: Money
        package let status: String
        package let createdAt: Timestamp
    }

    package func register(
        username: String, email: String, password: String, from origin: Origin
    ) async throws -> Member {
        let user = try await identity.register(
            username: username, email: email, password: password, from: origin)
        // Before any money comes, which would open a wallet like anybody's.
        let member = try await member(user)
        guard let demoBalance = terms.demoBalance, demoBalance > 0 else { return member }
        return try await topUp(user, amount: demoBalance)
    }

    package func user(_ id: ID<User>) async throws -> User {
        guard let user = try await identity.user(id) else { throw SimpleRejection.userNotFound }
        return user
    }

    package func user(email: String) async throws -> User {
        guard EmailAddress(email) != nil, let user = try await identity.find(email) else {
            throw SimpleRejection.userNotFound
        }
        return user
    }

    package func member(_ user: User) async throws -> Member {
        let wallet = try await payments.openWallet(
            for: user.id, currency: terms.currency.code, limits: terms.limits)
        return Member(user: user, wallet: wallet, balance: try await payments.balance(of: wallet))
    }

    /// Adds play money; the ledger records a transfer from the float.
    package func topUp(_ user: User, amount: Int64) async throws -> Member {
        precondition(terms.isSandbox, "money is not made where it is real")
        return try await topUp(user, amount: amount, from: .sandboxFloat)
    }

    /// Gives out the operator's own money. Who ordered it is kept, also when the ledger then
    /// refuses.
    package func topUp(
        _ user: User, amount: Int64, by staff: StaffSession, from origin: Origin
    ) async throws -> Member {
        let act = Act(
            .topUpOrdered, by: staff.user, of: user.id, from: origin,
            after: #"{"amount":\#(amount),"currency":"\#(terms.currency)"}"#)
        try await database.transaction { try identity.audit.record(act, in: $0) }
        return try await topUp(user, amount: amount, from: .operatorFloat)
    }

    private func topUp(
        _ user: User, amount: Int64, from float: AccountKind
    ) async throws -> Member {
        _ = try await payments.topUp(
            amount: amount, currency: terms.currency.code, from: float, key: nil,
            by: payer(acting: user))
        return try await member(user)
    }

    /// - Parameter key: nil for a command that nobody can repeat.
    package func transfer(
        from sender: User, to receiver: String, amount: Int64, key: IdempotencyKey?,
        by payer: Payer
    ) async throws -> Payments.Done {
        try await payments.send(
            SendCommand(to: receiver, amount: amount, currency: terms.currency.code, note: nil),
            key: key ?? .random(), by: payer)
    }

    /// Somebody whom the body names by e-mail; whether they may pay is settled before.
    func payer(acting user: User) throws -> Payer {
        try Payer(identity.session(vouchingFor: user), .vouched)
    }
}

extension Act.Kind {
    /// A member of staff gives out the operator's own money.
    package static let topUpOrdered = Act.Kind("top_up_ordered")
}
