package import HTTP
package import Values

/// Something that somebody did and that may be asked about later: every security act, every act of
/// staff.
package struct Act: Sendable {
    /// What was done, such as `signed_up`. Each feature names its own in an extension.
    package struct Kind: Sendable, Hashable {
        package let text: String

        package init(_ text: StaticString) { self.text = "\(text)" }
    }

    package let kind: Kind
    /// Who did it; nil for strangers and for the program itself.
    package let actor: ID<User>?
    /// To whom it was done; the actor, mostly.
    package let subject: ID<User>?
    package let origin: Origin
    /// The actor's own words, where an act needs some.
    package let reason: String?
    /// What stood there before and after, as JSON, where something was changed. Never a secret.
    package let before: String?
    package let after: String?

    package static let reasonCharactersMax = 500

    package init(
        _ kind: Kind, by actor: ID<User>?, of subject: ID<User>?, from origin: Origin,
        reason: String? = nil, before: String? = nil, after: String? = nil
    ) {
        self.kind = kind
        self.actor = actor
        self.subject = subject
        self.origin = origin
        self.reason = reason
        self.before = before
        self.after = after
    }
}

extension Schema {
    /// Why a member of staff acts, in their own words, which the log keeps.
    package static let reason = Schema.string(min: 1, max: Act.reasonCharactersMax)
}
