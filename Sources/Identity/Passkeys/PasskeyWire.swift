internal import Cryptography
internal import HTTP
internal import Values

/// Passkeys in JSON. What is the standard's keeps the standard's names, so that a page passes it
/// on as it is; bytes are base64url without padding, as in the standard's own JSON forms.
enum PasskeyWire {
    static let name = Schema.string(min: 1, max: PasskeyRules.nameCharactersMax)

    private static let bytes = Schema.string(min: 1, max: CBOR.bytesMax * 4 / 3 + 1)
    private static let kind = Schema.enumeration(["public-key"])

    static let registration = Schema.object(
        .required("name", name, "How its owner will know it again."),
        .required("credential", credential, "RegistrationResponseJSON of the browser."))

    private static let credential = Schema.object(
        [
            .required("id", bytes), .required("type", kind),
            .required(
                "response",
                .object(
                    [.required("clientDataJSON", bytes), .required("attestationObject", bytes)],
                    additional: true)),
        ], additional: true)

    static let assertion = Schema.object(
        [
            .required("id", bytes), .required("type", kind),
            .required(
                "response",
                .object(
                    [
                        .required("clientDataJSON", bytes),
                        .required("authenticatorData", bytes), .required("signature", bytes),
                        .optional("userHandle", .nullable(bytes)),
                    ], additional: true)),
        ], additional: true)

    static let passkey = Schema.named(
        "Passkey",
        .object(
            .required("id", .uuid), .required("name", .string()),
            .required("status", .enumeration(["active", "suspended"])),
            .required("created_at", .timestamp),
            .required("last_used_at", .nullable(.timestamp))))

    static let creation = Schema.object(
        .required("public_key", .any, "PublicKeyCredentialCreationOptionsJSON."),
        .required("expires_in", .integer()))

    static let request = Schema.object(
        .required("public_key", .any, "PublicKeyCredentialRequestOptionsJSON."),
        .required("expires_in", .integer()))

    static func write(_ passkey: Passkey, _ writer: inout JSONObjectWriter) {
        writer.field("id", passkey.id)
        writer.field("name", passkey.name)
        writer.field("status", passkey.suspendedAt == nil ? "active" : "suspended")
        writer.field("created_at", passkey.createdAt)
        writer.field("last_used_at", passkey.lastUsedAt.map { "\($0)" })
    }

    static func write(
        _ options: RegistrationOptions, for site: RelyingParty, _ writer: inout JSONObjectWriter
    ) {
        writer.object("public_key") { key in
            key.object("rp") { rp in
                rp.field("id", site.id)
                rp.field("name", "Florin")
            }
            key.object("user") { user in
                user.field("id", Base64URL.encode(options.userHandle))
                user.field("name", options.username.text)
                user.field("displayName", options.username.text)
            }
            key.field("challenge", Base64URL.encode(options.challenge))
            key.objects("pubKeyCredParams", COSEKey.Algorithm.allCases) { algorithm, each in
                each.field("type", "public-key")
                each.field("alg", algorithm.rawValue)
            }
            key.field("timeout", PasskeyRules.challengeSeconds * 1000)
            key.objects("excludeCredentials", options.known, write)
            key.object("authenticatorSelection") { selection in
                selection.field("residentKey", "required")
                selection.field("requireResidentKey", true)
                selection.field("userVerification", "required")
            }
            key.field("attestation", "none")
        }
        writer.field("expires_in", PasskeyRules.challengeSeconds)
    }

    static func write(
        _ challenge: [UInt8], known: [[UInt8]], for site: RelyingParty,
        _ writer: inout JSONObjectWriter
    ) {
        writer.object("public_key") { key in
            key.field("challenge", Base64URL.encode(challenge))
            key.field("timeout", PasskeyRules.challengeSeconds * 1000)
            key.field("rpId", site.id)
            key.objects("allowCredentials", known, write)
            key.field("userVerification", "required")
        }
        writer.field("expires_in", PasskeyRules.challengeSeconds)
    }

    private static func write(_ credentialID: [UInt8], _ writer: inout JSONObjectWriter) {
        writer.field("type", "public-key")
        writer.field("id", Base64URL.encode(credentialID))
    }
}

extension PasskeyRegistration {
    init(_ json: JSON) throws(IdentityRejection) {
        self.init(
            credentialID: try json.bytes("id"),
            clientData: try json.response.bytes("clientDataJSON"),
            attestation: try json.response.bytes("attestationObject"))
    }
}

extension PasskeyAssertion {
    init(_ json: JSON) throws(IdentityRejection) {
        let response = json.response
        self.init(
            credentialID: try json.bytes("id"),
            clientData: try response.bytes("clientDataJSON"),
            authenticatorData: try response.bytes("authenticatorData"),
            signature: try response.bytes("signature"),
            userHandle: response["userHandle"] == nil ? nil : try response.bytes("userHandle"))
    }
}

extension JSON {
    fileprivate var response: JSON { self["response"] ?? nil }

    fileprivate func bytes(_ name: String) throws(IdentityRejection) -> [UInt8] {
        guard let bytes = self[name]?.string.flatMap({ Base64URL.decode($0) }) else {
            throw .passkeyInvalid(reason: "encoding_malformed")
        }
        return bytes
    }
}
