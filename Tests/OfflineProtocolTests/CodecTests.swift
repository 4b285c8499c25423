import Cryptography
import OfflineProtocol
import Testing

@Suite("OFP1, byte for byte")
struct CodecTests {
    @Test func hashesAsTheStandardSays() {
        // FIPS 180-4, the examples of one block and of two, and a message that fills its block.
        #expect(SHA256.digest(Array("abc".utf8)).bytes == Hash.sha256("abc"))
        for length in [0, 55, 56, 63, 64, 65, 119, 120, 1000] {
            let message = [UInt8](repeating: 0x61, count: length)
            #expect(SHA256.digest(message).bytes == Hash.sha256(message))
        }
    }

    @Test(arguments: Vectors.samples)
    func vectorsAreReadAndWrittenAlike(sample: Vectors.Sample) throws {
        #expect(try recoded(sample.bytes) == sample.bytes)
        #expect(String(decoding: CodeText.whole(sample.bytes), as: UTF8.self) == sample.text)
        #expect(try CodeText.decode(Array(sample.text.utf8)) == .object(sample.bytes))
    }

    @Test func idsAreThoseOfTheVectors() throws {
        let request = try OfflineRequest(decoding: Vectors.sample("REQ"))
        #expect(try request.id.bytes == Vectors.id("req0"))
        let records = try OfflinePayment(decoding: Vectors.sample("PAY2")).records
        #expect(try records[0].id.bytes == Vectors.id("xfer0"))
        #expect(try records[1].id.bytes == Vectors.id("xfer1"))
        let proof = try FraudProof(decoding: Vectors.sample("FRAUD"))
        let ids = [proof.first.id.bytes, proof.second.id.bytes]
        #expect(ids.contains(try Vectors.id("fork0")))
        #expect(proof.conflict == .sameCounter)
    }

    @Test func theNameOfTheVectorsIsAttested() throws {
        let request = try OfflineRequest(decoding: Vectors.sample("REQ"))
        #expect(request.name == Array("Baraka".utf8))
        let tag = Certificate.nameTag(salt: request.nameSalt, name: request.name)
        #expect(tag == request.payee.nameTag)
    }

    @Test func everySignatureOfTheVectorsVerifies() throws {
        let payment = try OfflinePayment(decoding: Vectors.sample("PAY4"))
        for certificate in payment.certificates {
            #expect(verify(certificate.check(by: Vectors.issuerKey)))
        }
        for record in payment.records {
            let signer = try #require(payment.certificate(of: record.payer))
            #expect(verify(record.check(by: signer.publicKey)))
        }
        let request = try OfflineRequest(decoding: Vectors.sample("REQ"))
        #expect(verify(request.check(by: request.payee.publicKey)))
        let acknowledgement = try Acknowledgement(decoding: Vectors.sample("ACK"))
        #expect(verify(acknowledgement.check(by: request.payee.publicKey)))
        let proof = try FraudProof(decoding: Vectors.sample("FRAUD"))
        #expect(proof.holds(issuerKey: Vectors.issuerKey, verify))
    }

    /// Every bit of every vector: what still decodes has a message or a signature that does not
    /// verify.
    @Test(arguments: Vectors.samples)
    func aFlippedBitIsRefused(sample: Vectors.Sample) throws {
        let payer = try OfflinePayment(decoding: Vectors.sample("PAY1")).certificates[0]
        let payee = try OfflineRequest(decoding: Vectors.sample("REQ")).payee
        #expect(checks(of: sample.bytes, payer, payee)?.allSatisfy(verify) == true)
        for bit in 0..<8 * sample.bytes.count {
            let checks = checks(of: sample.bytes.flipping(bit), payer, payee)
            #expect(checks?.allSatisfy(verify) != true, "bit \(bit)")
        }
    }

    /// The same of what the vectors have none of.
    @Test func aFlippedBitOfAStatementIsRefused() throws {
        let key = SigningKey.generate()
        let decline = Decline(payee: WalletID(7), time: 1, records: [ObjectID(1, 2)])
        let list = RevocationList(
            issuerKey: 1, issuedAt: 1, nextUpdate: 2, wallets: [WalletID(1), WalletID(2)])
        let receipt = OfflineReceipt(
            issuerKey: 1, record: ObjectID(1, 2), status: .settled, covered: 5, logIndex: 1,
            time: 1)
        let enrolment = Enrolment(publicKey: key.compressed, account: ObjectID(1, 2), time: 1)
        let keys = IssuerKeyList(
            issuedAt: 1,
            keys: [
                IssuerKey(number: 1, publicKey: key.compressed, notBefore: 0, notAfter: 9)
            ])
        try refuseFlips(decline.signed(key.sign(decline.message)).encoded) {
            try Decline(decoding: $0).check(by: key.compressed)
        }
        try refuseFlips(list.signed(key.sign(list.message)).encoded) {
            try RevocationList(decoding: $0).check(by: key.compressed)
        }
        try refuseFlips(receipt.signed(key.sign(receipt.message)).encoded) {
            try OfflineReceipt(decoding: $0).check(by: key.compressed)
        }
        try refuseFlips(enrolment.signed(key.sign(enrolment.message)).encoded) {
            let read = try Enrolment(decoding: $0)
            return read.check(by: read.publicKey)
        }
        try refuseFlips(keys.signed(key.sign(keys.message)).encoded) {
            try IssuerKeyList(decoding: $0).check(by: key.compressed)
        }
    }

    private func refuseFlips(
        _ bytes: [UInt8], _ check: ([UInt8]) throws -> SignatureCheck
    ) throws {
        #expect(verify(try check(bytes)))
        for bit in 0..<8 * bytes.count {
            let check = try? check(bytes.flipping(bit))
            #expect(check.map(verify) != true, "bit \(bit)")
        }
    }

    /// Everything that was signed in an object; nil for what is none.
    private func checks(
        of bytes: [UInt8], _ payer: Certificate, _ payee: Certificate
    ) -> [SignatureCheck]? {
        func all(
            _ certificates: [Certificate], _ records: [SpendRecord]
        ) -> [SignatureCheck] {
            certificates.map { $0.check(by: Vectors.issuerKey) }
                + records.compactMap { record in
                    certificates.first { $0.wallet == record.payer }
                        .map { record.check(by: $0.publicKey) }
                }
        }
        do {
            switch ObjectType(rawValue: bytes[0]) {
            case .certificate: return all([try Certificate(decoding: bytes)], [])
            case .record: return [try SpendRecord(decoding: bytes).check(by: payer.publicKey)]
            case .acknowledgement:
                return [try Acknowledgement(decoding: bytes).check(by: payee.publicKey)]
            case .request:
                let request = try OfflineRequest(decoding: bytes)
                return all([request.payee], []) + [request.check(by: request.payee.publicKey)]
            case .payment:
                let payment = try OfflinePayment(decoding: bytes)
                return all(payment.certificates, payment.records)
            case .fraudProof:
                let proof = try FraudProof(decoding: bytes)
                return all([proof.certificate], [proof.first, proof.second])
            default: return nil
            }
        } catch {
            return nil
        }
    }

    @Test(arguments: Vectors.samples)
    func whatIsTooShortOrTooLongIsRefused(sample: Vectors.Sample) {
        for length in 0..<sample.bytes.count {
            #expect(throws: DecodingFault.self) { try recoded(Array(sample.bytes[..<length])) }
        }
        #expect(throws: DecodingFault.self) { try recoded(sample.bytes + [0]) }
    }

    @Test func pointsOffTheCurveAreRefused() throws {
        var found = (on: 0, off: 0)
        for number in 0..<200 {
            let x = Hash.sha256("point \(number)")
            for sign: UInt8 in [2, 3] {
                let uncompressed = CurvePoint.uncompressed([sign] + x)
                guard let uncompressed else {
                    found.off += 1
                    continue
                }
                found.on += 1
                // OpenSSL accepts exactly the points of the curve.
                #expect(throws: Never.self) { try VerifyingKey(x963: uncompressed) }
                #expect(uncompressed[64] & 1 == sign & 1)
            }
        }
        #expect(found.on > 120 && found.off > 120)
        #expect(CurvePoint.uncompressed([4] + Hash.sha256("x")) == nil)
        #expect(CurvePoint.uncompressed([2] + [UInt8](repeating: 0xFF, count: 32)) == nil)
        let key = SigningKey.generate().publicKey
        #expect(CurvePoint.uncompressed([2 + key[64] & 1] + key[1..<33]) == key)
    }

    @Test func textsThatDeceiveAreRefused() throws {
        let request = try OfflineRequest(decoding: Vectors.sample("REQ"))
        for name in ["a\u{202E}b", "a\nb", "\u{200B}", "\u{7F}"] {
            var other = request
            other.name = Array(name.utf8)
            #expect(throws: DecodingFault.textInvalid) {
                try OfflineRequest(decoding: other.encoded)
            }
        }
        let broken: [[UInt8]] = [
            [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x80],
        ]
        for bytes in broken {
            var other = request
            other.memo = bytes
            #expect(throws: DecodingFault.textInvalid) {
                try OfflineRequest(decoding: other.encoded)
            }
        }
        var plain = request
        plain.memo = Array("Café ☕ 五".utf8)
        #expect(try OfflineRequest(decoding: plain.encoded) == plain)
    }

    private func verify(_ check: SignatureCheck) -> Bool { OpenSSLVerify.isGood(check) }
}

/// The independent judge of signatures in these tests.
enum OpenSSLVerify {
    static func isGood(_ check: SignatureCheck) -> Bool {
        guard let point = CurvePoint.uncompressed(check.publicKey),
            let key = try? VerifyingKey(x963: point)
        else { return false }
        return key.isValid(signature: check.signature, for: check.message)
    }
}

extension [UInt8] {
    func flipping(_ bit: Int) -> [UInt8] {
        var copy = self
        copy[bit / 8] ^= 1 << (bit % 8)
        return copy
    }
}
