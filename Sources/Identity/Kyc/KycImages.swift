internal import Cryptography
internal import Postgres
package import Values

/// What a photograph shows.
package enum ImageSide: String, Sendable, CaseIterable {
    case front
    case back
    case face
}

/// A photograph of a document or a face, which only the person's key opens.
package struct KycImage: Sendable {
    package let side: ImageSide
    package let mediaType: String
    package let bytes: [UInt8]
}

extension Identity {
    /// Keeps a photograph for the submission to come, in place of an earlier one of that side.
    package func keepImage(
        _ side: ImageSide, _ bytes: [UInt8], of user: ID<User>
    ) async throws -> String {
        let mediaType = try checked(bytes)
        let now = clock.now
        let id = ID<KycImage>.make(at: now)
        try await database.transaction { transaction in
            guard let key = try key(of: user, transaction) else {
                throw IdentityRejection.userNotFound
            }
            try transaction.execute(
                """
                INSERT INTO identity.kyc_images (id, user_id, side, media_type, sealed, created_at)
                VALUES (\(id), \(user), \(side.rawValue), \(mediaType.rawValue),
                    \(key.seal(bytes, .kycImage(id))), \(now))
                ON CONFLICT (user_id, side) WHERE submission_id IS NULL DO UPDATE
                SET id = EXCLUDED.id, media_type = EXCLUDED.media_type, sealed = EXCLUDED.sealed,
                    created_at = EXCLUDED.created_at
                """)
        }
        return mediaType.rawValue
    }

    /// The photographs that wait for a submission.
    func imagesWaiting(
        of user: ID<User>, _ transaction: borrowing Transaction
    ) throws -> [ImageSide] {
        try transaction.query(
            """
            SELECT side FROM identity.kyc_images
            WHERE user_id = \(user) AND submission_id IS NULL ORDER BY side
            """
        ).compactMap { ImageSide(rawValue: try $0[0]) }
    }

    func images(
        _ sides: [ImageSide], of submission: KycSubmission, _ key: PersonKey,
        _ transaction: borrowing Transaction
    ) throws -> [KycImage] {
        try transaction.query(
            """
            SELECT id, side, media_type, sealed FROM identity.kyc_images
            WHERE submission_id = \(submission.id) AND side = ANY(\(sides.map(\.rawValue)))
            ORDER BY side
            """
        ).compactMap { row in
            guard let side = ImageSide(rawValue: try row[1]) else { return nil }
            return KycImage(
                side: side, mediaType: try row[2],
                bytes: try key.open(try row[3] as [UInt8], .kycImage(try row[0])))
        }
    }

    // MARK: Steps

    private func checked(_ bytes: [UInt8]) throws(IdentityRejection) -> ImageHead.MediaType {
        guard let head = ImageHead(bytes) else { throw .imageInvalid(reason: "type_unknown") }
        let sides = [head.width, head.height]
        guard sides.allSatisfy({ $0 >= KycRules.imageSidePixels.lowerBound }) else {
            throw .imageInvalid(reason: "too_small")
        }
        guard sides.allSatisfy(KycRules.imageSidePixels.contains),
            head.width * head.height <= KycRules.imagePixelsMax
        else { throw .imageInvalid(reason: "too_large") }
        return head.mediaType
    }
}

extension PersonalField {
    static func kycImage(_ id: ID<KycImage>) -> PersonalField { PersonalField("kyc image", id) }
}
