package import Cryptography
package import HTTP

/// Public keys of ES256 as a JSON Web Key Set (RFC 7517 §5), for whoever checks signatures.
package enum KeySetWire {
    package static let keys = Schema.object(
        .required(
            "keys",
            .array(
                .object(
                    .required("kty", .enumeration(["EC"])),
                    .required("crv", .enumeration(["P-256"])),
                    .required("alg", .enumeration(["ES256"])),
                    .required("use", .enumeration(["sig"])), .required("kid", .string()),
                    .required("x", .string()), .required("y", .string())))))

    package static func write(_ key: VerifyingKey, _ writer: inout JSONWriter) {
        let (x, y) = key.coordinates
        writer.field("kty", "EC")
        writer.field("crv", "P-256")
        writer.field("alg", "ES256")
        writer.field("use", "sig")
        writer.field("kid", key.kid)
        writer.field("x", x)
        writer.field("y", y)
    }
}
