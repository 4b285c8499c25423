internal import Cryptography
package import HTTP
internal import Postgres
package import Values

extension Identity {
    /// Checks that a person's own passkey has signed a hash of something in the place of a
    /// challenge. There is nothing to spend: signed again, it says the same again.
    ///
    /// - Returns: the passkey's public key as COSE, so that anybody can check it later.
    package func checkPasskey(
        _ assertion: PasskeyAssertion, over hash: [UInt8], of user: ID<User>, from origin: Origin
    ) async throws -> [UInt8] {
        let clientData = try reading { () throws(WebAuthnError) in
            try ClientData(parsing: assertion.clientData)
        }
        guard constantTimeEquals(clientData.challenge, hash) else {
            throw IdentityRejection.passkeyInvalid(reason: WebAuthnError.challengeWrong.rawValue)
        }
        let outcome = try await database.transaction { transaction -> Proven<[UInt8]> in
            guard let passkey = try stored(assertion.credentialID, transaction) else {
                return .failure(.passkeyUnknown)
            }
            return switch try prove(assertion, clientData, from: origin, transaction) {
            case .failure(let refusal): .failure(refusal)
            case .success(let owner):
                owner == user ? .success(passkey.publicKey) : .failure(.passkeyUnknown)
            }
        }
        return try outcome.get()
    }
}

extension PasskeyAssertion {
    /// As the browser writes it: AuthenticationResponseJSON.
    package static var schema: Schema { PasskeyWire.assertion }

    package init(response json: JSON) throws { try self.init(json) }
}
