package import Values

/// A key pair of which the person's device keeps the private half and Florin the public one.
package struct Passkey: Sendable {
    package let id: ID<Passkey>
    /// What its owner calls it.
    package let name: String
    package let createdAt: Timestamp
    package let lastUsedAt: Timestamp?
    /// When its count went back, which a copy of it would do.
    package let suspendedAt: Timestamp?
}

enum PasskeyRules {
    /// Of one person: every device and a few keys in drawers.
    static let perPersonMax = 20
    static let nameCharactersMax = 60
    static let challengeSeconds: Int64 = 300
    /// Expired challenges that each new one clears away, so that they cannot pile up.
    static let clearedMax = 20
}

/// What a browser needs to ask a device for a new passkey.
package struct RegistrationOptions: Sendable {
    package let challenge: [UInt8]
    package let userHandle: [UInt8]
    package let username: Username
    /// Of the passkeys that the person has: a device that holds one of them makes no second.
    package let known: [[UInt8]]
}

/// What a device answers when it has made one; names as in the standard.
package struct PasskeyRegistration: Sendable {
    package let credentialID: [UInt8]
    package let clientData: [UInt8]
    package let attestation: [UInt8]

    package init(credentialID: [UInt8], clientData: [UInt8], attestation: [UInt8]) {
        self.credentialID = credentialID
        self.clientData = clientData
        self.attestation = attestation
    }
}

/// What a device answers when it uses one.
package struct PasskeyAssertion: Sendable {
    package let credentialID: [UInt8]
    package let clientData: [UInt8]
    package let authenticatorData: [UInt8]
    package let signature: [UInt8]
    package let userHandle: [UInt8]?

    package init(
        credentialID: [UInt8], clientData: [UInt8], authenticatorData: [UInt8],
        signature: [UInt8], userHandle: [UInt8]?
    ) {
        self.credentialID = credentialID
        self.clientData = clientData
        self.authenticatorData = authenticatorData
        self.signature = signature
        self.userHandle = userHandle
    }
}
