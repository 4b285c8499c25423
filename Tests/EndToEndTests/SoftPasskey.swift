import Cryptography
import HTTP
import Testing

/// A telephone that holds one passkey: what a browser and its authenticator do together.
struct SoftPasskey: Sendable {
    let origin: String
    let domain: String
    private let key = SigningKey.generate()
    private let id = SecureRandom.bytes(32)

    /// What the browser answers to the options of a registration.
    func registration(_ options: JSON) -> JSON {
        let client = clientData("webauthn.create", options)
        return credential([
            "clientDataJSON": .string(Base64URL.encode(client)),
            "attestationObject": .string(Base64URL.encode(attestation)),
        ])
    }

    /// What it answers to the options of a use.
    func assertion(_ options: JSON) -> JSON {
        let client = clientData("webauthn.get", options)
        let signature = Self.der(key.sign(authenticatorData + Hash.sha256(client)))
        return credential([
            "clientDataJSON": .string(Base64URL.encode(client)),
            "authenticatorData": .string(Base64URL.encode(authenticatorData)),
            "signature": .string(Base64URL.encode(signature)),
        ])
    }

    private func credential(_ response: JSON) -> JSON {
        ["id": .string(Base64URL.encode(id)), "type": "public-key", "response": response]
    }

    private func clientData(_ type: String, _ options: JSON) -> [UInt8] {
        let body: JSON = [
            "type": .string(type), "challenge": options[at: "public_key", "challenge"] ?? nil,
            "origin": .string(origin), "crossOrigin": false,
        ]
        return body.encoded()
    }

    /// User present and verified; no counter.
    private var authenticatorData: [UInt8] { data(flags: 0x05) }

    private func data(flags: UInt8) -> [UInt8] { Hash.sha256(domain) + [flags, 0, 0, 0, 0] }

    /// `{"fmt": "none", "attStmt": {}, "authData": …}`
    private var attestation: [UInt8] {
        let coordinates = (key.publicKey[1..<33], key.publicKey[33...])
        let coseKey =
            [0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20] + coordinates.0
            + [0x22, 0x58, 0x20] + coordinates.1
        let data =
            data(flags: 0x45) + [UInt8](repeating: 0, count: 16) + [0, UInt8(id.count)] + id
            + coseKey
        return [0xA3] + text("fmt") + text("none") + text("attStmt") + [0xA0] + text("authData")
            + [0x58, UInt8(data.count)] + data
    }

    private func text(_ text: String) -> [UInt8] { [0x60 | UInt8(text.utf8.count)] + text.utf8 }

    /// r || s as the DER of two integers.
    private static func der(_ raw: [UInt8]) -> [UInt8] {
        let numbers = [raw[..<32], raw[32...]].flatMap { half -> [UInt8] in
            var number = Array(half.drop { $0 == 0 })
            if number.first.map({ $0 >= 0x80 }) ?? true { number.insert(0, at: 0) }
            return [0x02, UInt8(number.count)] + number
        }
        return [0x30, UInt8(numbers.count)] + numbers
    }
}

extension Person {
    /// Adds the first passkey to the wallet.
    func addPasskey(_ passkey: SoftPasskey) async throws {
        try await stepUpByPassword()
        let options = try await post("/v1/passkeys/registrations")
        _ = try await post(
            "/v1/passkeys", ["name": "Phone", "credential": passkey.registration(options)])
    }
}
