package import Values

/// Every reason identity says no.
package enum IdentityRejection: Refusal, Equatable {
    case phoneInvalid
    case usernameInvalid
    case emailInvalid
    case passwordTooWeak(reason: String)
    case phoneTaken
    case usernameTaken
    case emailTaken
    case credentialsInvalid
    case codeIncorrect(triesLeft: Int64)
    case codeExpired
    case tooManyAttempts(retryAfter: Int64)
    case alreadyVerified
    case secondStepRequired(SecondStepAsked)
    case challengeInvalid
    case methodNotAvailable([SecondStep.Method])
    case sessionInvalid
    case refreshTokenInvalid
    case sessionNotFound
    case originNotAllowed
    case csrfTokenInvalid
    case phoneNotVerified
    case forbidden
    case userNotFound
    case tierNeedsApproval
    case codeAddressInvalid
    case passwordIncorrect
    case pinTooWeak(reason: String)
    case pinRequired(threshold: Int64, currency: String, isSet: Bool)
    case pinIncorrect(triesLeft: Int64)
    case pinNotSet
    case stepUpRequired([StepUpMethod])
    case passkeyInvalid(reason: String)
    case passkeyChallengeExpired
    case passkeyUnknown
    case passkeySuspended
    case passkeyExists
    case tooManyPasskeys
    case passkeyNotFound
    case insufficientScope(String)
    case keyAddressNotAllowed
    case keyPaymentMaxMismatch
    case keyAddressesInvalid
    case tooManyKeys
    case keyNotFound
    case cursorInvalid
    case totpExists
    case totpNotFound
    /// `wasUsed`: a code that was right once, which is for the log and the owner alone.
    case secondFactorIncorrect(triesLeft: Int64, wasUsed: Bool = false)
    case nameInvalid
    case birthDateInvalid
    case languageInvalid
    case identityProven
    case emailProven
    case erasureBlocked([Fact])
    case erasureExists
    case erasureNotFound
    case ownRole
    case lastAdmin
    case disclosuresExhausted(retryAfter: Int64)
    case kycDetailsInvalid(field: String)
    case imageInvalid(reason: String)
    case imagesMissing([ImageSide])
    case tierReached
    case submissionOpen
    case submissionNotFound
    case submissionDecided(KycSubmission.State)
    case ownSubmission
    case secondPersonNeeded
    case documentsNotSeen
    case staffAddressNotAllowed
    case codeStopNotFound
    /// With what can be shown; nothing where it has to be set up first.
    case secondFactorRequired([StepUpMethod])

    /// One of each, for the table of refusals.
    package static let all: [IdentityRejection] = [
        .phoneInvalid, .usernameInvalid, .emailInvalid, .passwordTooWeak(reason: "too_short"),
        .phoneTaken, .usernameTaken, .emailTaken, .credentialsInvalid,
        .codeIncorrect(triesLeft: 4), .codeExpired, .tooManyAttempts(retryAfter: 60),
        .alreadyVerified, .secondStepRequired(SecondStepAsked.example), .challengeInvalid,
        .methodNotAvailable([]), .sessionInvalid, .refreshTokenInvalid, .sessionNotFound,
        .originNotAllowed, .csrfTokenInvalid, .phoneNotVerified,
        .forbidden, .userNotFound, .tierNeedsApproval,
        .codeAddressInvalid, .passwordIncorrect, .pinTooWeak(reason: "sequence"),
        .pinRequired(threshold: 500_000, currency: "KES", isSet: true),
        .pinIncorrect(triesLeft: 4), .pinNotSet, .stepUpRequired([.pin]),
        .passkeyInvalid(reason: "signature_wrong"), .passkeyChallengeExpired, .passkeyUnknown,
        .passkeySuspended, .passkeyExists, .tooManyPasskeys, .passkeyNotFound,
        .insufficientScope("transfers:write"), .keyAddressNotAllowed, .keyPaymentMaxMismatch,
        .keyAddressesInvalid, .tooManyKeys, .keyNotFound,
        .cursorInvalid,
        .totpExists, .totpNotFound, .secondFactorIncorrect(triesLeft: 4),
        .nameInvalid, .birthDateInvalid, .languageInvalid, .identityProven, .emailProven,
        .erasureBlocked([
            Fact("balances", ["KES 250.00"]), Fact("debts", ["USD -1.00"]), Fact("holds", 1),
            Fact("requests", 1), Fact("role", "support"),
        ]), .erasureExists, .erasureNotFound,
        .ownRole, .lastAdmin, .disclosuresExhausted(retryAfter: 600),
        .kycDetailsInvalid(field: "full_name"), .imageInvalid(reason: "type_unknown"),
        .imagesMissing([.front]), .tierReached, .submissionOpen, .submissionNotFound,
        .submissionDecided(.approved), .ownSubmission, .secondPersonNeeded, .documentsNotSeen,
        .staffAddressNotAllowed, .codeStopNotFound, .secondFactorRequired([.totp]),
    ]

    package var code: String {
        switch self {
        case .phoneInvalid: "phone_invalid"
        case .usernameInvalid: "username_invalid"
        case .emailInvalid: "email_invalid"
        case .passwordTooWeak: "password_too_weak"
        case .phoneTaken: "phone_taken"
        case .usernameTaken: "username_taken"
        case .emailTaken: "email_taken"
        case .credentialsInvalid: "credentials_invalid"
        case .codeIncorrect: "code_incorrect"
        case .codeExpired: "code_expired"
        case .tooManyAttempts: "too_many_attempts"
        case .alreadyVerified: "already_verified"
        case .secondStepRequired: "second_step_required"
        case .challengeInvalid: "challenge_invalid"
        case .methodNotAvailable: "method_not_available"
        case .sessionInvalid: "session_invalid"
        case .refreshTokenInvalid: "refresh_token_invalid"
        case .sessionNotFound: "session_not_found"
        case .originNotAllowed: "origin_not_allowed"
        case .csrfTokenInvalid: "csrf_token_invalid"
        case .phoneNotVerified: "phone_not_verified"
        case .forbidden: "forbidden"
        case .userNotFound: "user_not_found"
        case .tierNeedsApproval: "tier_needs_approval"
        case .codeAddressInvalid: "code_address_invalid"
        case .passwordIncorrect: "password_incorrect"
        case .pinTooWeak: "pin_too_weak"
        case .pinRequired: "pin_required"
        case .pinIncorrect: "pin_incorrect"
        case .pinNotSet: "pin_not_set"
        case .stepUpRequired: "step_up_required"
        case .passkeyInvalid: "passkey_invalid"
        case .passkeyChallengeExpired: "passkey_challenge_expired"
        case .passkeyUnknown: "passkey_unknown"
        case .passkeySuspended: "passkey_suspended"
        case .passkeyExists: "passkey_exists"
        case .tooManyPasskeys: "too_many_passkeys"
        case .passkeyNotFound: "passkey_not_found"
        case .insufficientScope: "insufficient_scope"
        case .keyAddressNotAllowed: "key_address_not_allowed"
        case .keyPaymentMaxMismatch: "key_payment_max_mismatch"
        case .keyAddressesInvalid: "key_addresses_invalid"
        case .tooManyKeys: "too_many_keys"
        case .keyNotFound: "key_not_found"
        case .cursorInvalid: "cursor_invalid"
        case .totpExists: "totp_exists"
        case .totpNotFound: "totp_not_found"
        case .secondFactorIncorrect: "second_factor_incorrect"
        case .nameInvalid: "name_invalid"
        case .birthDateInvalid: "birth_date_invalid"
        case .languageInvalid: "language_invalid"
        case .identityProven: "identity_proven"
        case .emailProven: "email_proven"
        case .erasureBlocked: "erasure_blocked"
        case .erasureExists: "erasure_exists"
        case .erasureNotFound: "erasure_not_found"
        case .ownRole: "own_role"
        case .lastAdmin: "last_admin"
        case .disclosuresExhausted: "disclosures_exhausted"
        case .kycDetailsInvalid: "kyc_details_invalid"
        case .imageInvalid: "image_invalid"
        case .imagesMissing: "images_missing"
        case .tierReached: "tier_reached"
        case .submissionOpen: "submission_open"
        case .submissionNotFound: "submission_not_found"
        case .submissionDecided: "submission_decided"
        case .ownSubmission: "own_submission"
        case .secondPersonNeeded: "second_person_needed"
        case .documentsNotSeen: "documents_not_seen"
        case .staffAddressNotAllowed: "staff_address_not_allowed"
        case .codeStopNotFound: "code_stop_not_found"
        case .secondFactorRequired: "second_factor_required"
        }
    }

    package var status: Int {
        switch self {
        case .insufficientScope, .keyAddressNotAllowed: 403
        case .keyPaymentMaxMismatch, .keyAddressesInvalid: 422
        case .tooManyKeys: 409
        case .keyNotFound: 404
        case .phoneInvalid, .usernameInvalid, .emailInvalid, .passwordTooWeak, .codeIncorrect,
            .methodNotAvailable, .codeAddressInvalid, .pinTooWeak:
            422
        case .phoneTaken, .usernameTaken, .emailTaken, .alreadyVerified, .pinNotSet: 409
        case .credentialsInvalid, .secondStepRequired, .challengeInvalid, .sessionInvalid,
            .refreshTokenInvalid:
            401
        case .codeExpired: 410
        case .cursorInvalid: 400
        case .tooManyAttempts: 429
        case .originNotAllowed, .csrfTokenInvalid: 403
        case .phoneNotVerified, .forbidden, .passwordIncorrect, .pinRequired, .pinIncorrect,
            .stepUpRequired, .staffAddressNotAllowed, .secondFactorRequired:
            403
        case .passkeyInvalid, .secondFactorIncorrect: 422
        case .userNotFound, .codeStopNotFound, .sessionNotFound: 404
        case .tierNeedsApproval: 409
        case .passkeyChallengeExpired: 410
        case .passkeyUnknown: 401
        case .passkeySuspended: 403
        case .passkeyExists, .tooManyPasskeys, .totpExists: 409
        case .passkeyNotFound, .totpNotFound: 404
        case .nameInvalid, .birthDateInvalid, .languageInvalid: 422
        case .identityProven, .emailProven, .erasureBlocked, .erasureExists: 409
        case .erasureNotFound: 404
        case .ownRole, .ownSubmission, .secondPersonNeeded: 403
        case .lastAdmin, .tierReached, .submissionOpen, .submissionDecided, .documentsNotSeen: 409
        case .disclosuresExhausted: 429
        case .kycDetailsInvalid, .imageInvalid, .imagesMissing: 422
        case .submissionNotFound: 404
        }
    }

    package var detail: String {
        switch self {
        case .insufficientScope(let scope): "This key is not allowed \(scope)."
        case .keyAddressNotAllowed: "This key may not be used from this address."
        case .keyPaymentMaxMismatch:
            "A key that pays or holds needs payment_max, and no other key has one."
        case .keyAddressesInvalid:
            "Addresses are written 192.0.2.1 or 2001:db8::1, networks 192.0.2.0/24."
        case .tooManyKeys:
            "There are \(MerchantKeyRules.perMerchantMax) keys already; revoke one first."
        case .keyNotFound: "There is no such key of yours."
        case .phoneInvalid:
            "Give the telephone number in international form, such as +254712345678."
        case .usernameInvalid:
            "A username has 3 to 30 letters, digits, dots, dashes or underscores, a letter first."
        case .emailInvalid: "This is not an e-mail address."
        case .passwordTooWeak(let reason): PasswordRules.sentence(reason)
        case .phoneTaken: "This telephone number already has a wallet; log in instead."
        case .usernameTaken: "This username is taken; choose another."
        case .emailTaken: "This e-mail address already has a wallet; log in instead."
        case .credentialsInvalid: "The log-in or the password is wrong."
        case .codeIncorrect(let triesLeft):
            "The code is wrong; \(triesLeft) more tries before a new code is needed."
        case .codeExpired: "There is no code to check any more; ask for a new one."
        case .tooManyAttempts(let seconds): "Too many attempts; try again in \(seconds) seconds."
        case .alreadyVerified: "This telephone number is verified already."
        case .secondStepRequired(let asked): asked.words
        case .challengeInvalid: "This log-in took too long or was answered wrongly; log in again."
        case .methodNotAvailable: "This second step is not set up; choose another."
        case .sessionInvalid: "Log in to continue."
        case .refreshTokenInvalid: "This session is over; log in again."
        case .originNotAllowed:
            "Another page may not act for you here; open the wallet's own page."
        case .csrfTokenInvalid: "This page is out of date; load it again."
        case .sessionNotFound: "There is no such session of yours; it may be over already."
        case .phoneNotVerified: "Verify the telephone number with the code sent by SMS first."
        case .forbidden: "This is not yours to see or to do."
        case .userNotFound: "There is no such user."
        case .tierNeedsApproval:
            "A higher tier takes a submission that two members of staff have looked at."
        case .codeAddressInvalid:
            "Give a telephone number in international form or an e-mail address."
        case .passwordIncorrect: "The password is wrong."
        case .pinTooWeak(let reason): PinRules.sentence(reason)
        case .pinRequired(_, _, let isSet):
            isSet
                ? "This payment needs your PIN: send it as X-Florin-PIN."
                : "This payment needs a PIN, and you have none yet: set one, or show a passkey."
        case .pinIncorrect(let triesLeft):
            "The PIN is wrong; \(triesLeft) more tries before you have to wait."
        case .pinNotSet: "You have no PIN yet; set one first."
        case .stepUpRequired([.password]): "Show that it is you: enter your password."
        case .stepUpRequired(let methods):
            "Show that it is you: with \(StepUpMethod.words(methods)), then try again."
        case .passkeyInvalid(let reason):
            reason == "user_not_verified"
                ? "The device must check your finger, face or PIN; try again or use another one."
                : "The device's answer does not fit this site; try again from this page."
        case .passkeyChallengeExpired: "This took longer than five minutes; try again."
        case .passkeyUnknown:
            "This passkey opens no wallet here; log in with your password, or try another one."
        case .passkeySuspended:
            "This passkey may have been copied and is blocked; log in with your password, remove "
                + "it and add a new one."
        case .passkeyExists: "This device's passkey is in use already."
        case .tooManyPasskeys:
            "A wallet has at most \(PasskeyRules.perPersonMax) passkeys; remove one first."
        case .passkeyNotFound: "There is no such passkey of yours."
        case .cursorInvalid: "Pages go on with the next_cursor of the page before, unchanged."
        case .totpExists: "An authenticator app is set up already; remove it first."
        case .totpNotFound: "No authenticator app is set up."
        case .secondFactorIncorrect(let triesLeft, _):
            "This code is wrong or was used before; take the next one. \(triesLeft) more tries "
                + "before a pause."
        case .nameInvalid:
            "A name has 1 to \(FullName.charactersMax) letters, without controls or what cannot be "
                + "seen."
        case .birthDateInvalid: "Give a day that was, such as 1990-05-17."
        case .languageInvalid: "Give a language such as sw, pt-BR or zh-Hant."
        case .identityProven:
            "Your documents have proven this name and birth date; ask support to change them."
        case .emailProven: "This e-mail address is yours and proven already."
        case .erasureBlocked:
            "Something is still open: take the money out, and end holds and requests first."
        case .erasureExists: "You have asked for this already; it is done when its day has come."
        case .erasureNotFound: "You have not asked to be erased."
        case .ownRole: "Nobody changes their own role; ask another admin."
        case .lastAdmin: "This is the last admin; make somebody else one first."
        case .disclosuresExhausted:
            "More people's data were looked at than an hour's work needs; go on later."
        case .kycDetailsInvalid(let field):
            "Look at \(field) again: write it as the document has it, days as 1990-03-31."
        case .imageInvalid(let reason):
            reason == "too_small"
                ? "This picture is too small to be read; take it with the camera itself."
                : reason == "too_large"
                    ? "This picture has too many pixels; send a smaller one."
                    : "Send a photograph as JPEG or PNG."
        case .imagesMissing(let sides):
            "Photographs are missing: \(sides.map(\.rawValue).joined(separator: ", "))."
        case .tierReached: "You are known this well already."
        case .submissionOpen: "Your documents are being looked at; wait, or take them back first."
        case .submissionNotFound: "There is no such submission."
        case .submissionDecided(let state): "This cannot be done any more: it is \(state.rawValue)."
        case .ownSubmission: "Nobody judges their own documents; ask a colleague."
        case .secondPersonNeeded: "Whoever reviewed it does not approve it; ask a colleague."
        case .documentsNotSeen: "Look at the documents first, and say why."
        case .staffAddressNotAllowed:
            "Staff work from the networks that the operator has named; this is none of them."
        case .codeStopNotFound: "There is no such stop, or it is over."
        case .secondFactorRequired([]):
            "Staff work with a second factor: set up an authenticator app or a passkey first."
        case .secondFactorRequired(let methods):
            "Staff work with a second factor: show \(StepUpMethod.words(methods)), then try again."
        }
    }

    package var facts: [Fact] {
        switch self {
        case .insufficientScope(let scope): [Fact("scope", scope)]
        case .tooManyKeys: [Fact("keys_max", Int64(MerchantKeyRules.perMerchantMax))]
        case .passwordTooWeak(let reason), .pinTooWeak(let reason): [Fact("reason", reason)]
        case .pinRequired(let threshold, let currency, let isSet):
            [
                Fact("threshold", threshold), Fact("currency", currency), Fact("pin_set", isSet),
            ]
        case .stepUpRequired(let methods), .secondFactorRequired(let methods):
            [Fact("methods", methods.map(\.rawValue))]
        case .codeIncorrect(let triesLeft), .pinIncorrect(let triesLeft):
            [Fact("tries_left", triesLeft)]
        case .tooManyAttempts(let seconds): [Fact("retry_after", seconds)]
        case .secondStepRequired(let asked): asked.facts
        case .methodNotAvailable(let methods): [Fact("methods", methods.map(\.rawValue))]
        case .passkeyInvalid(let reason): [Fact("reason", reason)]
        case .secondFactorIncorrect(let triesLeft, _): [Fact("tries_left", triesLeft)]
        case .disclosuresExhausted(let seconds): [Fact("retry_after", seconds)]
        case .kycDetailsInvalid(let field): [Fact("field", field)]
        case .imageInvalid(let reason): [Fact("reason", reason)]
        case .imagesMissing(let sides): [Fact("missing", sides.map(\.rawValue))]
        case .submissionDecided(let state): [Fact("state", state.rawValue)]
        case .tooManyPasskeys: [Fact("passkeys_max", Int64(PasskeyRules.perPersonMax))]
        case .erasureBlocked(let obstacles): obstacles
        default: []
        }
    }
}
