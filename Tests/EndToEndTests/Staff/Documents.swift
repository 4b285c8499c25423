import HTTP
import Testing

/// Files that are photographs as far as their first bytes tell.
enum Photograph {
    static func png(width: UInt32 = 640, height: UInt32 = 480, bytes: Int = 4096) -> [UInt8] {
        [0x89] + "PNG\r\n".utf8 + [0x1A, 0x0A, 0, 0, 0, 13] + "IHDR".utf8 + number(width)
            + number(height) + [8, 2, 0, 0, 0] + filling(bytes)
    }

    /// A comment, a table and fill bytes before the frame, as cameras write them.
    static func jpeg(width: UInt32 = 640, height: UInt32 = 480, bytes: Int = 4096) -> [UInt8] {
        [0xFF, 0xD8, 0xFF, 0xFE, 0, 5] + "abc".utf8 + [0xFF, 0xC4, 0, 3, 0]
            + [0xFF, 0xFF, 0xC2, 0, 17, 8] + number(height).suffix(2) + number(width).suffix(2)
            + [UInt8](repeating: 1, count: 10) + filling(bytes)
    }

    private static func number(_ value: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
    }

    private static func filling(_ count: Int) -> [UInt8] { [UInt8](repeating: 0x5A, count: count) }
}

extension JSON {
    static func kycForm(
        tier: Int64 = 1, name: String = "Asha Wanjirũ Òjó-Smith", birthDate: String = "1990-03-31",
        kind: String = "passport", number: String = "A 1234-567", country: String = "KE"
    ) -> JSON {
        [
            "kyc_tier": .integer(tier), "full_name": .string(name),
            "birth_date": .string(birthDate),
            "document": [
                "kind": .string(kind), "number": .string(number), "country": .string(country),
            ],
        ]
    }
}

extension Person {
    func sendImage(_ side: String, _ file: [UInt8] = Photograph.jpeg()) async throws -> Reply {
        try await api.send(file, .put, "/v1/kyc/images/\(side)", token: token)
    }

    /// A submission with all the photographs that there can be.
    func sendDocuments(_ form: JSON = .kycForm()) async throws -> JSON {
        for side in ["front", "back", "face"] {
            let reply = try await sendImage(side)
            try #require(reply.status == 200, "\(reply.text)")
        }
        return try await post("/v1/kyc/submissions", form)
    }

    /// Staff looks at a submission.
    @discardableResult
    func look(_ submission: String, _ fields: [String] = ["details"]) async throws -> JSON {
        try await post(
            "/v1/staff/kyc/submissions/\(submission)/disclosures",
            ["reason": "To review it.", "fields": .array(fields.map { .string($0) })])
    }

    func judge(_ submission: String, _ what: String, _ body: JSON? = nil) async throws -> Reply {
        try await reply(.post, "/v1/staff/kyc/submissions/\(submission)/\(what)", body)
    }
}
