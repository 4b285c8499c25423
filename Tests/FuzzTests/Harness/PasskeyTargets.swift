@testable import Cryptography
@testable import HTTP
@testable import Identity

/// What browsers and authenticators send.
extension FuzzTarget {
    static let passkeys = [
        FuzzTarget("cbor", cbor), FuzzTarget("cose-key", coseKey),
        FuzzTarget("authenticator-data", bytesMax: 700, authenticatorData),
        FuzzTarget("attestation", bytesMax: 700, attestation),
        FuzzTarget("client-data", clientData),
    ]

    private static func cbor(_ input: [UInt8]) throws {
        guard let item = try decoded({ try CBOR(parsing: input) }) else { return }
        try hold(item.canonical == input, "one spelling")
        try hold(item.isSorted, "keys stand in their order")
        let (first, end) = try CBOR.first(in: input + [0], from: 0)
        try hold(first == item && end == input.count, "an item ends where it ends")
    }

    private static func coseKey(_ input: [UInt8]) throws {
        guard let key = try decoded({ try COSEKey(parsing: input) }) else { return }
        let item = try CBOR(parsing: input)
        try hold(item[3]?.integer == key.algorithm.rawValue, "the algorithm is the key's own")
        try hold(!key.isValid(signature: input, for: input), "noise is no signature")
    }

    private static func authenticatorData(_ input: [UInt8]) throws {
        guard let data = try decoded({ try AuthenticatorData(parsing: input) }) else { return }
        try hold(data.relyingPartyHash == Array(input.prefix(32)), "whose it is")
        guard let credential = data.credential else { return }
        try hold(AuthenticatorData.credentialBytes.contains(credential.id.count), "the id's size")
        let rest = Array(input.dropFirst(55))
        try hold(rest.starts(with: credential.id + credential.keyBytes), "id and key as they came")
        _ = try COSEKey(parsing: credential.keyBytes)
    }

    /// The hash of the domain and the flags are put right, so that mutations reach what follows.
    private static func attestation(_ input: [UInt8]) throws {
        guard let party = RelyingParty(id: "localhost", origins: ["http://localhost:8080"]) else {
            throw Broken(description: "the party is one")
        }
        let challenge = [UInt8](repeating: 7, count: 32)
        let client = ClientData(
            type: "webauthn.create", challenge: challenge, origin: "http://localhost:8080",
            isCrossOrigin: false, hash: Hash.sha256([UInt8](repeating: 1, count: 4)))
        let id = try credentialID(in: input)
        let made = try decoded {
            try party.register(
                client, attestation: input, credentialID: id, challenge: challenge)
        }
        guard let made else { return }
        try hold(made.credential.id == id, "the id that was told")
        let object = try CBOR(parsing: input)
        try hold(object["fmt"]?.text == "none", "noise signs nothing")
        let other = try decoded {
            try party.register(
                client, attestation: input, credentialID: id + [0], challenge: challenge)
        }
        try hold(other == nil, "no other id passes")
    }

    private static func credentialID(in attestation: [UInt8]) throws -> [UInt8] {
        let object = try decoded { try CBOR(parsing: attestation) }
        let bytes = object?["authData"]?.bytes ?? []
        return try decoded { try AuthenticatorData(parsing: bytes) }?.credential?.id ?? []
    }

    private static func clientData(_ input: [UInt8]) throws {
        guard let data = try decoded({ try ClientData(parsing: input) }) else { return }
        let json = try JSON(parsing: input)
        try hold(json["type"]?.string == data.type, "the ceremony")
        try hold(json["challenge"]?.string == Base64URL.encode(data.challenge), "the challenge")
        try hold(json["origin"]?.string == data.origin, "the origin")
        try hold(data.hash == Hash.sha256(input), "the very bytes")
        if json["crossOrigin"]?.bool == true { try hold(data.isCrossOrigin, "what surrounds it") }
    }
}
