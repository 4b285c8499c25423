package import Cryptography
package import Values

/// Seals personal data field by field, each person's under a key of their own, and makes the blind
/// indexes by which people are found.
///
/// A person's key is random and stored wrapped by the operator's master keys: a rotation re-wraps
/// it, and destroying it makes unreadable what was sealed under it, in whatever table that lies.
package struct Vault: Sendable {
    private let wrapping: SealingKey
    /// Outlives the master keys: an index that changed with them would lose who is written where.
    private let indexing: DataKey
    /// Seals what belongs in the audit log and to nobody.
    private let log: DataKey
    let peppers: Peppers

    /// What the wrapping key of this slice is for.
    package static let purpose = "identity"
    /// A key as it is stored.
    static let wrappedBytes = DataKey.bytesCount + SealingKey.overheadBytes

    /// - Parameter wrapping: opens what the operator's master keys have wrapped.
    init(wrapping: SealingKey, indexing: DataKey, log: DataKey, peppers: Peppers) {
        self.wrapping = wrapping
        self.indexing = indexing
        self.log = log
        self.peppers = peppers
    }

    /// Keys that nobody has stored: for a program that only tells what it could do.
    package init(unstored wrapping: SealingKey) {
        self.init(
            wrapping: wrapping, indexing: DataKey.generate().key, log: DataKey.generate().key,
            peppers: Peppers([:]))
    }

    // MARK: People

    func newKey(of user: ID<User>) -> (key: PersonKey, wrapped: [UInt8]) {
        let (key, bytes) = DataKey.generate()
        return (
            PersonKey(user: user, key: key),
            wrapping.seal(bytes, context: Self.context(of: user))
        )
    }

    func person(_ user: ID<User>, _ wrapped: [UInt8]) throws(SealingError) -> PersonKey {
        let bytes = try wrapping.open(wrapped, context: Self.context(of: user))
        return PersonKey(user: user, key: try DataKey(bytes: bytes))
    }

    static func context(of user: ID<User>) -> [UInt8] { Array("key of \(user)".utf8) }

    // MARK: The program's own secrets

    func seal(_ secret: [UInt8], named name: String) -> [UInt8] {
        wrapping.seal(secret, context: Array(name.utf8))
    }

    func open(_ sealed: [UInt8], named name: String) throws -> [UInt8] {
        try wrapping.open(sealed, context: Array(name.utf8))
    }

    /// One of the keys of all, which are stored wrapped.
    func wrap(_ key: [UInt8], named name: String) -> [UInt8] {
        wrapping.seal(key, context: Self.context(of: name))
    }

    func unwrap(_ wrapped: [UInt8], named name: String) throws -> DataKey {
        try DataKey(bytes: wrapping.open(wrapped, context: Self.context(of: name)))
    }

    func sealForLog(_ plain: [UInt8], _ context: String) -> [UInt8] {
        log.seal(plain, context: context)
    }

    func openFromLog(_ sealed: [UInt8], _ context: String) throws(SealingError) -> [UInt8] {
        try log.open(sealed, context: context)
    }

    // MARK: Blind indexes

    func index(_ phone: PhoneNumber) -> [UInt8] { indexing.blindIndex("phone:" + phone.e164) }
    func index(_ email: EmailAddress) -> [UInt8] { indexing.blindIndex("email:" + email.text) }
    func index(_ username: Username) -> [UInt8] { indexing.blindIndex("look:" + username.look) }
    func index(address: String) -> [UInt8] { indexing.blindIndex("address:" + address) }
    func index(_ document: IdentityDocument) -> [UInt8] {
        indexing.blindIndex("document:" + document.canonical)
    }

    func index(guessed secret: String, of name: String) -> [UInt8] {
        indexing.blindIndex("guessed:\(secret):\(name)")
    }

    /// Codes are short, so they are hashed with a key: without it a stolen table cannot be
    /// searched.
    func hash(code: String, named name: String) -> [UInt8] {
        indexing.blindIndex("code:\(name):\(code)")
    }

    /// So are PINs, before they are hashed slowly: a million of them are soon tried.
    func hash(pin: String, of user: ID<User>) -> [UInt8] {
        indexing.blindIndex("pin:\(user):\(pin)")
    }
}

/// Seals what is one person's, each field so that it opens in its own place only.
package struct PersonKey: Sendable {
    package let user: ID<User>
    private let key: DataKey

    fileprivate init(user: ID<User>, key: DataKey) {
        self.user = user
        self.key = key
    }

    package func seal(_ plain: [UInt8], _ field: PersonalField) -> [UInt8] {
        key.seal(plain, context: context(field))
    }

    package func open(_ sealed: [UInt8], _ field: PersonalField) throws(SealingError) -> [UInt8] {
        try key.open(sealed, context: context(field))
    }

    package func seal(_ text: String, _ field: PersonalField) -> [UInt8] {
        seal(Array(text.utf8), field)
    }

    package func open(_ sealed: [UInt8], _ field: PersonalField) throws(SealingError) -> String {
        String(decoding: try open(sealed, field) as [UInt8], as: UTF8.self)
    }

    private func context(_ field: PersonalField) -> String { "\(user) \(field.name)" }
}

/// The name of a sealed field. Each feature names its own in an extension, once and for ever: what
/// was sealed under one name opens under no other.
package struct PersonalField: Sendable {
    let name: String

    package init(_ name: StaticString) { self.name = "\(name)" }

    /// One of many rows, such as a document.
    package init<Owner>(_ name: StaticString, _ id: ID<Owner>) { self.name = "\(name) \(id)" }
}

extension PersonalField {
    static let phone = PersonalField("phone")
    static let email = PersonalField("email")
    static let fullName = PersonalField("full name")
    static let birthDate = PersonalField("birth date")
}
