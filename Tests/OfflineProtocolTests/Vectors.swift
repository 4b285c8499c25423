import Cryptography
import Foundation
import OfflineProtocol
import Testing

/// Objects that another implementation made, with the ids and texts that it gave them.
enum Vectors {
    struct Sample: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let text: String

        var testDescription: String { name }
    }

    private struct File: Decodable {
        let issuerPub: String
        let ids: [String: String]
        let objects: [String: Object]

        struct Object: Decodable {
            let hex: String
            let text: String
        }
    }

    private static let file: File = {
        let url = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "Vectors/ofp1.json")
        guard let data = try? Data(contentsOf: url),
            let file = try? JSONDecoder().decode(File.self, from: data)
        else { preconditionFailure("the vectors stand beside the tests") }
        return file
    }()

    static let issuerKey = bytes(file.issuerPub)

    static var samples: [Sample] {
        file.objects.map { Sample(name: $0, bytes: bytes($1.hex), text: $1.text) }
            .sorted { $0.name < $1.name }
    }

    static func sample(_ name: String) throws -> [UInt8] {
        try #require(samples.first { $0.name == name }).bytes
    }

    static func id(_ name: String) throws -> [UInt8] { bytes(try #require(file.ids[name])) }

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = Array(hex.utf8)
        return stride(from: 0, to: digits.count, by: 2).map { index in
            UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16)!
        }
    }
}

/// Decodes by the first byte and encodes again.
func recoded(_ bytes: [UInt8]) throws(DecodingFault) -> [UInt8] {
    switch ObjectType(rawValue: bytes.first ?? 0) {
    case .certificate: try Certificate(decoding: bytes).encoded
    case .record: try SpendRecord(decoding: bytes).encoded
    case .payment: try OfflinePayment(decoding: bytes).encoded
    case .request: try OfflineRequest(decoding: bytes).encoded
    case .acknowledgement: try Acknowledgement(decoding: bytes).encoded
    case .decline: try Decline(decoding: bytes).encoded
    case .receipt: try OfflineReceipt(decoding: bytes).encoded
    case .fraudProof: try FraudProof(decoding: bytes).encoded
    case .revocations: try RevocationList(decoding: bytes).encoded
    case .issuerKeys, nil: try Enrolment(decoding: bytes).encoded
    }
}
