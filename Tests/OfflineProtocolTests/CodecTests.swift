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

    /// Every bit of a certificate, a record and an acknowledgement: what still decodes has another
    /// message or another signature, which does not verify.
    @Test func aFlippedBitIsRefused() throws {
        let request = try OfflineRequest(decoding: Vectors.sample("REQ"))
        let payer = try OfflinePayment(decoding: Vectors.sample("PAY1")).certificates[0]
        for bit in 0..<8 * Certificate.bytesCount {
            let bytes = try Vectors.sample("CERT").flipping(bit)
            let check = try? Certificate(decoding: bytes).check(by: Vectors.issuerKey)
            #expect(check.map(verify) != true)
        }
        for bit in 0..<8 * SpendRecord.bytesCount {
            let bytes = try Vectors.sample("XFER").flipping(bit)
            let check = try? SpendRecord(decoding: bytes).check(by: payer.publicKey)
            #expect(check.map(verify) != true)
        }
        for bit in 0..<8 * 94 {
            let bytes = try Vectors.sample("ACK").flipping(bit)
            let check = try? Acknowledgement(decoding: bytes)
                .check(by: request.payee.publicKey)
            #expect(check.map(verify) != true)
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
