import Testing

@testable import Cryptography

@Suite("WebAuthn")
struct WebAuthnTests {
    let device = SoftAuthenticator()
    let site: RelyingParty

    init() throws {
        site = try #require(
            RelyingParty(id: "wallet.example", origins: [SoftAuthenticator.origin]))
    }

    @discardableResult
    func register(
        _ attestation: [UInt8], _ clientData: ClientData? = nil, id: [UInt8]? = nil
    ) throws(WebAuthnError) -> AuthenticatorData.Credential {
        try site.register(
            clientData ?? device.clientData(), attestation: attestation,
            credentialID: id ?? device.credentialID, challenge: device.challenge
        ).credential
    }

    @discardableResult
    func assert(
        _ data: [UInt8]? = nil, _ clientData: ClientData? = nil, signature: [UInt8]? = nil,
        by bent: SoftAuthenticator? = nil
    ) throws(WebAuthnError) -> UInt32 {
        let device = bent ?? device
        let data = data ?? device.authenticatorData(false)
        let clientData = clientData ?? device.clientData("webauthn.get")
        return try site.assert(
            clientData, authenticatorData: data,
            signature: signature ?? device.sign(data + clientData.hash),
            by: COSEKey(parsing: device.coseKey), challenge: device.challenge)
    }

    @Test func aPasskeyIsRegisteredAndUsed() throws {
        for attestation in [device.attestationOfNothing(), device.attestationBySelf()] {
            let made = try register(attestation)
            #expect(made.id == device.credentialID)
            #expect(made.keyBytes == device.coseKey)
        }
        #expect(try assert() == 0)
        var counting = device
        counting.signCount = 7
        #expect(try assert(by: counting) == 7)
    }

    @Test func everyByteOfARegistrationCounts() {
        let attestation = device.attestationBySelf()
        for (index, bit) in everyBit(of: attestation) {
            var changed = attestation
            changed[index] ^= bit
            #expect(throws: WebAuthnError.self, "byte \(index) of the attestation") {
                try register(changed)
            }
        }
        let text = device.clientText("webauthn.create", device.challenge)
        for (index, bit) in everyBit(of: text) {
            var changed = text
            changed[index] ^= bit
            // Even if the JSON still said the same.
            #expect(throws: WebAuthnError.signatureWrong, "byte \(index) of the client data") {
                try register(attestation, device.clientData(text: changed))
            }
        }
    }

    @Test func everyByteOfAnAssertionCounts() {
        let data = device.authenticatorData(false)
        let clientData = device.clientData("webauthn.get")
        let signature = device.sign(data + clientData.hash)
        for (index, bit) in everyBit(of: data) {
            var changed = data
            changed[index] ^= bit
            #expect(throws: WebAuthnError.self, "byte \(index) of the authenticator data") {
                try assert(changed, clientData, signature: signature)
            }
        }
        for (index, bit) in everyBit(of: signature) {
            var changed = signature
            changed[index] ^= bit
            #expect(throws: WebAuthnError.signatureWrong, "byte \(index) of the signature") {
                try assert(data, clientData, signature: changed)
            }
        }
        let text = device.clientText("webauthn.get", device.challenge)
        for (index, bit) in everyBit(of: text) {
            var changed = text
            changed[index] ^= bit
            #expect(throws: WebAuthnError.signatureWrong) {
                try assert(
                    data, device.clientData("webauthn.get", text: changed), signature: signature)
            }
        }
    }

    /// Two bits of every byte: the lowest and the highest.
    private func everyBit(of bytes: [UInt8]) -> [(Int, UInt8)] {
        bytes.indices.flatMap { index in [UInt8(0x01), 0x80].map { (index, $0) } }
    }

    @Test func thePageMustFit() {
        let good = device.attestationBySelf()
        #expect(throws: WebAuthnError.ceremonyWrong) {
            try register(good, device.clientData("webauthn.get"))
        }
        #expect(throws: WebAuthnError.ceremonyWrong) { try assert(nil, device.clientData()) }
        #expect(throws: WebAuthnError.challengeWrong) {
            try register(good, device.clientData(challenge: SecureRandom.bytes(32)))
        }
        #expect(throws: WebAuthnError.challengeWrong) {
            try register(good, device.clientData(challenge: Array(device.challenge.dropLast())))
        }
        for origin in [
            "https://wallet.example.evil", "http://wallet.example", "https://wallet.example:444",
            "https://wallet.example/", "https://WALLET.example", "https://evil.example", "null", "",
        ] {
            #expect(throws: WebAuthnError.originWrong) {
                try register(good, device.clientData(origin: origin))
            }
        }
        #expect(throws: WebAuthnError.originWrong) {
            try register(good, device.clientData(isCrossOrigin: true))
        }
    }

    @Test func thePersonMustBeThereAndVerified() {
        var bent = device
        bent.flags = 0x04
        #expect(throws: WebAuthnError.userNotPresent) { try assert(by: bent) }
        #expect(throws: WebAuthnError.userNotPresent) {
            try register(bent.attestationBySelf())
        }
        bent.flags = 0x01
        #expect(throws: WebAuthnError.userNotVerified) { try assert(by: bent) }
        #expect(throws: WebAuthnError.userNotVerified) {
            try register(bent.attestationOfNothing())
        }
        bent.flags = 0x15
        #expect(throws: WebAuthnError.authenticatorDataMalformed) { try assert(by: bent) }
        bent.flags = 0x05
        bent.relyingParty = "evil.example"
        #expect(throws: WebAuthnError.relyingPartyWrong) { try assert(by: bent) }
    }

    @Test func attestationsOfOthersAreRefused() {
        let data = device.authenticatorData(true)
        let object = SoftAuthenticator.object
        #expect(throws: WebAuthnError.attestationNotSupported) {
            try register(object("fido-u2f", [0xA0], data))
        }
        #expect(throws: WebAuthnError.attestationMalformed) {
            try register(object("none", [0xA1, 0x01, 0x02], data))
        }
        #expect(throws: WebAuthnError.attestationMalformed) {
            try register(object("packed", [0xA0], data))
        }
        let certified: [UInt8] =
            [0xA3] + SoftAuthenticator.text("alg") + [0x26] + SoftAuthenticator.text("sig")
            + SoftAuthenticator.bytes(device.sign(data + device.clientData().hash))
            + SoftAuthenticator.text("x5c") + [0x80]
        #expect(throws: WebAuthnError.attestationNotSupported) {
            try register(object("packed", certified, data))
        }
        #expect(throws: WebAuthnError.algorithmNotAllowed) {
            try register(device.attestationBySelf(algorithm: 0x27))
        }
        #expect(throws: WebAuthnError.attestationMalformed) { try register([]) }
        #expect(throws: WebAuthnError.attestationMalformed) {
            try register(device.attestationOfNothing() + [0])
        }
        #expect(throws: WebAuthnError.credentialMismatch) {
            try register(device.attestationOfNothing(), id: SecureRandom.bytes(32))
        }
    }

    @Test func authenticatorDataEndsWhereItSays() {
        let data = device.authenticatorData(true)
        for end in data.indices {
            #expect(throws: WebAuthnError.self) {
                try register(device.attestationOfNothing(Array(data[..<end])))
            }
        }
        #expect(throws: WebAuthnError.authenticatorDataMalformed) {
            try register(device.attestationOfNothing(data + [0xA0]))
        }
        // A length of 65535 for a credential of 32 bytes.
        var long = data
        long[53] = 0xFF
        long[54] = 0xFF
        #expect(throws: WebAuthnError.authenticatorDataMalformed) {
            try register(device.attestationOfNothing(long))
        }
        // Extensions are passed over, and only if they are a map.
        var extended = data
        extended[32] |= 0x80
        #expect(throws: Never.self) {
            try register(device.attestationOfNothing(extended + [0xA0]))
        }
        for wrong in [[], [0x80], [0xA0, 0xA0], [0xA2, 1, 0, 1, 0]] as [[UInt8]] {
            #expect(throws: WebAuthnError.authenticatorDataMalformed) {
                try register(device.attestationOfNothing(extended + wrong))
            }
        }
    }

    @Test func theCountOfACopyIsSeen() {
        #expect(SignCount.mayFollow(stored: 0, received: 0))
        #expect(SignCount.mayFollow(stored: 0, received: 1))
        #expect(SignCount.mayFollow(stored: 7, received: .max))
        #expect(!SignCount.mayFollow(stored: 7, received: 7))
        #expect(!SignCount.mayFollow(stored: 7, received: 6))
        #expect(!SignCount.mayFollow(stored: 7, received: 0))
    }

    @Test(arguments: [
        ("wallet.example", "https://wallet.example"),
        ("wallet.example", "https://pay.wallet.example"),
        ("localhost", "http://localhost:8080"), ("wallet.example", "https://wallet.example:8443"),
    ])
    func originsFitTheirDomain(id: String, origin: String) {
        #expect(RelyingParty(id: id, origins: [origin]) != nil)
    }

    @Test(arguments: [
        ("wallet.example", "http://wallet.example"),
        ("wallet.example", "https://evilwallet.example"),
        ("wallet.example", "https://wallet.example/"), ("wallet.example", "wallet.example"),
        ("", "https://wallet.example"), ("wallet.example", "https://"),
        ("wallet.example", "https://wallet.example:x"),
        ("wallet.example", "https://a@wallet.example"),
        ("pay.wallet.example", "https://wallet.example"),
        ("wallet.example", "https://Wallet.example"),
    ])
    func otherOriginsDoNot(id: String, origin: String) {
        #expect(RelyingParty(id: id, origins: [origin]) == nil)
    }
}
