/// What a payee shows: who they are, and what they ask for.
package struct OfflineRequest: SignedObject, Equatable, Sendable {
    package static let nameBytesMax = 24
    package static let memoBytesMax = 40
    package static let tag = ObjectTag.request

    package var payee: Certificate
    /// Minor units; 0 lets the payer choose.
    package var amount: UInt32
    package var time: UInt32
    package var nonce: UInt64
    package var nameSalt: ObjectID
    /// UTF-8.
    package var name: [UInt8]
    package var memo: [UInt8]
    package var signature: [UInt8] = unsigned

    package init(
        payee: Certificate, amount: UInt32, time: UInt32, nonce: UInt64, nameSalt: ObjectID,
        name: [UInt8], memo: [UInt8]
    ) {
        self.payee = payee
        self.amount = amount
        self.time = time
        self.nonce = nonce
        self.nameSalt = nameSalt
        self.name = name
        self.memo = memo
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        var reader = ByteReader(bytes)
        try reader.type(.request)
        payee = try Certificate(decoding: try reader.take(Certificate.bytesCount))
        amount = try reader.value()
        (time, nonce) = (try reader.uint32(), try reader.uint64())
        nameSalt = try reader.id()
        name = try reader.text(bytesMax: Self.nameBytesMax)
        memo = try reader.text(bytesMax: Self.memoBytesMax)
        signature = try reader.take(SignatureCheck.signatureBytes)
        try reader.end()
    }

    package var body: [UInt8] {
        var writer = ByteWriter(capacity: 321)
        writer.put(ObjectType.request)
        writer.put(payee.encoded)
        writer.put(amount)
        writer.put(time)
        writer.put(nonce)
        writer.put(nameSalt)
        writer.put(text: name)
        writer.put(text: memo)
        return writer.bytes
    }
}
