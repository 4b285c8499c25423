package import Cryptography
internal import Values

/// Seals personal data field by field, and makes the blind indexes by which it is found.
package struct Vault: Sendable {
    private let key: SealingKey

    package init(key: SealingKey) {
        self.key = key
    }

    func seal(_ text: String, of user: ID<User>) -> [UInt8] {
        key.seal(Array(text.utf8), context: Array("\(user)".utf8))
    }

    func open(_ sealed: [UInt8], of user: ID<User>) throws -> String {
        String(decoding: try key.open(sealed, context: Array("\(user)".utf8)), as: UTF8.self)
    }

    func seal(_ secret: [UInt8], named name: String) -> [UInt8] {
        key.seal(secret, context: Array(name.utf8))
    }

    func open(_ sealed: [UInt8], named name: String) throws -> [UInt8] {
        try key.open(sealed, context: Array(name.utf8))
    }

    func index(_ phone: PhoneNumber) -> [UInt8] { key.blindIndex("phone:" + phone.e164) }
    func index(_ email: EmailAddress) -> [UInt8] { key.blindIndex("email:" + email.text) }
    func index(address: String) -> [UInt8] { key.blindIndex("address:" + address) }

    func index(guessed secret: String, of name: String) -> [UInt8] {
        key.blindIndex("guessed:\(secret):\(name)")
    }

    /// Codes are short, so they are hashed with the key: without it a stolen table cannot be
    /// searched.
    func hash(code: String, named name: String) -> [UInt8] {
        key.blindIndex("code:\(name):\(code)")
    }

    /// So are PINs, before they are hashed slowly: a million of them are soon tried.
    func hash(pin: String, of user: ID<User>) -> [UInt8] { key.blindIndex("pin:\(user):\(pin)") }
}
