internal import Identity
internal import Ledger
internal import Postgres
internal import Synchronization
internal import Values

/// Remembers who is behind a name and which account is whose, so that a payment need not ask.
///
/// Only what never changes is kept: usernames, and which wallet belongs to whom. Who is erased is
/// forgotten.
final class Directory: Sendable {
    /// About 150 bytes each.
    static let entriesMax = 200_000

    struct Person: Sendable, Equatable {
        let id: ID<User>
        let username: String
    }

    private struct WalletKey: Hashable {
        let owner: ID<User>
        let currency: Currency
    }

    private struct State {
        var people: [String: Person] = [:]
        var wallets: [WalletKey: Wallet] = [:]
        var walletsByID: [ID<Wallet>: Wallet] = [:]
        var owners: [AccountID: Person] = [:]
        var systemAccounts: [SystemKey: AccountID] = [:]
    }

    private struct SystemKey: Hashable {
        let kind: AccountKind
        let currency: Currency
    }

    private let state = Mutex(State())

    func person(named text: String) -> Person? { state.withLock { $0.people[text] } }

    func keep(_ person: Person) {
        state.withLock { state in
            if state.people.count >= Self.entriesMax { state.people = [:] }
            state.people[person.username] = person
        }
    }

    /// One person, or everybody.
    func forget(_ person: ID<User>?) {
        state.withLock { state in
            guard let person else {
                (state.people, state.owners) = ([:], [:])
                return
            }
            state.people = state.people.filter { $0.value.id != person }
            state.owners = state.owners.filter { $0.value.id != person }
        }
    }

    func wallet(of owner: ID<User>, _ currency: Currency) -> Wallet? {
        state.withLock { $0.wallets[WalletKey(owner: owner, currency: currency)] }
    }

    func wallet(_ id: ID<Wallet>) -> Wallet? { state.withLock { $0.walletsByID[id] } }

    func keep(_ wallet: Wallet) {
        state.withLock { state in
            if state.wallets.count >= Self.entriesMax {
                state.wallets = [:]
                state.walletsByID = [:]
            }
            state.walletsByID[wallet.id] = wallet
            state.wallets[WalletKey(owner: wallet.owner, currency: wallet.currency)] = wallet
        }
    }

    func owner(of account: AccountID) -> Person? { state.withLock { $0.owners[account] } }

    func keep(_ person: Person, ownerOf account: AccountID) {
        state.withLock { state in
            if state.owners.count >= Self.entriesMax { state.owners = [:] }
            state.owners[account] = person
        }
    }

    func systemAccount(_ kind: AccountKind, _ currency: Currency) -> AccountID? {
        state.withLock { $0.systemAccounts[SystemKey(kind: kind, currency: currency)] }
    }

    func keep(_ account: AccountID, _ kind: AccountKind, _ currency: Currency) {
        state.withLock {
            $0.systemAccounts[SystemKey(kind: kind, currency: currency)] = account
        }
    }
}
