package import Identity
internal import Jobs
package import Ledger
package import Postgres
package import Values

extension Payments {
    /// The person's wallet in this currency; opened if there is none yet, with the limits of the
    /// owner's plan and tier unless others are given.
    package func openWallet(
        for owner: ID<User>, currency code: String, limits: AccountLimits? = nil
    ) async throws -> Wallet {
        try await wallet(of: owner, try terms.currency(code), limits: limits)
    }

    /// The person's wallets, at least the one of the default currency: a new person has somewhere
    /// to receive money before they have done anything.
    package func wallets(of owner: ID<User>) async throws -> [(wallet: Wallet, balance: Balance)] {
        var wallets = try await walletsOf.ask([owner])
        if wallets.isEmpty { wallets = [try await wallet(of: owner, terms.currencyDefault)] }
        let balances = try await ledger.balances(of: wallets.map(\.account))
        return wallets.compactMap { wallet in balances[wallet.account].map { (wallet, $0) } }
    }

    /// A wallet of this person's own.
    package func wallet(_ id: ID<Wallet>, of caller: Caller) async throws -> Wallet {
        let known = directory.wallet(id)
        let found =
            if let known { known } else { try await stored(where: "w.id = \(id)").first }
        guard let found, found.owner == caller.user else {
            throw PaymentRejection.walletNotFound
        }
        if known == nil { directory.keep(found) }
        return found
    }

    package func balance(of wallet: Wallet) async throws -> Balance {
        try await ledger.balances(of: [wallet.account])[wallet.account]
            ?? Balance(posted: 0, held: 0)
    }

    /// Whose accounts these are; the operator's own are absent.
    package func people(
        behind accounts: Set<AccountID>
    ) async throws -> [AccountID: ID<User>] {
        try await owners(of: accounts).mapValues(\.id)
    }

    // MARK: Steps

    func wallet(
        of owner: ID<User>, _ currency: Currency, limits: AccountLimits? = nil
    ) async throws -> Wallet {
        if let known = directory.wallet(of: owner, currency) { return known }
        let existing = try await stored(
            where: "w.user_id = \(owner) AND w.currency = \(currency)"
        ).first
        let wallet =
            if let existing { existing } else { try await open(owner, currency, limits: limits) }
        directory.keep(wallet)
        live.add(wallet)
        return wallet
    }

    /// Two processes may open the same wallet at once: the second finds the first's.
    private func open(
        _ owner: ID<User>, _ currency: Currency, limits: AccountLimits?
    ) async throws -> Wallet {
        do {
            return try await database.transaction { transaction in
                try open(owner, currency, limits: limits, in: transaction)
            }
        } catch let error as DatabaseError
            where error.isUniqueViolation("wallets_one_per_currency")
        {
            let existing = try await stored(
                where: "w.user_id = \(owner) AND w.currency = \(currency)")
            guard let wallet = existing.first else { throw error }
            return wallet
        }
    }

    /// Opens a wallet and its account in the caller's transaction, with the limits of its owner's
    /// plan and tier unless others are given.
    package func open(
        _ owner: ID<User>, _ currency: Currency, limits: AccountLimits? = nil,
        in transaction: borrowing Transaction
    ) throws -> Wallet {
        let limits = try limits ?? usualLimits(of: owner, currency, in: transaction)
        let account = try ledger.openAccount(
            .wallet, currency, floor: 0, limits: limits, in: transaction)
        let now = clock.now
        let wallet = Wallet(id: .make(at: now), owner: owner, currency: currency, account: account)
        try transaction.execute(
            """
            INSERT INTO payments.wallets (id, user_id, currency, account, created_at)
            VALUES (\(wallet.id), \(owner), \(currency), \(account.number), \(now))
            """)
        let opened = Event(
            kind: Self.walletOpened, subject: ID(high: owner.high, low: owner.low),
            payload: #"{"id":"\#(wallet.id)","currency":"\#(currency)"}"#)
        try events.append(opened, in: transaction)
        return wallet
    }

    private func usualLimits(
        of owner: ID<User>, _ currency: Currency, in transaction: borrowing Transaction
    ) throws -> AccountLimits {
        let standing = try identity.standing(of: owner, in: transaction)
        return terms.limits.limits(of: standing, in: currency)
    }

    /// The wallets of several people, opened where there are none yet.
    func wallets(
        of owners: Set<ID<User>>, _ currency: Currency
    ) async throws -> [ID<User>: Wallet] {
        var wallets: [ID<User>: Wallet] = [:]
        var unknown: Set<ID<User>> = []
        for owner in owners {
            wallets[owner] = directory.wallet(of: owner, currency)
            if wallets[owner] == nil { unknown.insert(owner) }
        }
        guard !unknown.isEmpty else { return wallets }
        let found = try await stored(
            where: "w.user_id = ANY(\(Array(unknown))) AND w.currency = \(currency)")
        let missing = unknown.subtracting(found.map(\.owner))
        for wallet in found + (try await open(missing, currency)) {
            directory.keep(wallet)
            live.add(wallet)
            wallets[wallet.owner] = wallet
        }
        return wallets
    }

    /// A few hundred at a time, so that no transaction is long.
    private func open(_ owners: Set<ID<User>>, _ currency: Currency) async throws -> [Wallet] {
        var (opened, rest): ([Wallet], ArraySlice<ID<User>>) = ([], Array(owners)[...])
        while !rest.isEmpty {
            let some = Array(rest.prefix(Self.walletsOpenedAtOnceMax))
            rest = rest.dropFirst(some.count)
            do {
                opened += try await database.transaction { transaction in
                    try some.map { try open($0, currency, in: transaction) }
                }
            } catch let error as DatabaseError
                where error.isUniqueViolation("wallets_one_per_currency")
            {
                for owner in some { opened.append(try await wallet(of: owner, currency)) }
            }
        }
        return opened
    }

    private static let walletsOpenedAtOnceMax = 250

    func stored(where condition: SQL) async throws -> [Wallet] {
        try await database.query(
            """
            SELECT w.id, w.user_id, w.currency, w.account FROM payments.wallets w
            WHERE \(condition) ORDER BY w.id
            """
        ) { try Wallet(row: $0) }
    }

    /// The wallets of many people at once.
    static func wallets(in database: Database) -> GatheredRead<ID<User>, Wallet> {
        GatheredRead(database) { askers, owners in
            """
            SELECT w.id, w.user_id, w.currency, w.account, q.asker
            FROM unnest(\(askers), \(owners)) AS q(asker, owner)
            CROSS JOIN LATERAL (
                SELECT * FROM payments.wallets w WHERE w.user_id = q.owner ORDER BY w.id) AS w
            """
        } decode: { row in
            try Wallet(row: row)
        }
    }

    /// Who owns which account; the operator's own accounts are absent.
    func owners(of accounts: Set<AccountID>) async throws -> [AccountID: Directory.Person] {
        var owners: [AccountID: Directory.Person] = [:]
        var unknown: [Int64] = []
        for account in accounts {
            if let person = directory.owner(of: account) {
                owners[account] = person
            } else {
                unknown.append(account.number)
            }
        }
        guard !unknown.isEmpty else { return owners }
        let found = try await database.query(
            """
            SELECT w.account, p.id, p.username
            FROM payments.wallets w JOIN identity.people p ON p.id = w.user_id
            WHERE w.account = ANY(\(unknown))
            """
        ) { row in
            (AccountID(try row[0]), Directory.Person(id: try row[1], username: try row[2]))
        }
        for (account, person) in found {
            directory.keep(person, ownerOf: account)
            owners[account] = person
        }
        return owners
    }

    /// The people behind several usernames, telephone numbers and e-mail addresses; what names
    /// nobody is absent.
    func people(named texts: Set<String>) async throws -> [String: Directory.Person] {
        var people: [String: Directory.Person] = [:]
        var unknown: Set<String> = []
        for text in texts {
            people[text] = directory.person(named: text)
            if people[text] == nil { unknown.insert(text) }
        }
        guard !unknown.isEmpty else { return people }
        for (text, found) in try await identity.find(unknown) {
            let person = Directory.Person(id: found.id, username: found.username.text)
            directory.keep(person)
            people[text] = person
        }
        return people
    }

    /// The person behind a username, telephone number or e-mail address.
    func person(_ text: String) async throws -> Directory.Person {
        if let known = directory.person(named: text) { return known }
        guard let user = try await identity.find(text) else {
            throw PaymentRejection.recipientNotFound
        }
        let person = Directory.Person(id: user.id, username: user.username.text)
        directory.keep(person)
        return person
    }
}

extension Wallet {
    fileprivate init(row: Row) throws {
        id = try row[0]
        owner = try row[1]
        currency = try row[2]
        account = AccountID(try row[3])
    }
}
