import Testing

@testable import Cryptography

/// An authenticator made of a key and some bytes, whose every answer can be bent.
struct SoftAuthenticator {
    let key = SigningKey.generate()
    let credentialID = SecureRandom.bytes(32)
    var relyingParty = "wallet.example"
    /// User present, user verified.
    var flags: UInt8 = 0x05
    var signCount: UInt32 = 0

    static let origin = "https://wallet.example"
    let challenge = SecureRandom.bytes(32)

    func clientData(
        _ type: String = "webauthn.create", origin: String = origin, challenge: [UInt8]? = nil,
        isCrossOrigin: Bool = false, text: [UInt8]? = nil
    ) -> ClientData {
        let challenge = challenge ?? self.challenge
        return ClientData(
            type: type, challenge: challenge, origin: origin, isCrossOrigin: isCrossOrigin,
            hash: Hash.sha256(text ?? clientText(type, challenge)))
    }

    /// What a browser would have written.
    func clientText(_ type: String, _ challenge: [UInt8]) -> [UInt8] {
        Array(
            #"{"type":"\#(type)","challenge":"\#(Base64URL.encode(challenge))","#.utf8)
            + Array(#""origin":"\#(Self.origin)","crossOrigin":false}"#.utf8)
    }

    var coseKey: [UInt8] {
        [0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20] + key.publicKey[1..<33]
            + [0x22, 0x58, 0x20] + key.publicKey[33...]
    }

    func authenticatorData(_ withCredential: Bool) -> [UInt8] {
        var data = Hash.sha256(relyingParty)
        data.append(flags | (withCredential ? 0x40 : 0))
        data.append(bigEndian: signCount)
        guard withCredential else { return data }
        return data + [UInt8](repeating: 0, count: 16)
            + [UInt8(credentialID.count >> 8), UInt8(credentialID.count & 255)] + credentialID
            + coseKey
    }

    /// `{"fmt": "none", "attStmt": {}, "authData": …}`
    func attestationOfNothing(_ data: [UInt8]? = nil) -> [UInt8] {
        Self.object("none", [0xA0], data ?? authenticatorData(true))
    }

    /// `{"fmt": "packed", "attStmt": {"alg": -7, "sig": …}, "authData": …}`
    func attestationBySelf(_ data: [UInt8]? = nil, algorithm: UInt8 = 0x26) -> [UInt8] {
        let data = data ?? authenticatorData(true)
        let signature = sign(data + clientData().hash)
        return Self.object(
            "packed",
            [0xA2] + Self.text("alg") + [algorithm] + Self.text("sig") + Self.bytes(signature), data
        )
    }

    func sign(_ message: [UInt8]) -> [UInt8] { Self.der(key.sign(message)) }

    static func object(_ format: String, _ statement: [UInt8], _ data: [UInt8]) -> [UInt8] {
        [0xA3] + text("fmt") + text(format) + text("attStmt") + statement + text("authData")
            + bytes(data)
    }

    static func text(_ text: String) -> [UInt8] { [0x60 | UInt8(text.utf8.count)] + text.utf8 }

    static func bytes(_ bytes: [UInt8]) -> [UInt8] {
        switch bytes.count {
        case ..<24: [0x40 | UInt8(bytes.count)] + bytes
        case ..<256: [0x58, UInt8(bytes.count)] + bytes
        default: [0x59, UInt8(bytes.count >> 8), UInt8(bytes.count & 255)] + bytes
        }
    }

    /// r || s as the DER of two integers.
    static func der(_ raw: [UInt8]) -> [UInt8] {
        let numbers = [raw[..<32], raw[32...]].flatMap { half -> [UInt8] in
            var number = Array(half.drop { $0 == 0 })
            if number.first.map({ $0 >= 0x80 }) ?? true { number.insert(0, at: 0) }
            return [0x02, UInt8(number.count)] + number
        }
        return [0x30, UInt8(numbers.count)] + numbers
    }
}
