// A device's state as bytes: one row of the page's database, one file of a terminal's.

extension OfflineDevice {
    /// The layout's version. A later one reads this one too.
    private static let version: UInt8 = 1

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 2_048)
        writer.put(Self.version)
        wallet.write(to: &writer)
        writer.put(root)
        writer.put(field: issuerKeys.encoded)
        writer.put(field: revocations?.encoded ?? [])
        writer.put(each: proofs) { $1.put($0.encoded) }
        writer.put(each: proofsFound) { $1.put($0.encoded) }
        writer.put(text: name)
        writer.put(nameSalt)
        writer.put(each: requests) { $1.put(field: $0.encoded) }
        return writer.bytes
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        var reader = ByteReader(bytes)
        guard try reader.uint8() == Self.version else { throw .unknownType }
        let wallet = try OfflineWallet(&reader)
        let root = try reader.take(CurvePoint.compressedBytes)
        let keys = try IssuerKeyList(decoding: try reader.field())
        let list = try reader.field()
        let (proofs, found) = (try Self.proofs(&reader), try Self.proofs(&reader))
        let name = try reader.text(bytesMax: OfflineRequest.nameBytesMax)
        self.init(wallet, keys: keys, root: root, name: name, nameSalt: try reader.id())
        revocations = list.isEmpty ? nil : try RevocationList(decoding: list)
        (self.proofs, proofsFound) = (proofs, found)
        for _ in 0..<Int(try reader.uint16()) {
            requests.append(try OfflineRequest(decoding: try reader.field()))
        }
        try reader.end()
    }

    private static func proofs(_ reader: inout ByteReader) throws(DecodingFault) -> [FraudProof] {
        var proofs: [FraudProof] = []
        for _ in 0..<Int(try reader.uint16()) {
            proofs.append(try FraudProof(decoding: try reader.take(FraudProof.bytesCount)))
        }
        return proofs
    }
}

extension OfflineWallet {
    fileprivate func write(to writer: inout ByteWriter) {
        writer.put(certificate.encoded)
        for value in [counter, ownSpent, sentTotal, timeKnown] { writer.put(value) }
        writer.put(previous)
        writer.put(each: received) { each, writer in
            writer.put(each.drawn)
            writer.put(each.valueExpiry)
            writer.put(UInt8(each.isSettled ? 1 : 0))
            writer.put(each: each.certificates) { $1.put($0.encoded) }
            writer.put(each: each.path) { $1.put($0.encoded) }
        }
        writer.put(each: outbox) { outgoing, writer in
            writer.put(outgoing.state.rawValue)
            writer.put(each: outgoing.records) { $1.put($0.encoded) }
        }
        writer.put(each: outstanding) { each, writer in
            writer.put(each.request)
            writer.put(each.amount)
        }
        writer.put(each: seen) { $1.put($0.encoded) }
    }

    fileprivate init(_ reader: inout ByteReader) throws(DecodingFault) {
        self.init(try reader.certificate())
        counter = try reader.uint32()
        ownSpent = try reader.uint32()
        sentTotal = try reader.uint32()
        timeKnown = try reader.uint32()
        previous = try reader.id()
        for _ in 0..<Int(try reader.uint16()) { received.append(try Received(&reader)) }
        for _ in 0..<Int(try reader.uint16()) { outbox.append(try Outgoing(&reader)) }
        for _ in 0..<Int(try reader.uint16()) {
            outstanding.append(
                Outstanding(request: try reader.id(), amount: try reader.uint32()))
        }
        seen = try reader.records()
    }
}

extension OfflineWallet.Received {
    fileprivate init(_ reader: inout ByteReader) throws(DecodingFault) {
        let (drawn, expiry) = (try reader.uint32(), try reader.uint32())
        let isSettled = try reader.uint8() == 1
        var certificates: [Certificate] = []
        for _ in 0..<Int(try reader.uint16()) { certificates.append(try reader.certificate()) }
        let path = try reader.records()
        guard let last = path.last, drawn <= last.amount else { throw .valueOutOfRange }
        self.init(certificates: certificates, path: path, drawn: drawn, valueExpiry: expiry)
        self.isSettled = isSettled
    }
}

extension OfflineWallet.Outgoing {
    fileprivate init(_ reader: inout ByteReader) throws(DecodingFault) {
        guard let state = OfflineWallet.State(rawValue: try reader.uint8())
        else { throw .valueOutOfRange }
        let records = try reader.records()
        guard !records.isEmpty else { throw .valueOutOfRange }
        self.init(state: state, records: records)
    }
}

extension ByteReader {
    fileprivate mutating func certificate() throws(DecodingFault) -> Certificate {
        try Certificate(decoding: try take(Certificate.bytesCount))
    }

    fileprivate mutating func records() throws(DecodingFault) -> [SpendRecord] {
        var records: [SpendRecord] = []
        for _ in 0..<Int(try uint16()) {
            records.append(try SpendRecord(decoding: try take(SpendRecord.bytesCount)))
        }
        return records
    }
}

extension ByteWriter {
    /// A count of two bytes, then each of them.
    fileprivate mutating func put<Element>(
        each elements: [Element], _ write: (Element, inout ByteWriter) -> Void
    ) {
        precondition(elements.count <= 0xFFFF, "what a device keeps is bounded")
        put(UInt16(elements.count))
        for element in elements { write(element, &self) }
    }
}
