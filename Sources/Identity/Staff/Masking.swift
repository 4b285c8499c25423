package import Values

/// What staff sees of people who were not disclosed to them: enough to tell two apart, not enough
/// to write it down.
enum Masked {
    /// `Asha Wanjiru` as `A••• W•••`: how long a name is says something too.
    static func name(_ name: String) -> String {
        name.split(separator: " ").map { $0.prefix(1) + "•••" }.joined(separator: " ")
    }

    /// The last three of a number, of which there are four at least.
    static func number(_ number: String) -> String { "•••" + number.suffix(3) }
}

/// A person as staff sees them.
package struct MaskedPerson: Sendable {
    package let id: ID<User>
    package let username: String
    package let phone: String?
    package let email: String?
    package let fullName: String?
    package let role: Role
    package let isVerified: Bool
    package let standing: Standing
    package let createdAt: Timestamp

    init(_ user: User) {
        id = user.id
        username = user.username.text
        phone = user.phone.map { "\($0)" }
        email = user.email.map { "\($0)" }
        fullName = user.fullName.map { Masked.name($0.text) }
        role = user.role
        isVerified = user.isVerified
        standing = user.standing
        createdAt = user.createdAt
    }
}
