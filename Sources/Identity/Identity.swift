package import Cryptography
package import Jobs
package import Notifications
package import Postgres
package import Redis
package import Values

/// Who people are: sign-up, one-time codes, log-in, sessions, and finding one another.
///
/// Verbs are in the folders named after what they are about.
package struct Identity: Sendable {
    let database: Database
    let notifications: Notifications
    let events: Events
    let clock: Clock
    let passwords: PasswordHasher
    /// On threads of their own, so that a flood of log-ins keeps nobody from paying.
    let pins: PasswordHasher
    /// Nil where the operator has no list of them.
    let breached: BreachedPasswords?
    let vault: Vault
    package let audit: AuditLog
    let tokens: TokenMint
    /// Whether a log-in from a device that is not known is asked for a second step.
    let asksNewDevices: Bool
    /// How long a strict session may lie unused.
    let strictIdleSeconds: Int64
    let relyingParty: RelyingParty
    /// Keys of a sandbox say so, and open nothing elsewhere.
    let isSandbox: Bool
    /// From where staff may work; everywhere when it is empty.
    let staffAddresses: NetworkRanges
    /// Whether staff work only in sessions that showed a second factor.
    let asksStaff: Bool
    let codeLimits: CodeLimits
    let buckets: TokenBuckets
    let sessionCache = SessionCache()
    let decoy = DecoyHash()
    let followStanding: StandingChange

    package init(
        database: Database, notifications: Notifications, events: Events, clock: Clock,
        passwords: PasswordHasher, pins: PasswordHasher, breached: BreachedPasswords?,
        vault: Vault, tokens: TokenMint, relyingParty: RelyingParty, asksNewDevices: Bool,
        strictIdleSeconds: Int64,
        isSandbox: Bool, staffAddresses: NetworkRanges, asksStaff: Bool, codeLimits: CodeLimits,
        buckets: TokenBuckets, followStanding: @escaping StandingChange
    ) {
        self.database = database
        self.notifications = notifications
        self.events = events
        self.clock = clock
        self.passwords = passwords
        self.pins = pins
        self.breached = breached
        self.vault = vault
        audit = AuditLog(vault: vault, clock: clock)
        self.tokens = tokens
        self.followStanding = followStanding
        self.asksNewDevices = asksNewDevices
        self.strictIdleSeconds = strictIdleSeconds
        self.relyingParty = relyingParty
        self.isSandbox = isSandbox
        self.staffAddresses = staffAddresses
        self.asksStaff = asksStaff
        self.codeLimits = codeLimits
        self.buckets = buckets
    }
}
