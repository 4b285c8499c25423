package import Values

/// What somebody sent in to be known better, and how far it got.
package struct KycSubmission: Sendable {
    /// `submitted` becomes `reviewed`, and that `approved`; before that it may be refused by staff
    /// or taken back by its owner.
    package enum State: String, Sendable, CaseIterable {
        case submitted
        case reviewed
        case approved
        case refused
        case withdrawn

        package var isOpen: Bool {
            switch self {
            case .submitted, .reviewed: true
            case .approved, .refused, .withdrawn: false
            }
        }

        /// The database knows the same moves.
        func mayBecome(_ next: State) -> Bool {
            switch (self, next) {
            case (.submitted, .reviewed), (.reviewed, .approved): true
            case (.submitted, .refused), (.reviewed, .refused): true
            case (.submitted, .withdrawn), (.reviewed, .withdrawn): true
            default: false
            }
        }
    }

    /// Why it was refused, as far as the owner is told.
    package enum Cause: String, Sendable, CaseIterable {
        case unreadable
        case incomplete
        case expired
        case mismatch
        case wrongDocument = "wrong_document"
        /// Said of suspicions too, which are not explained to whom they are about.
        case notAccepted = "not_accepted"
    }

    package let id: ID<KycSubmission>
    package let user: ID<User>
    package let tier: KycTier
    package let state: State
    package let submittedAt: Timestamp
    package let reviewedBy: ID<User>?
    package let decidedAt: Timestamp?
    package let cause: Cause?
}

extension KycSubmission {
    /// What its owner should know and do, in plain words.
    package var message: String {
        switch state {
        case .submitted:
            "We have your documents. Two people look at them, mostly within a working day; there "
                + "is nothing that you need to do."
        case .reviewed:
            "One of us has looked at your documents; a second person looks at them next. There is "
                + "nothing that you need to do."
        case .approved: "Your documents were accepted, and your limits are higher now."
        case .withdrawn:
            "You took this back, and your photographs were deleted. You may send your documents "
                + "at any time."
        case .refused: cause?.advice ?? Cause.notAccepted.advice
        }
    }
}

extension KycSubmission.Cause {
    package var advice: String {
        switch self {
        case .unreadable:
            "We could not read the photographs. Take them again in daylight, without glare, with "
                + "all four corners in the picture, and send them once more."
        case .incomplete:
            "A side of the document or your face is missing from the photographs. Take all of "
                + "them again and send them once more."
        case .expired:
            "This document is no longer valid. Send photographs of one that is."
        case .mismatch:
            "What you wrote differs from the document. Write your name, day of birth and number "
                + "exactly as they stand there, and send everything once more."
        case .wrongDocument:
            "We cannot accept this kind of document. Send a national identity card, passport, "
                + "driving licence or residence permit."
        case .notAccepted:
            "We could not accept these documents. Your wallet works as before; ask our support if "
                + "you believe that we are wrong."
        }
    }
}

extension PersonalField {
    static func kycDetails(_ id: ID<KycSubmission>) -> PersonalField {
        PersonalField("kyc details", id)
    }
}
