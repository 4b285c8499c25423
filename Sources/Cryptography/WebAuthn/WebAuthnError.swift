/// Every reason to refuse what a browser and an authenticator sent, in the order of checking of
/// Web Authentication Level 2, sections 7.1 and 7.2.
package enum WebAuthnError: String, Error, CaseIterable {
    /// Not the JSON that a browser writes: no `type`, `challenge` or `origin`.
    case clientDataMalformed = "client_data_malformed"
    /// A registration sent as a log-in, or the other way round.
    case ceremonyWrong = "ceremony_wrong"
    case challengeWrong = "challenge_wrong"
    /// Another site, or ours within another.
    case originWrong = "origin_wrong"
    case attestationMalformed = "attestation_malformed"
    case authenticatorDataMalformed = "authenticator_data_malformed"
    case relyingPartyWrong = "relying_party_wrong"
    case userNotPresent = "user_not_present"
    case userNotVerified = "user_not_verified"
    case keyMalformed = "key_malformed"
    case algorithmNotAllowed = "algorithm_not_allowed"
    case credentialMismatch = "credential_mismatch"
    /// Neither `none` nor a `packed` attestation by the key itself.
    case attestationNotSupported = "attestation_not_supported"
    case signatureWrong = "signature_wrong"
}
