/// Signed statements: compact JSON Web Signatures (RFC 7515) by ES256, and nothing else.
///
/// The header is never parsed: it must equal, byte for byte, the one of a key that we know, which
/// leaves no choice of algorithm to whoever sends it. The type keeps a statement of one kind from
/// passing as one of another.
package enum JWS {
    /// Longer statements are refused unread.
    static let bytesMax = 2048

    package static func sign(_ payload: [UInt8], type: String, with key: SigningKey) -> String {
        var token = header(kid: key.kid, type: type)
        token.append(dot)
        token += Base64URL.encodedBytes(payload)
        let signature = key.sign(token)
        token.append(dot)
        token += Base64URL.encodedBytes(signature)
        return String(decoding: token, as: UTF8.self)
    }

    /// What one of `keys`, which are named by their `kid`, signed as a statement of this type.
    package static func verify(
        _ token: String, type: String, keys: [String: VerifyingKey]
    ) throws(JWTError) -> [UInt8] {
        guard token.utf8.count <= bytesMax else { throw .tooLong }
        let bytes = Array(token.utf8)
        let parts = bytes.split(
            separator: dot, maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw .malformed }
        let known = keys.first { parts[0].elementsEqual(header(kid: $0.key, type: type)) }
        guard let key = known?.value else { throw .unknownHeader }
        guard let signature = Base64URL.decode(bytes: parts[2]) else { throw .malformed }
        let signed = Array(bytes[..<parts[1].endIndex])
        guard key.isValid(signature: signature, for: signed) else { throw .wrongSignature }
        guard let payload = Base64URL.decode(bytes: parts[1]) else { throw .malformed }
        return payload
    }

    private static func header(kid: String, type: String) -> [UInt8] {
        Base64URL.encodedBytes(Array(#"{"alg":"ES256","kid":"\#(kid)","typ":"\#(type)"}"#.utf8))
    }

    private static let dot = UInt8(ascii: ".")
}
