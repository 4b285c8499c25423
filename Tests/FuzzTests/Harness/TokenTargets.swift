import Foundation

@testable import Cryptography
@testable import HTTP
@testable import Identity
@testable import Values

/// Tokens, keys, codes, and the spellings of bytes that they are made of.
extension FuzzTarget {
    static let tokens = [
        FuzzTarget("base64url", bytesMax: 128, base64url),
        FuzzTarget("base32", bytesMax: 128, base32),
        FuzzTarget("hex", bytesMax: 128, hex), FuzzTarget("jwt", bytesMax: 600, jwt),
        FuzzTarget("claims", claims), FuzzTarget("api-key", bytesMax: 96, apiKey),
        FuzzTarget("totp-code", bytesMax: 64, totpCode),
        FuzzTarget("totp-uri", bytesMax: 64, totpURI),
    ]

    // MARK: Spellings

    private static func base64url(_ input: [UInt8]) throws {
        let own = Base64URL.decode(bytes: input)
        let other = foundationBase64(input)
        try hold(
            own == other, "\(String(describing: own)) here, \(String(describing: other)) there")
        if let own { try hold(Array(Base64URL.encode(own).utf8) == input, "one spelling") }
        try hold(Base64URL.decode(Base64URL.encode(input)) == input, "what is written is read")
    }

    /// Foundation's reader, and of what it reads only what it would also write.
    private static func foundationBase64(_ input: [UInt8]) -> [UInt8]? {
        guard
            input.allSatisfy({
                $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "=")
            })
        else { return nil }
        let standard = input.text.replacing("-", with: "+").replacing("_", with: "/")
        let padded = standard + String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: padded), data.base64EncodedString() == padded else {
            return nil
        }
        return Array(data)
    }

    private static func base32(_ input: [UInt8]) throws {
        if let bytes = Base32.decode(input.text) {
            try hold(Array(Base32.encode(bytes).utf8) == input, "one spelling")
        }
        try hold(Base32.decode(Base32.encode(input)) == input, "what is written is read")
    }

    private static func hex(_ input: [UInt8]) throws {
        if let bytes = Hex.decode(input.text) {
            try hold(Hex.encode(bytes) == input.text.lowercased(), "one spelling but for case")
        }
        try hold(Hex.decode(Hex.encode(input)) == input, "what is written is read")
    }

    // MARK: Access tokens

    private static let key = signingKey(1)
    private static let stranger = signingKey(2)
    private static let now = Timestamp(microseconds: 1_790_000_000_000_000)
    private static let person = JWT.Claims(
        subject: "01912d68-783e-7a03-8467-5661c1243ad4",
        session: "01912d68-783e-7a03-8467-5661c1243ad5",
        issuedAt: now, expiresAt: now.adding(seconds: 900), issuer: "florin", audience: "wallet",
        role: "customer")
    private static let token = JWT.sign(person, with: key)

    private static func signingKey(_ number: UInt8) -> SigningKey {
        let scalar = [UInt8](repeating: 0, count: 31) + [number]
        do { return try SigningKey(privateKey: scalar) } catch {
            preconditionFailure("small numbers are keys")
        }
    }

    /// Header, claims and signature by lines; an empty line stands for the right one. Only the
    /// whole right token passes.
    private static func jwt(_ input: [UInt8]) throws {
        let right = token.split(separator: ".").map { Array($0.utf8) }
        let parts = input.lines.enumerated().map { index, line in
            line.isEmpty && index < right.count ? right[index] : line
        }
        let text = Array(parts.joined(separator: [UInt8(ascii: ".")])).text
        try judge(text)
        // The same, as somebody signs it who has a key of their own.
        if parts.count > 1 {
            try judge(JWT.sign(payload: parts[1], with: stranger))
        }
    }

    private static func judge(_ text: String) throws {
        let claims = try decoded {
            try JWT.verify(
                text, keys: [key.kid: key.verifyingKey], issuer: "florin", audience: "wallet",
                now: now)
        }
        guard let claims else { return try hold(text != token, "the right token passes") }
        try hold(text == token, "only the right token passes")
        try hold(claims == person, "it says what was signed")
    }

    /// Claims are read with far fewer freedoms than JSON has, and never otherwise than JSON is.
    private static func claims(_ input: [UInt8]) throws {
        guard let claims = JWT.Claims(encoded: input) else { return }
        let json = try JSON(parsing: input)
        try hold(json["iss"]?.string == claims.issuer, "issuer")
        try hold(json["sub"]?.string == claims.subject, "subject")
        try hold(json["aud"]?.string == claims.audience, "audience")
        try hold(json["role"]?.string == claims.role, "role")
        try hold(json["exp"]?.integer == claims.expiresAt.microseconds / 1_000_000, "end")
        try hold(json.object?.members.count == 7, "nothing else")
        try hold(JWT.Claims(encoded: claims.encoded()) == claims, "what is written is read")
    }

    // MARK: Keys and codes

    private static func apiKey(_ input: [UInt8]) throws {
        guard let key = KeyText(input.text, isSandbox: true) else { return }
        try hold(Array(key.text.utf8) == input, "a key is its text, byte for byte")
        try hold(input.allSatisfy { (0x21...0x7E).contains($0) }, "a key is visible")
        try hold(KeyText(input.text, isSandbox: false) == nil, "play keys open no real door")
    }

    /// Eight bytes of time, and a code.
    private static func totpCode(_ input: [UInt8]) throws {
        let secret = [UInt8](0..<20)
        let (time, rest) = input.number(bytes: 8)
        let seconds = Int64(time >> 24)
        let now = TOTP.step(atSecond: seconds)
        let near = (now - 1)...(now + 1)
        let step = TOTP.step(of: rest.text, secret: secret, atSecond: seconds, after: now - 9)
        let right = near.filter { Array(TOTP.code(secret, step: $0).utf8) == rest }
        try hold(step == right.last, "exactly the codes of three steps pass")
        let code = TOTP.code(secret, step: now)
        try hold(code.utf8.count == 6, "six digits")
        let again = TOTP.step(of: code, secret: secret, atSecond: seconds, after: now)
        try hold(again != now, "no code passes twice")
    }

    /// What an app reads is what was written, whatever the name that a person chose.
    private static func totpURI(_ input: [UInt8]) throws {
        guard let name = Username(Array(input.dropFirst(20)).text) else { return }
        let secret = Array(input.prefix(20))
        let uri = TOTP.uri(secret: secret, account: name.text, issuer: SecondFactorRules.issuer)
        guard let parts = URLComponents(string: uri) else { throw Broken(description: "no URI") }
        let values = (parts.queryItems ?? []).reduce(into: [:]) { $0[$1.name] = $1.value }
        try hold(parts.scheme == "otpauth" && parts.host == "totp", "otpauth://totp")
        try hold(parts.path == "/\(SecondFactorRules.issuer):\(name.text)", "issuer and account")
        try hold(values["secret"].flatMap { Base32.decode($0) } == secret, "the secret")
        try hold(values["issuer"] == SecondFactorRules.issuer && values.count == 5, "the rest")
    }
}
