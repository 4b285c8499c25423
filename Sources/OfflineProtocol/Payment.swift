/// What a payer shows: the records that pay, everything they draw on, and the certificate of
/// everyone who signed one of them.
///
/// Sources stand before their use, and the records that pay stand last, one counter after the
/// other. Certificates stand in the order in which their wallets first pay. Nothing else is in it,
/// so each payment has one form.
package struct OfflinePayment: Equatable, Sendable {
    /// Records that one payment may draw on several sources with.
    package static let finalRecordsMax = 4
    /// Four chains of four records.
    package static let recordsMax = 16

    package let certificates: [Certificate]
    package let records: [SpendRecord]

    package init(
        certificates: [Certificate], records: [SpendRecord]
    ) throws(DecodingFault) {
        self.certificates = certificates
        self.records = records
        try checkForm()
    }

    package init(decoding bytes: [UInt8]) throws(DecodingFault) {
        var reader = ByteReader(bytes)
        try reader.type(.payment)
        let (certificateCount, recordCount) = (Int(try reader.uint8()), Int(try reader.uint8()))
        let length =
            certificateCount * Certificate.bytesCount + recordCount * SpendRecord.bytesCount
        guard reader.remaining == length else { throw .wrongLength }
        guard (1...Self.recordsMax).contains(recordCount), certificateCount <= recordCount
        else { throw .chainInvalid }
        var (certificates, records): ([Certificate], [SpendRecord]) = ([], [])
        for _ in 0..<certificateCount {
            certificates.append(
                try Certificate(decoding: try reader.take(Certificate.bytesCount)))
        }
        for _ in 0..<recordCount {
            records.append(try SpendRecord(decoding: try reader.take(SpendRecord.bytesCount)))
        }
        try self.init(certificates: certificates, records: records)
    }

    package var encoded: [UInt8] {
        var writer = ByteWriter(capacity: 3 + 158 * certificates.count + 150 * records.count)
        writer.put(ObjectType.payment)
        writer.put(UInt8(certificates.count))
        writer.put(UInt8(records.count))
        for certificate in certificates { writer.put(certificate.encoded) }
        for record in records { writer.put(record.encoded) }
        return writer.bytes
    }

    /// The records that pay, the last ones of the payment.
    package var final: ArraySlice<SpendRecord> { records[finalStart...] }

    package func certificate(of wallet: WalletID) -> Certificate? {
        certificates.first { $0.wallet == wallet }
    }

    package func record(_ id: ObjectID) -> SpendRecord? { records.first { $0.id == id } }

    /// The record with everything it draws on, from the first hop to itself; fewer where a source
    /// is missing.
    package func path(to record: SpendRecord) -> [SpendRecord] {
        var path = [record]
        while path.count <= records.count, !path[0].isOwn, let source = self.record(path[0].source)
        {
            path.insert(source, at: 0)
        }
        return path
    }

    // MARK: Steps

    private var finalStart: Int {
        let last = records[records.count - 1]
        var start = records.count - 1
        while start > 0, isPartOfOnePayment(records[start - 1], with: last) { start -= 1 }
        return start
    }

    private func isPartOfOnePayment(_ record: SpendRecord, with last: SpendRecord) -> Bool {
        record.payer == last.payer && record.payee == last.payee && record.request == last.request
    }

    private func checkForm() throws(DecodingFault) {
        let final = final
        guard final.count <= Self.finalRecordsMax else { throw .chainInvalid }
        for (first, second) in zip(final, final.dropFirst()) {
            guard second.counter == first.counter + 1 else { throw .chainInvalid }
        }
        try checkSources()
        try checkCertificates()
    }

    /// Every record but the final ones is drawn on by a later one, and none stands twice.
    private func checkSources() throws(DecodingFault) {
        let ids = records.map { $0.id }
        for (index, id) in ids.enumerated() {
            guard !ids[..<index].contains(id) else { throw .chainInvalid }
            let source = records[index].source
            guard source == .none || ids[..<index].contains(source) else { throw .chainInvalid }
            let isUsed = records[(index + 1)...].contains { $0.source == id }
            guard isUsed || index >= finalStart else { throw .chainInvalid }
        }
    }

    private func checkCertificates() throws(DecodingFault) {
        var payers: [WalletID] = []
        for record in records where !payers.contains(record.payer) { payers.append(record.payer) }
        let signers = certificates.map { $0.wallet }
        guard payers == signers else { throw .chainInvalid }
    }
}
