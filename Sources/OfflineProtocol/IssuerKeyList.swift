/// The issuer's keys with the times in which they sign, signed by the root, whose public key is
/// part of every device's program: who takes over a server cannot make a device believe its keys.
package struct IssuerKeyList: SignedObject, Equatable, Sendable {
    package static let tag = ObjectTag.issuerKeys
    package static let keysMax = 255
    private static let keyBytes = 9 + CurvePoint.compressedBytes

    package var issuedAt: UInt32
    /// In ascending order of their numbers, each once.
    package var keys: [IssuerKey]
    package var signature: [UInt8] = unsigned

    package init(issuedAt: UInt32, keys: [IssuerKey]) {
        precondition(keys.count <= Self.keysMax, "the number of keys is one byte")
        self.issuedAt = issuedAt
        self.keys = keys
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        var reader = ByteReader(bytes)
        try reader.type(.issuerKeys)
        issuedAt = try reader.uint32()
        let count = Int(try reader.uint8())
        guard reader.remaining == count * Self.keyBytes + SignatureCheck.signatureBytes
        else { throw .wrongLength }
        var keys: [IssuerKey] = []
        for _ in 0..<count {
            let key = IssuerKey(
                number: try reader.uint8(),
                publicKey: try reader.take(CurvePoint.compressedBytes),
                notBefore: try reader.uint32(), notAfter: try reader.uint32())
            guard key.number > keys.last?.number ?? 0 else { throw .notSorted }
            guard CurvePoint.isValid(key.publicKey) else { throw .pointNotOnCurve }
            keys.append(key)
        }
        self.keys = keys
        signature = try reader.take(SignatureCheck.signatureBytes)
    }

    package var body: [UInt8] {
        var writer = ByteWriter(capacity: 6 + keys.count * Self.keyBytes)
        writer.put(ObjectType.issuerKeys)
        writer.put(issuedAt)
        writer.put(UInt8(keys.count))
        for key in keys {
            writer.put(key.number)
            writer.put(key.publicKey)
            writer.put(key.notBefore)
            writer.put(key.notAfter)
        }
        return writer.bytes
    }
}
