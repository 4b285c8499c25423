/// The site that passkeys are for, and what it demands of them.
package struct RelyingParty: Sendable, Equatable {
    /// A domain; passkeys are bound to it for ever.
    package let id: String
    /// Where the page may stand, such as `https://wallet.example`.
    package let origins: [String]

    /// - Returns: nil unless each origin is one that browsers accept for this domain.
    package init?(id: String, origins: [String]) {
        let fits = origins.allSatisfy { origin in
            guard let host = Self.host(of: origin) else { return false }
            return host == id || host.hasSuffix("." + id)
        }
        guard !id.isEmpty, !origins.isEmpty, fits else { return nil }
        self.id = id
        self.origins = origins
    }

    /// The host of an origin in the spelling of browsers: `https`, or `http` on this machine, and
    /// no path.
    package static func host(of origin: String) -> String? {
        let parts = origin.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].isEmpty else { return nil }
        let authority = parts[2].split(separator: ":", omittingEmptySubsequences: false)
        guard (1...2).contains(authority.count), let host = authority.first, isHost(host) else {
            return nil
        }
        if authority.count == 2 { guard UInt16(authority[1]) != nil else { return nil } }
        guard parts[0] == "https:" || parts[0] == "http:" && host == "localhost" else {
            return nil
        }
        return String(host)
    }

    private static func isHost(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy {
                (0x61...0x7A).contains($0) || (0x30...0x39).contains($0)
                    || [0x2D, 0x2E].contains($0)
            }
    }
}

/// What the browser says about the page that asked: section 5.8.1, read from its JSON elsewhere.
package struct ClientData: Sendable {
    package enum Ceremony: String, Sendable {
        case registration = "webauthn.create"
        case assertion = "webauthn.get"
    }

    package let type: String
    package let challenge: [UInt8]
    package let origin: String
    /// Whether the page stood within one of another origin.
    package let isCrossOrigin: Bool
    /// SHA-256 of the very bytes that came.
    package let hash: [UInt8]

    package init(
        type: String, challenge: [UInt8], origin: String, isCrossOrigin: Bool, hash: [UInt8]
    ) {
        self.type = type
        self.challenge = challenge
        self.origin = origin
        self.isCrossOrigin = isCrossOrigin
        self.hash = hash
    }
}

extension RelyingParty {
    /// Section 7.1, steps 7 to 19: a passkey that may be stored when nobody has its id yet.
    ///
    /// Trust in a maker is not asked for, so an attestation is `none`, or `packed` by the new key
    /// itself, which proves that who sends the key can use it. One with certificates does not come
    /// from a browser that was asked for `none`.
    package func register(
        _ clientData: ClientData, attestation: [UInt8], credentialID: [UInt8], challenge: [UInt8]
    ) throws(WebAuthnError) -> (credential: AuthenticatorData.Credential, signCount: UInt32) {
        try check(clientData, .registration, challenge)
        let object: CBOR
        do { object = try CBOR(parsing: attestation) } catch { throw .attestationMalformed }
        guard object.members?.count == 3, let format = object["fmt"]?.text,
            let statement = object["attStmt"], let bytes = object["authData"]?.bytes
        else { throw .attestationMalformed }
        let data = try AuthenticatorData(parsing: bytes)
        try check(data)
        guard let credential = data.credential else { throw .authenticatorDataMalformed }
        guard credential.id == credentialID else { throw .credentialMismatch }
        switch format {
        case "none":
            guard statement == .map([]) else { throw .attestationMalformed }
        case "packed":
            try checkSelfAttestation(statement, by: credential.key, over: bytes + clientData.hash)
        default: throw .attestationNotSupported
        }
        return (credential, data.signCount)
    }

    /// Section 7.2, steps 11 to 20: the count that the authenticator gives now, for step 21.
    package func assert(
        _ clientData: ClientData, authenticatorData bytes: [UInt8], signature: [UInt8],
        by key: COSEKey, challenge: [UInt8]
    ) throws(WebAuthnError) -> UInt32 {
        try check(clientData, .assertion, challenge)
        let data = try AuthenticatorData(parsing: bytes)
        try check(data)
        guard key.isValid(signature: signature, for: bytes + clientData.hash) else {
            throw .signatureWrong
        }
        return data.signCount
    }

    // MARK: Steps

    private func check(
        _ clientData: ClientData, _ ceremony: ClientData.Ceremony, _ challenge: [UInt8]
    ) throws(WebAuthnError) {
        guard clientData.type == ceremony.rawValue else { throw .ceremonyWrong }
        guard constantTimeEquals(clientData.challenge, challenge) else { throw .challengeWrong }
        guard origins.contains(clientData.origin), !clientData.isCrossOrigin else {
            throw .originWrong
        }
    }

    private func check(_ data: AuthenticatorData) throws(WebAuthnError) {
        guard data.relyingPartyHash == Hash.sha256(id) else { throw .relyingPartyWrong }
        guard data.isUserPresent else { throw .userNotPresent }
        guard data.isUserVerified else { throw .userNotVerified }
    }

    /// Section 8.2 without `x5c`.
    private func checkSelfAttestation(
        _ statement: CBOR, by key: COSEKey, over message: [UInt8]
    ) throws(WebAuthnError) {
        guard statement["x5c"] == nil else { throw .attestationNotSupported }
        guard statement.members?.count == 2, let signature = statement["sig"]?.bytes,
            let algorithm = statement["alg"]?.integer
        else { throw .attestationMalformed }
        guard algorithm == key.algorithm.rawValue else { throw .algorithmNotAllowed }
        guard key.isValid(signature: signature, for: message) else { throw .signatureWrong }
    }
}

/// Section 7.2, step 21.
package enum SignCount {
    /// Whether the key may go on: a count that does not grow is that of a copy, unless both are 0,
    /// which says that the authenticator does not count.
    package static func mayFollow(stored: UInt32, received: UInt32) -> Bool {
        (stored == 0 && received == 0) || received > stored
    }
}
